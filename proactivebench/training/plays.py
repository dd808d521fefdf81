"""What is trained on: episodes that are played, be they of one turn or of many.

A row of the train split is an episode of one turn (`rewards`); with `--multi-turn` a sample of a benchmark is one whole
episode (`multi_turn`). Rollout, pre-flight and loss know neither, but only what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from proactivebench.images import Picture

Block = str | bytes | Picture
"""A text, or a picture: the bytes of a stored file, or one that is not loaded yet."""


class Message(NamedTuple):
    """One message of a conversation."""

    role: str
    blocks: tuple[Block, ...]


Conversation = tuple[Message, ...]
"""All that has been said; equal ones are encoded once."""


class Play(Protocol):
    """An episode that is being played."""

    @property
    def done(self) -> bool:
        """Whether it has ended."""

    @property
    def shown(self) -> Conversation:
        """What the model answers now; the last message is the user's. Not asked for when the episode has ended."""

    def answer(self, reply: str) -> None:
        """Takes the model's literal answer."""

    @property
    def reward(self) -> float:
        """What the episode has earned, at its end."""

    @property
    def told(self) -> Mapping[str, float]:
        """What the log says of it, by name, as the mean over episodes; the same names in all episodes of a kind."""
