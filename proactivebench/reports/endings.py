"""What became of an episode and of each of its turns, in words.

The records hold codes; people want to know how an episode ended (`Ending`), how a reply was read and why, and what the
environment did then.
"""

from __future__ import annotations

from enum import StrEnum

from proactivebench.answers import Outcome
from proactivebench.evaluation.judging import JudgedReply
from proactivebench.evaluation.records import Episode, Turn
from proactivebench.scenarios import Action, Sample


class Ending(StrEnum):
    """How an episode ended; the value is what people read."""

    RIGHT = "right"
    ASKED = "valid suggestion"
    WRONG = "wrong name"
    ABSTAINED = "abstained"
    OUT_OF_TURNS = "asked too long"
    REFUSED = "wrong suggestion"
    UNREADABLE = "unreadable"
    NEITHER = "neither"
    UNJUDGED = "not judged"
    ERROR = "error"


MEANING = {
    Ending.RIGHT: "named the right category",
    Ending.ASKED: "suggested in its own words what helps here",
    Ending.WRONG: "named a wrong category, or one that cannot be known yet",
    Ending.ABSTAINED: "said that it cannot answer",
    Ending.OUT_OF_TURNS: "still asked, as before, when nothing more could come",
    Ending.REFUSED: "made a suggestion that is not accepted here",
    Ending.UNREADABLE: "replied with none of the options",
    Ending.NEITHER: "neither named the right category nor made a valid suggestion",
    Ending.UNJUDGED: "replied in its own words, which no judge has read",
    Ending.ERROR: "got no reply to score; counted beside the scores",
}
"""Ending -> what the model did."""

_OF_KIND = {
    "category": Ending.WRONG,
    "abstention": Ending.ABSTAINED,
    "unreadable": Ending.UNREADABLE,
}


def ending(episode: Episode, judged: JudgedReply | None) -> Ending:
    """How an episode ended.

    Args:
        episode: The episode.
        judged: What a judge said about its free reply, if it is one and was judged.
    """
    if episode.error is not None:
        return Ending.ERROR
    if episode.correct:
        return Ending.RIGHT
    last = episode.turns[-1]
    if last.kind == "suggestion":
        return Ending.OUT_OF_TURNS if _asked_too_long(episode) else Ending.REFUSED
    if last.kind == "open_ended":
        return _ending_of_free(judged)
    return Ending.NEITHER if last.chosen is None and last.judge is not None else _OF_KIND[last.kind]


def _asked_too_long(episode: Episode) -> bool:
    """Whether the last suggestion came in the last turn, and was one that is accepted: now, or in an earlier turn."""
    accepted = {turn.chosen for turn in episode.turns if turn.action is not Action.STOP}
    return len(episode.turns) == episode.max_turns and episode.turns[-1].chosen in accepted


def _ending_of_free(judged: JudgedReply | None) -> Ending:
    if judged is None or judged.error is not None:
        return Ending.UNJUDGED
    if judged.category:
        return Ending.RIGHT
    return Ending.ASKED if judged.suggestion else Ending.NEITHER


def how_judged(judged: JudgedReply | None) -> str:
    """What a judge made of a free reply."""
    if judged is None:
        return "A free reply that no judge has read yet."
    if judged.error is not None:
        return f"A free reply whose judgement failed: {judged.error.message}"
    found = ["a valid suggestion"] * judged.suggestion + ["the right category"] * judged.category
    return f"The judge found {' and '.join(found) or 'neither a valid suggestion nor the right category'} in it."


def how_read(turn: Turn, position: int | None, sample: Sample) -> str:
    """How a reply was read against the options, and why.

    Args:
        turn: The turn.
        position: Place of the named option among those that were shown, from 0; None where there is none.
        sample: What was played.
    """
    if turn.judge is not None:
        found = "neither a suggestion that is accepted here nor the right category."
        return f"The judge found in it {found if turn.chosen is None else _judged(turn, sample)}"
    if turn.refused:
        return "The model declined to answer."
    if turn.chosen is None:
        return "Unreadable: it names none of the options, neither by the full text nor by a single letter."
    letter = "" if position is None else f" {chr(ord('A') + position)}"
    by = "the full text" if turn.by == "text" else "the letter"
    return f"Read as option{letter} by {by}: {_judged(turn, sample)}"


def _judged(turn: Turn, sample: Sample) -> str:
    if turn.kind == "abstention":
        return "an abstention."
    if turn.kind == "suggestion":
        accepted = turn.suggestion is Outcome.CORRECT
        return f"a suggestion that is {'' if accepted else 'not '}accepted here."
    if turn.category is Outcome.CORRECT:
        return "the right category."
    if turn.chosen == sample.answer:
        return "the right category, but it cannot be known yet and does not count."
    return "a wrong category."


def what_happened(turn: Turn, last: bool, episode: Episode) -> str:
    """What the environment did with a reply.

    Args:
        turn: The turn.
        last: Whether it is the last of its episode.
        episode: The episode.
    """
    if turn.kind == "open_ended":
        return ""
    done = [] if turn.action is Action.STOP else [f"The environment {turn.action.words}."]
    if last and episode.error is None:
        late = " No turn was left to answer in." if done else ""
        done.append(f"The episode ended {'with' if episode.correct else 'without'} the right answer.{late}")
    return " ".join(done)
