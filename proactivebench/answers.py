"""The reading of an answer: which of the shown options a reply names, if any.

The rules are published protocol and stay as they are, odd corners included: the full text is compared first, both sides
normalised, then the letter. `Screwdriver` without its period therefore names nothing, `D. Screwdriver` counts by its
letter. Where two texts of one list normalise alike (the published package raises there) the raw texts decide first.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from enum import StrEnum
from functools import lru_cache
from typing import Literal, NamedTuple

_LETTER_PREFIX = re.compile(r"^.*[A-Z]\.\s*")


class Outcome(StrEnum):
    """What the comparison of an answer with one list gave."""

    CORRECT = "correct"
    WRONG = "wrong"
    MISMATCH = "mismatch"


class Reading(NamedTuple):
    """How an answer was read against one list.

    Attributes:
        outcome: Whether it names a correct text, another text of the list, or none.
        position: Place in the list of the text it names; None for a mismatch.
        by: Whether the full text or the letter decided; None for a mismatch.
    """

    outcome: Outcome
    position: int | None
    by: Literal["text", "letter"] | None


_MISMATCH = Reading(Outcome.MISMATCH, None, None)


@lru_cache(maxsize=16384)
def normalise(text: str) -> str:
    """Drops all up to the last letter label (`B. `) of the first line, lower-cases, strips, removes spaces."""
    return _LETTER_PREFIX.sub("", text, count=1).lower().strip().replace(" ", "")


def letter_position(text: str) -> int | None:
    """Position in the alphabet (0 for A) of an answer that is a single letter, perhaps with a period and more text."""
    letter = text.split(".", 1)[0].lower().strip()
    return ord(letter) - ord("a") if len(letter) == 1 and "a" <= letter <= "z" else None


class Choices:
    """A list of shown texts, prepared for reading many answers.

    Args:
        texts: The texts in the order in which they are shown.
        correct: Those of them that are correct.
        first_letter: Position in the alphabet of the first text's letter.
    """

    __slots__ = ("_by_raw_text", "_by_text", "_first_letter", "_outcomes")

    def __init__(self, texts: Sequence[str], correct: Collection[str], first_letter: int = 0):
        self._outcomes = [Outcome.CORRECT if text in correct else Outcome.WRONG for text in texts]
        self._first_letter = first_letter
        self._by_text: dict[str, int] = {}
        self._by_raw_text: dict[str, int] = {}
        for position, text in enumerate(texts):
            self._by_text.setdefault(normalise(text), position)
        if len(self._by_text) < len(texts):
            self._separate(texts)

    def _separate(self, texts: Sequence[str]) -> None:
        keys = [normalise(text) for text in texts]
        self._by_raw_text = {text.strip().lower(): position for position, text in enumerate(texts)}
        self._by_text = {key: position for position, key in enumerate(keys) if keys.count(key) == 1}

    def read(self, answer: str) -> Reading:
        """Reads an answer against this list."""
        position = self._by_raw_text.get(answer.strip().lower()) if self._by_raw_text else None
        if position is None:
            position = self._by_text.get(normalise(answer))
        if position is not None:
            return Reading(self._outcomes[position], position, "text")
        letter = letter_position(answer)
        if letter is not None and 0 <= letter - self._first_letter < len(self._outcomes):
            position = letter - self._first_letter
            return Reading(self._outcomes[position], position, "letter")
        return _MISMATCH
