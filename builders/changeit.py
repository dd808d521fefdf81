"""ChangeIt: a video whose first frame does not show what is asked for, about 20 positions to look at it.

The video is cut into frames, one per second, at most as many as there are annotated seconds. Every `step_size`-th of
them is a position; rewinding and waiting go from one to the next, so only these frames are stored. A video gives up to
two samples that share its frames: one asks for the object, one for the action.

Decided here: the object is given away by any annotated first frame, the action by one that shows the action or its
result. The reference is the middle of the longest run of positions that show the answer, farthest from the edges of an
annotation that is exact to the second only. A video that is cut is used as far as it goes, and reported.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from builders.base import Frame, Plan, PlannedSample, RecordBuilder, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.pictures import encode_jpeg, picture_versions
from builders.pipeline.storage import fingerprint, path_part
from builders.wording import REWIND, VIDEO_ABSTENTIONS, category_text, draw_texts
from proactivebench import scenarios
from proactivebench.errors import UsageError
from raw_sources.base import Problem
from raw_sources.changeit import Category, ChangeIt, ChangeItRecord, Label, read_categories
from raw_sources.video import VideoError, frames_at, readable_seconds, video_versions

POSITIONS = 20
"""About how many frames of a video an episode can reach."""

MAX_HEIGHT = 480
"""Height of a frame in pixels: that of the videos as the data set's authors have them."""

_SECONDS_OFF = 2
"""By how many seconds lengths of videos and annotations differ through rounding alone."""


WAIT_FOR_OBJECT = "Wait for the object to appear."
WAIT_FOR_ACTION = "Wait for the action to begin."
"""The published package plays ChangeIt only where it finds `Wait for the`, letter by letter."""

OBJECT_QUESTIONS = (
    "Which object is this video about?",
    "What is the main object in this video?",
    "What thing is being handled in this video?",
    "What is the person in this video working with?",
    "Which object undergoes a change in this video?",
    "What gets changed in the course of this video?",
    "Can you name the object that this video is about?",
    "Which item is at the center of this video?",
    "What are the hands in this video working on?",
    "What object is being prepared or altered here?",
    "What is the object of interest in this recording?",
    "What object is being worked on in this video?",
    "Which object plays the main part in this video?",
    "What is being transformed in this video?",
    "What object would you say this clip shows?",
)

ACTION_QUESTIONS = (
    "Which action is carried out in this video?",
    "What is being done to the object in this video?",
    "What is the person in this video doing?",
    "What action changes the object in this video?",
    "What kind of work does this video show?",
    "Can you name the action that takes place in this video?",
    "What happens to the object in the course of this video?",
    "What activity is this video about?",
    "What do the hands in this video do with the object?",
    "What action brings the object into its final state?",
    "Which step is being demonstrated in this clip?",
)


class VideoFrames(NamedTuple):
    """The frames of one video: the file, and the seconds of its positions."""

    path: Path
    seconds: range


class Question(NamedTuple):
    """One kind of question.

    Attributes:
        name: `object` or `action`.
        pool: The questions.
        wait: The suggestion to wait.
        shown_by: Labels of the seconds that show the answer.
        given_away_by: Labels of a first frame that gives the answer away.
    """

    name: str
    pool: Sequence[str]
    wait: str
    shown_by: Collection[Label]
    given_away_by: Collection[Label]

    def answer(self, category: Category) -> str:
        """The right answer for videos of a category, as it is shown."""
        return category_text(category.object_name if self.name == "object" else category.action_name)


_LABELLED = (Label.INITIAL_STATE, Label.ACTION, Label.END_STATE)

QUESTIONS = (
    Question("object", OBJECT_QUESTIONS, WAIT_FOR_OBJECT, _LABELLED, _LABELLED),
    Question("action", ACTION_QUESTIONS, WAIT_FOR_ACTION, (Label.ACTION,), (Label.ACTION, Label.END_STATE)),
)


