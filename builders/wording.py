"""The texts that builders put into samples.

Rule of the protocol: a suggestion holds exactly one keyword of its scenario's actions (`Scenario.keywords`), an
abstention holds `cannot` or `do not` and no keyword at all. What is asked and suggested stands with each builder: the
questions are our own, and so are the suggestions of Quick, Draw! and MVP-N; the others have those of the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import NamedTuple

ABSTENTIONS = (
    "I cannot tell from this picture.",
    "I do not know what this is.",
    "I cannot answer this with certainty.",
)

VIDEO_ABSTENTIONS = (
    "I cannot tell from this frame.",
    "I do not know the answer.",
    "I cannot answer this with certainty.",
)
"""Of the scenarios whose questions are about a frame of a video."""

REWIND = "Rewind the video."
"""Their suggestion; the published package plays ChangeIt only where it finds this, letter by letter."""


class Texts(NamedTuple):
    """The texts of one sample; `options` are in the order in which they are shown."""

    prompt: str
    options: list[str]


def draw_texts(
    random: Random, questions: Sequence[str], suggestions: Iterable[str], abstentions: Sequence[str] = ABSTENTIONS
) -> Texts:
    """A question, and all of the suggestions and one abstention in random order."""
    options = [*suggestions, random.choice(abstentions)]
    random.shuffle(options)
    return Texts(random.choice(questions), options)


def category_text(name: str) -> str:
    """A category as it is shown: `The Eiffel Tower` becomes `The eiffel tower.`."""
    return f"{name.capitalize()}."
