"""The texts that a model reads. Published protocol, letter by letter; tests freeze them in snapshots."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from proactivebench.answers import letter

OPEN_ENDED_HINT = "If you cannot answer this question, please tell me what I should do to help you."
"""Appended to the question in the open-ended setting with a hint."""

_LIST = "Options:\n"
_CHOOSE = f"Choose from the following options. {_LIST}"
_SHORT_ANSWER = "Please only return one of the options without any other words."


def question(prompt: str, *, pre_prompt: str = "", hint: str = "") -> str:
    """The question with the scenario's sentence in front and the hint behind, separated by spaces."""
    before, behind = pre_prompt and f"{pre_prompt} ", hint and f" {hint}"
    return f"{before}{prompt}{behind}"


def multiple_choice(question: str, options: Sequence[str], short_answer: bool = False) -> str:
    """The user's text of a multiple-choice turn; the options get the letters from A."""
    return f"{question} {_CHOOSE}{_lines(tuple(options))}{_SHORT_ANSWER if short_answer else ''}"


@lru_cache(maxsize=4096)
def _lines(options: tuple[str, ...]) -> str:
    """The options, one a line; those of an episode mostly stay the same."""
    return "".join(f"{letter(index)}. {option}\n" for index, option in enumerate(options))


def shows_options(text: str) -> bool:
    """Whether a user's text is that of a multiple-choice turn."""
    return _CHOOSE in text


class Shown(NamedTuple):
    """The user's text of a turn, taken apart: the question, and the options without their letters."""

    question: str
    options: tuple[str, ...]


def shown(text: str) -> Shown:
    """Takes the user's text of a turn apart; a text without options is all question.

    Of a whole conversation, what its last turn shows.
    """
    before, found, listed = text.rpartition(_LIST)
    options: list[str] = []
    for line in listed.split("\n") if found else ():
        label = f"{letter(len(options))}. "
        if not line.startswith(label):
            break
        options.append(line.removeprefix(label))
    return Shown(before.removesuffix(f" {_CHOOSE.removesuffix(_LIST)}") if found else text, tuple(options))
