"""Wrong categories of a sample.

The published package fails on a sample in which two categories normalise to the same text, and a reader could not tell
them apart either: such a pair is never drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from proactivebench.answers import normalise

WRONG_CATEGORIES = 3
"""A sample shows four categories, one of them right."""


def draw_wrong_categories(random: Random, answer: str, pool: Iterable[str], count: int = WRONG_CATEGORIES) -> list[str]:
    """Draws wrong categories that differ, normalised, from the answer and from each other.

    Args:
        random: Decides the draw.
        answer: The right category, as it is shown (`Alarm clock.`).
        pool: Categories as they are shown, in a fixed order; the answer may be among them.
        count: Number of wrong categories.

    Raises:
        ValueError: The pool has too few different ones.
    """
    texts = {normalise(text): text for text in pool}
    candidates = [text for key, text in texts.items() if key and key != normalise(answer)]
    if len(candidates) < count:
        raise ValueError(f"{answer!r} needs {count} wrong categories, but the pool holds {len(candidates)}")
    return random.sample(candidates, count)
