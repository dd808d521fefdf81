"""What an `openai:` request says besides the conversation: limits, how the reply is drawn, and what the user adds.

There are two forms, and the model's name or the user decides between them before the first request, so that `run.json`
can say exactly what was sent. A model that thinks before it answers (o1, o3, o4-mini, GPT-5 ...) takes no temperature,
and its limit of tokens counts the thinking too: room for that is added to the answer's. All others are asked with
`max_tokens` and, where the reply shall be the most probable one, `temperature` 0.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from proactivebench.errors import UsageError

THINKING_TOKENS = 25_000
"""Room for thinking in front of the answer, which OpenAI advises to reserve at least."""

LARGEST_SEED = 2**31
"""Seeds are below this: some servers take 32-bit integers alone."""

_THINKERS = re.compile(r"(o\d|gpt-[5-9]|gemini-(2\.5|[3-9]))(?!.*chat)", re.IGNORECASE)
"""Names, after the last slash, of hosted models that think unless told not to; `gpt-5-chat-latest` does not."""

_OURS = ("model", "messages", "stream", "n")
"""What the toolkit says itself in every request."""

OTHER_FORM = {
    "max_tokens": "The model reasons before it answers: use --reasoning.",
    "temperature": "The model reasons before it answers: use --reasoning, and perhaps no --temperature.",
    "max_completion_tokens": "The model does not reason, or the server lacks this parameter: use --no-reasoning.",
    "reasoning_effort": "Take another --reasoning-effort, or leave it out.",
}
"""Parameter that a server refuses -> what to do."""


@dataclass(frozen=True)
class RequestForm:
    """The form of all requests to one model.

    Attributes:
        sample: Draw replies as the server does by default, by the request's seed, instead of taking the most probable
            token each time.
        max_new_tokens: Tokens of the longest answer.
        temperature: Overrides what `sample` says.
        reasoning: Whether the model thinks before it answers.
        effort: How much, in the server's words (`low`).
        extra: Further parameters, which override the others.

    Raises:
        UsageError: `extra` says what the toolkit says.
    """

    sample: bool = False
    max_new_tokens: int = 50
    temperature: float | None = None
    reasoning: bool = False
    effort: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if taken := sorted(self.extra.keys() & set(_OURS)):
            raise UsageError(f"--extra-body cannot say {taken[0]}, which is the toolkit's own.")

    @property
    def draws(self) -> bool:
        """Whether a repeated request may get another reply by chance, as opposed to always the most probable one."""
        return bool(self.constants.get("temperature", 1))

    @property
    def said(self) -> dict[str, Any]:
        """What every request says, but for what the user adds."""
        temperature = 0 if self.temperature is None and not (self.sample or self.reasoning) else self.temperature
        limit = {"max_completion_tokens": self.max_new_tokens + THINKING_TOKENS}
        said = {
            **(limit if self.reasoning else {"max_tokens": self.max_new_tokens}),
            "temperature": temperature,
            "reasoning_effort": self.effort,
        }
        return {name: value for name, value in said.items() if value is not None}

    @property
    def constants(self) -> dict[str, Any]:
        """What every request says."""
        return self.said | dict(self.extra)

    def parameters(self, seed: int) -> dict[str, Any]:
        """What one request says."""
        return ({"seed": seed % LARGEST_SEED} if self.draws else {}) | self.constants

    def describe(self) -> dict[str, Any]:
        """What decides the replies, as JSON values."""
        return self.constants | ({"seed": self.constants.get("seed", "the turn's")} if self.draws else {})


def thinks(name: str) -> bool:
    """Whether a model's name is that of one which thinks before it answers."""
    return _THINKERS.match(name.rpartition("/")[2]) is not None
