"""Wrong categories of a sample.

The published package fails on a sample in which two categories normalise to the same text, and a reader could not tell
them apart either: such a pair is never drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from random import Random

from proactivebench.answers import normalise

WRONG_CATEGORIES = 3
"""A sample shows four categories, one of them right."""


def draw_wrong_categories(random: Random, answer: str, *pools: Iterable[str]) -> list[str]:
    """Draws wrong categories that differ, normalised, from the answer and from each other.

    Args:
        random: Decides the draw.
        answer: The right category, as it is shown (`Alarm clock.`).
        pools: Categories as they are shown, in a fixed order; the answer may be among them. A later pool serves only
            where those before it do not suffice.

    Raises:
        ValueError: The pools hold too few different ones.
    """
    taken = {"", normalise(answer)}
    drawn: list[str] = []
    for pool in pools:
        texts = _told_apart(tuple(pool))
        candidates = [text for key, text in texts.items() if key not in taken]
        drawn += random.sample(candidates, min(len(candidates), WRONG_CATEGORIES - len(drawn)))
        taken |= texts.keys()
    if len(drawn) < WRONG_CATEGORIES:
        raise ValueError(
            f"{answer!r} needs {WRONG_CATEGORIES} wrong categories that can be told apart, there are {len(drawn)}"
        )
    return drawn


@lru_cache(maxsize=256)
def _told_apart(pool: tuple[str, ...]) -> Mapping[str, str]:
    """Normalised text -> text, the last of those that normalise alike."""
    return {normalise(text): text for text in pool}