@dataclass(frozen=True)
class ChangeItBuilder(RecordBuilder[ChangeItRecord, VideoFrames]):
    """Builds the ChangeIt scenario.

    Attributes:
        source: Videos and annotations.
        seed: Decides texts and wrong categories.
        positions: About how many frames of a video an episode can reach.

    Raises:
        UsageError: `positions` is less than 2.
    """

    scenario = scenarios.CIT

    source: ChangeIt
    seed: int = 0
    positions: int = POSITIONS

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> ChangeItBuilder:
        return cls(ChangeIt.locate(raw), options["seed"])

    def __post_init__(self) -> None:
        if self.positions < 2:
            raise UsageError(f"positions is {self.positions}, expected at least 2")

    def settings(self) -> dict[str, Any]:
        folder = self.source.folder
        annotations = (folder / "annotations" / name / f"{video}.fps1.csv" for name, video in self.source.annotated())
        videos = (record.video for record in self.source.records())
        return {
            "seed": self.seed,
            "positions": self.positions,
            "raw data": fingerprint(folder, [folder / "categories.csv", *annotations, *videos]),
        }

    def versions(self) -> dict[str, str]:
        return picture_versions() | video_versions()

    def read(self, problems: list[Problem]) -> Iterable[ChangeItRecord]:
        return self.source.read(problems)

    @cached_property
    def _categories(self) -> Sequence[Category]:
        return tuple(read_categories(self.source.folder / "categories.csv").values())

    def plan_record(self, record: ChangeItRecord) -> Plan[VideoFrames]:
        try:
            seconds = readable_seconds(record.video)
        except VideoError as error:
            return Plan((), problems=[Problem(str(record.video), str(error))])
        count = min(len(record.labels), int(seconds) + 1)
        problems = []
        if count < len(record.labels) - _SECONDS_OFF:
            what = f"holds {seconds:.0f} s, but {len(record.labels)} s are annotated. Get it again"
            problems.append(Problem(str(record.video), what))
        planned = [self._plan_sample(record, question, count) for question in QUESTIONS]
        samples = [sample for sample in planned if isinstance(sample, PlannedSample)]
        return Plan(samples, [skip for skip in planned if isinstance(skip, Skip)], problems)

    def _plan_sample(self, record: ChangeItRecord, question: Question, count: int) -> PlannedSample[VideoFrames] | Skip:
        video = f"{record.category.name}/{record.video_id}"
        key = f"{video}/{question.name}"
        if record.labels[0] in question.given_away_by:
            return Skip(key, f"the first frame shows the {question.name}")
        step = max(1, round(count / self.positions))
        seconds = range(0, count, step)
        reference = middle_of_longest_run(seconds, record.labels, question.shown_by)
        if reference is None:
            return Skip(key, f"no position shows the {question.name}")
        random = sample_random(self.seed, self.scenario, key)
        texts = draw_texts(random, question.pool, [REWIND, question.wait], VIDEO_ABSTENTIONS)
        answer = question.answer(record.category)
        try:
            wrong = draw_wrong_categories(random, answer, self._others(question, record.category))
        except ValueError as error:
            return Skip(key, f"too few categories: {error}")
        categories = [answer, *wrong]
        random.shuffle(categories)
        folder = "/".join(map(path_part, (self.scenario.dataset, record.category.name, record.video_id)))
        fields = {
            "image_template": f"{folder}/{{image}}.jpg",
            "first_image": 0,
            "num_images": count,
            "reference_image": reference,
            "prompt": texts.prompt,
            "options": texts.options,
            "categories": categories,
            "answer": answer,
            "step_size": step,
            "max_steps": len(seconds),
        }
        origin = f"ChangeIt {record.category.name}, https://www.youtube.com/watch?v={record.video_id}"
        frames = VideoFrames(record.video, seconds)
        return PlannedSample(key, fields, frames, origin, "MIT (annotations)", shared_frames=video)

    def _others(self, question: Question, category: Category) -> list[str]:
        """Answers that are wrong for a category: where something is peeled and cut, cutting is not."""
        right = {category_text(name) for name in category.other_actions}
        answers = dict.fromkeys(map(question.answer, self._categories))
        return [answer for answer in answers if answer not in right]

    def render(self, planned: PlannedSample[VideoFrames]) -> Iterator[Frame]:
        template: str = planned.fields["image_template"]
        for second, image in frames_at(planned.recipe.path, planned.recipe.seconds):
            image.thumbnail((image.width, MAX_HEIGHT), Image.Resampling.LANCZOS)
            yield Frame(template.replace("{image}", str(second)), encode_jpeg(image))


def middle_of_longest_run(seconds: Iterable[int], labels: Sequence[Label], wanted: Collection[Label]) -> int | None:
    """The middle of the longest run of seconds with a wanted label; None where none has one."""
    runs = [list(run) for found, run in groupby(seconds, lambda second: labels[second] in wanted) if found]
    longest = max(runs, key=len, default=[])
    return longest[len(longest) // 2] if longest else None
