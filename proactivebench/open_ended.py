"""The open-ended setting: which free replies are valid, what a judge is told, and how its output is read.

The valid replies and the reading of the judge's output are published protocol; the instructions are our own text, with
the same contract: one 0 or 1 per valid reply, comma separated, at the end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources

from proactivebench import scenarios
from proactivebench.samples import ImageNetCSample, Sample
from proactivebench.scenarios import Action, Scenario

INSTRUCTIONS_VERSION = "1"
"""Changes whenever `judge_instructions.txt` changes, so that judgements of different texts are never mixed."""

_RUN_OF_BITS = re.compile(r"[01](?:\s*,\s*[01])*")

_SUGGESTIONS: dict[str, tuple[str, ...]] = {
    "ROD": ("Move the blocks", "Move the camera"),
    "VSOD": ("Wait for the occlusion to disappear", "Rewind the video", "Move the camera"),
    "MVP-N": ("Rotate the object", "Move the camera"),
    "QD": ("Add more details to the drawing",),
    "COCO": ("Move the camera", "Move farther from the object"),
}
SUGGESTION_COUNT = {name: len(texts) for name, texts in _SUGGESTIONS.items()} | {"IN-C": 1, "CIT": 2}
"""Short scenario name -> how many of the valid replies, from the front, are suggestions; the rest are categories."""


def _suggestions(sample: Sample) -> tuple[str, ...]:
    if isinstance(sample, ImageNetCSample):
        return (sample.quality_answer.removesuffix("."),)
    if sample.scenario is scenarios.CIT:
        waiting = next(option for option in sample.options if sample.scenario.action_of(option) is Action.FORWARD)
        return (waiting.removesuffix("."), "Rewind the video")
    return _SUGGESTIONS[sample.scenario.name]


def valid_replies(sample: Sample) -> list[str]:
    """The replies that a judge accepts: suggestions first, then the category (ROD and MVP-N have none)."""
    replies = list(_suggestions(sample))
    if sample.scenario not in (scenarios.ROD, scenarios.MVPN):
        replies.append(sample.answer.replace(".", ""))
    return replies


def published_text(sample: Sample) -> str:
    """The valid replies as the published package writes them: one string, without spaces for ChangeIt."""
    separator = "," if sample.scenario is scenarios.CIT else ", "
    return separator.join(valid_replies(sample)) + "."


def judge_instructions() -> str:
    """Our instructions for a judge, version `INSTRUCTIONS_VERSION`."""
    return resources.files("proactivebench").joinpath("judge_instructions.txt").read_text(encoding="utf-8")


def judge_question(question: str, replies: list[str], reply: str) -> str:
    """What a judge is asked about one reply."""
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(replies, start=1))
    return f"Question:\n{question}\n\nValid answers:\n{numbered}\n\nReply to judge:\n{reply}"


@dataclass(frozen=True)
class Judgement:
    """What a judge's output says about one reply.

    Attributes:
        suggestion: Whether the reply makes a valid suggestion (ps).
        category: Whether it names the right category (cc).
    """

    suggestion: bool
    category: bool

    @property
    def aggregate(self) -> bool:
        """Either of the two (agg)."""
        return self.suggestion or self.category


def read_judgement(output: str, count: int, scenario: Scenario) -> Judgement | None:
    """Reads a judge's output: its last run of comma-separated 0s and 1s.

    Args:
        output: The judge's literal text, without its thinking.
        count: Number of valid replies that it was shown.
        scenario: Tells which of them are suggestions.

    Returns:
        None where there is no such run, or one of another length.
    """
    runs = _RUN_OF_BITS.findall(output)
    bits = [bit == "1" for bit in re.findall("[01]", runs[-1])] if runs else []
    if len(bits) != count:
        return None
    suggestions = SUGGESTION_COUNT[scenario.name]
    return Judgement(any(bits[:suggestions]), any(bits[suggestions:]))
