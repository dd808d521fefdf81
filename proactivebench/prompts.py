"""The texts that a model reads. Published protocol, letter by letter; tests freeze them in snapshots."""

from __future__ import annotations

from collections.abc import Sequence

from proactivebench.answers import letter

OPEN_ENDED_HINT = "If you cannot answer this question, please tell me what I should do to help you."
"""Appended to the question in the open-ended setting with a hint."""

_CHOOSE = "Choose from the following options. Options:\n"
_SHORT_ANSWER = "Please only return one of the options without any other words."


def question(prompt: str, *, pre_prompt: str = "", hint: str = "") -> str:
    """The question with the scenario's sentence in front and the hint behind, separated by spaces."""
    before, behind = pre_prompt and f"{pre_prompt} ", hint and f" {hint}"
    return f"{before}{prompt}{behind}"


def multiple_choice(question: str, options: Sequence[str], short_answer: bool = False) -> str:
    """The user's text of a multiple-choice turn; the options get the letters from A."""
    lines = "".join(f"{letter(index)}. {option}\n" for index, option in enumerate(options))
    return f"{question} {_CHOOSE}{lines}{_SHORT_ANSWER if short_answer else ''}"


def shows_options(text: str) -> bool:
    """Whether a user's text is that of a multiple-choice turn."""
    return _CHOOSE in text
