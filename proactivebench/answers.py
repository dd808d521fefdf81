"""The reading of an answer: which of the shown options a reply names, if any.

The rules are published protocol and stay as they are, odd corners included: the full text is compared first, both sides
normalised, then the letter. `Screwdriver` without its period therefore names nothing, `D. Screwdriver` counts by its
letter. Of texts that normalise alike the first counts; where that one is wrong and another right (the published package
raises there), the raw texts tell them apart.
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
        text: The text that it names, as it was shown; None for a mismatch.
    """

    outcome: Outcome
    position: int | None
    by: Literal["text", "letter"] | None
    text: str | None


_MISMATCH = Reading(Outcome.MISMATCH, None, None, None)


def letter(position: int) -> str:
    """The label of a shown text: A for position 0; past Z come the characters that follow it in Unicode."""
    return chr(ord("A") + position)


def without_thinking(reply: str) -> str | None:
    """What a reply says after the thinking that it spells out (`<think> ... </think>`); None where that never ended."""
    _, end, said = reply.rpartition("</think>")
    return None if not end and "<think>" in reply else said


def what_counts(reply: str) -> str:
    """What is read of a reply: no thinking, which may name any option on its way, finished or not."""
    return without_thinking(reply) or ""


@lru_cache(maxsize=16384)
def normalise(text: str) -> str:
    """Drops all up to the last letter label (`B. `) of the first line, lower-cases, strips, removes spaces."""
    return _LETTER_PREFIX.sub("", text, count=1).lower().strip().replace(" ", "")


class Choices:
    """A list of shown texts, prepared for reading many answers.

    Args:
        texts: The texts in the order in which they are shown.
        correct: Those of them that are correct.
        first_letter: Position in the alphabet of the first text's letter.
    """

    __slots__ = ("_by_letter", "_by_raw_text", "_by_text", "_outcomes", "_texts")

    def __init__(self, texts: Sequence[str], correct: Collection[str], first_letter: int = 0):
        self._texts = texts
        places = range(len(texts))
        keys = [normalise(text) for text in texts]
        self._outcomes = [Outcome.CORRECT if text in correct else Outcome.WRONG for text in texts]
        # From behind, so that the first of several alike counts.
        self._by_letter = {letter(first_letter + place).lower(): place for place in reversed(places)}
        self._by_text = {keys[place]: place for place in reversed(places)}
        right = {keys[place] for place in places if self._outcomes[place] is Outcome.CORRECT}
        contested = {key for key in right if self._outcomes[self._by_text[key]] is Outcome.WRONG}
        self._by_raw_text = {
            (key, texts[place].strip().lower()): place for place, key in enumerate(keys) if key in contested
        }
        for key in contested:
            del self._by_text[key]

    def read(self, answer: str) -> Reading:
        """Reads an answer against this list."""
        key = normalise(answer)
        position = self._by_text.get(key)
        if position is None and self._by_raw_text:
            position = self._by_raw_text.get((key, answer.strip().lower()))
        if position is not None:
            return Reading(self._outcomes[position], position, "text", self._texts[position])
        position = self._by_letter.get(answer.split(".", 1)[0].lower().strip())
        if position is not None:
            return Reading(self._outcomes[position], position, "letter", self._texts[position])
        return _MISMATCH


@lru_cache(maxsize=4096)
def _choices(texts: tuple[str, ...], correct: tuple[str, ...], first_letter: int) -> Choices:
    return Choices(texts, correct, first_letter)


def read(
    answer: str,
    options: tuple[str, ...],
    accepted: tuple[str, ...],
    categories: tuple[str, ...],
    right: tuple[str, ...],
) -> tuple[Reading, Reading]:
    """Reads an answer against both lists that a turn shows.

    Args:
        answer: What was said.
        options: Everything shown, from the letter A on: suggestions and abstention, then the categories.
        accepted: The suggestions that are right now.
        categories: The possible answers.
        right: Those of them that count as right.

    Returns:
        How it was read against suggestions and abstention, and against the categories.
    """
    before = len(options) - len(categories)
    return (
        _choices(options[:before], accepted, 0).read(answer),
        _choices(categories, right, before).read(answer),
    )
