"""The labels of VSOD: what a person says about occlusions, one row of a CSV file per question.

The data set knows where something is occluded, not who speaks there, how many people there are or what happens, so a
person writes that down, in the table that `vsod_proposals` makes or in one of their own. A row in which nothing has
been filled in is passed over; every row that is wrong is named, all at once.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, NonNegativeInt, ValidationError

from builders.negatives import draw_wrong_categories
from builders.wording import REWIND, VIDEO_ABSTENTIONS, category_text
from proactivebench.answers import normalise
from proactivebench.errors import UsageError

PLACE = ("video", "first_image", "reference_image")
"""Columns that say what is shown; a proposal has them filled in."""

JUDGEMENT = ("kind", "question", "answer", "wrong_answers", "strong_occlusions")
"""Columns for a person to fill in; `question` and `wrong_answers` may stay empty."""

SEPARATOR = "|"
"""Stands between wrong answers."""

TOO_MANY_CELLS = "it has more cells than the first line. Put a text with commas into quotes"
"""What is wrong with such a row: nobody can tell to which columns its texts belong."""

FILL_IN = {
    "kind": "speaker, people or event",
    "question": "a question, or nothing for one of that kind",
    "answer": "the right answer, in one line, more than a letter, and not in the words of a suggestion or abstention",
    "wrong_answers": f"such answers with {SEPARATOR} between them, or nothing for those of other rows of that kind",
    "strong_occlusions": "yes or no",
}
"""Column -> what a person writes there."""

EXPECTED = FILL_IN | {
    "video": "test/<name> or train/<name>",
    "first_image": "the number of a frame, counted from 0",
    "reference_image": "the number of a frame, counted from 0",
}
"""Column -> what has to stand there."""

WAIT = "Wait for the occlusion to disappear."

QUESTIONS: Mapping[str, tuple[str, ...]] = {
    "speaker": (
        "Who is speaking in this scene?",
        "Which person is talking right now?",
        "Whose voice can be heard at this moment?",
        "Can you name the person who is speaking?",
        "Who has the floor at this moment?",
        "Who is saying something in this frame?",
        "Who is talking to the others?",
        "What is the name of the speaker?",
        "Who is being heard in this scene?",
        "Who is doing the talking in this part of the video?",
        "Whose turn is it to speak?",
        "Who would you say is speaking here?",
        "Who are the others listening to?",
        "Can you identify who is talking?",
        "Who is talking in this scene?",
    ),
    "people": (
        "How many people are in this scene?",
        "What is the number of people here?",
        "How many people take part in this scene?",
        "Can you count the people in this scene?",
        "How many people do you count here?",
        "How large is the group of people shown here?",
        "How many people are present at this moment?",
        "How many people are in front of the camera?",
        "How many people did the camera record here?",
        "How many people make up the group in this scene?",
        "If you counted everybody in this scene, how many would there be?",
        "How many different people appear in this scene?",
        "What is the head count in this scene?",
        "How many human beings does this scene show?",
        "Could you tell me how many people are here?",
    ),
    "event": (
        "What is happening in this scene?",
        "What event does this scene show?",
        "What kind of event is being recorded?",
        "What is going on here?",
        "What would you call the event in this scene?",
        "What event is taking place at this moment?",
        "What are the people in this scene taking part in?",
        "What occasion is this?",
        "What activity is the camera following here?",
        "What is this part of the video about?",
        "Can you tell which event this frame is from?",
        "What are we witnessing in this scene?",
        "What best describes what is going on?",
        "What sort of event is shown?",
        "How would you describe the event in this scene?",
    ),
}
"""Kind of question -> questions."""

_OTHER_OPTIONS = {option.lower() for option in (REWIND, WAIT, *VIDEO_ABSTENTIONS)}


def _split(text: object) -> object:
    return [part.strip() for part in text.split(SEPARATOR) if part.strip()] if isinstance(text, str) else text


def _as_option(answer: str) -> str:
    text = category_text(answer)
    if len(answer.splitlines()) != 1 or not normalise(text) or text.lower() in _OTHER_OPTIONS:
        raise ValueError("it cannot stand beside the other options")
    return answer


_Answer = Annotated[str, AfterValidator(_as_option)]


class VsodLabel(BaseModel):
    """One row.

    Attributes:
        where: File and line, for messages.
        video: Split and name of the video (`test/video_000`).
        first_image: Number of the frame that hides the answer, counted from 0.
        reference_image: Number of a frame that shows it.
        kind: Who speaks, how many people there are, or which event it is.
        question: Asked instead of one from the pool of its kind, where it is not empty.
        answer: The right category without its period.
        wrong_answers: Wrong categories that are shown before others are drawn.
        strong_occlusions: Whether the first frame hides the answer completely; other samples are not used.
    """

    model_config = ConfigDict(frozen=True, str_strip_whitespace=True)

    where: str
    video: Annotated[str, Field(pattern="^(test|train)/[^/]+$")]
    first_image: NonNegativeInt
    reference_image: NonNegativeInt
    kind: Literal["speaker", "people", "event"]
    question: str
    answer: _Answer
    wrong_answers: Annotated[tuple[_Answer, ...], BeforeValidator(_split)]
    strong_occlusions: bool

    @property
    def key(self) -> str:
        """Names the sample."""
        return f"{self.video}/{self.first_image}/{self.kind}"


def read_labels(path: Path) -> list[VsodLabel]:
    """Reads the rows that are filled in.

    Raises:
        UsageError: The file cannot be read, holds no filled-in row, or rows are wrong; the text names file, line and
            column of each, what was found and what was expected.
    """
    labels: list[VsodLabel] = []
    wrong: list[str] = []
    for where, row in _filled_in(path):
        if None in row:
            wrong.append(f"{where}: {TOO_MANY_CELLS}")
            continue
        try:
            labels.append(VsodLabel.model_validate({**row, "where": where}))
        except ValidationError as error:
            for problem in error.errors():
                column = str(problem["loc"][0])
                wrong.append(f"{where}, {column}: expected {EXPECTED[column]}, found {row[column]!r}")
    wrong += _contradictions(labels)
    if wrong:
        raise UsageError("\n".join(wrong))
    if not labels:
        raise UsageError(f"{path} has no completed rows. Please fill in the columns: {', '.join(JUDGEMENT)}.")
    return labels


def _filled_in(path: Path) -> Iterator[tuple[str, Mapping[str | None, str]]]:
    """Every row with something in the columns for a person, and where it is."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            if missing := [name for name in PLACE + JUDGEMENT if name not in (reader.fieldnames or ())]:
                raise UsageError(
                    f"{path}, line 1: there is no column {' and no column '.join(missing)}. Expected a line with the "
                    "names of the columns, separated by commas."
                )
            for row in reader:
                if any(row[name].strip() for name in JUDGEMENT):
                    yield f"{path}, line {reader.line_num}", row
    except (OSError, UnicodeError, csv.Error) as error:
        raise UsageError(f"{path}: not readable as CSV in UTF-8 ({error}).") from error


def _contradictions(labels: Sequence[VsodLabel]) -> Iterator[str]:
    """What is wrong with rows that are sound by themselves."""
    first: dict[str, VsodLabel] = {}
    for label in labels:
        if label.reference_image == label.first_image:
            yield f"{label.where}, reference_image: it is the first image too, which hides the answer"
        if first.setdefault(label.key, label) is not label:
            yield f"{label.where}, kind: {first[label.key].where} asks the same about the same frame"
        try:
            wrong_categories(Random(0), label, labels)
        except ValueError as error:
            yield f"{label.where}, wrong_answers: {error}. Add some with {SEPARATOR} between them"


def wrong_categories(random: Random, label: VsodLabel, labels: Iterable[VsodLabel]) -> list[str]:
    """Wrong categories of a row: its own first, then answers to questions of the same kind.

    Raises:
        ValueError: There are too few.
    """
    others = (category_text(other.answer) for other in labels if other.kind == label.kind)
    return draw_wrong_categories(
        random, category_text(label.answer), map(category_text, label.wrong_answers), dict.fromkeys(others)
    )
