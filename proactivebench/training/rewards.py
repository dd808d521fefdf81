"""What an answer earns: 1 for the right category, r_p for a suggestion that is valid in this frame, else 0.

An answer is read twice, against the suggestions and against the categories, by the same rules and in the same order of
precedence as an environment reads it (`Environment.step`). What the reward teaches is therefore what the evaluator
counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from proactivebench.answers import Outcome, Reading, read, what_counts
from proactivebench.prompts import shown
from proactivebench.scenarios import Action, Verdict
from proactivebench.training.plays import Block, Conversation, Message

CATEGORIES = 4
"""Possible answers in every sample; they are shown last."""

KINDS = ("suggestion", "abstention", "category", "unreadable")
"""Of answers, as a `Verdict` names them."""


@dataclass(frozen=True)
class SingleTurn:
    """A single turn of the train split, as far as it decides what an answer earns.

    Attributes:
        options: Everything shown, from the letter A on; the categories come last.
        accepted: The suggestions that are valid in this frame.
        answer: The right category.

    Raises:
        ValueError: The fields contradict each other; the text says which and how.
    """

    options: tuple[str, ...]
    accepted: tuple[str, ...]
    answer: str

    def __post_init__(self) -> None:
        if self.answer not in self.categories:
            raise ValueError(f"ground_truth {self.answer!r} is not among the categories shown {list(self.categories)}")
        for action in self.accepted:
            if action not in self.options[:-CATEGORIES]:
                raise ValueError(f"proactive_actions has {action!r}, which is not among the suggestions shown")

    @classmethod
    def of_row(cls, text: str, options: Sequence[str], accepted: Sequence[str], answer: str) -> SingleTurn:
        """Makes the turn of a row.

        Args:
            text: The user's text, which shows the lettered options.
            options: All that is shown, or only the suggestions and the abstention.
            accepted: The row's `proactive_actions`.
            answer: The row's `ground_truth`.
        """
        there = shown(text).options
        if tuple(options) not in (there, there[:-CATEGORIES]):
            raise ValueError(f"options are {list(options)}, but the prompt shows {list(there)}")
        return cls(there, tuple(accepted), answer)

    @property
    def categories(self) -> tuple[str, ...]:
        """The possible answers."""
        return self.options[-CATEGORIES:]

    def read(self, reply: str) -> Verdict:
        """Reads a reply as an environment does."""
        said = what_counts(reply)
        return Verdict(*read(said, self.options, self.accepted, self.categories, (self.answer,)), Action.STOP)


def _is_correct(reading: Reading) -> bool:
    return reading.outcome is Outcome.CORRECT


class Reward:
    """What a verdict earns.

    Args:
        proactive_reward: What a valid suggestion earns (r_p), 0 to 1.
    """

    def __init__(self, proactive_reward: float):
        self._of_suggestion = proactive_reward

    def of(self, verdict: Verdict) -> float:
        """The reward of an answer that was read."""
        if _is_correct(verdict.category):
            return 1.0
        return self._of_suggestion if _is_correct(verdict.suggestion) else 0.0


class TurnPlay:
    """A row of the train split as an episode of one turn; see `Play`.

    Args:
        row: Its columns, with the picture as stored bytes.
        reward: What its answer earns.
    """

    def __init__(self, row: Mapping[str, Any], reward: Reward):
        [picture], messages = row["images"], row["prompt"]
        self.shown: Conversation = tuple(Message(one["role"], _blocks(one, picture["bytes"])) for one in messages)
        self._turn = SingleTurn.of_row(
            message_text(messages[-1]), row["options"], row["proactive_actions"], row["ground_truth"]
        )
        self._reward = reward
        self._verdict: Verdict | None = None

    @property
    def done(self) -> bool:
        return self._verdict is not None

    def answer(self, reply: str) -> None:
        self._verdict = self._turn.read(reply)

    @property
    def verdict(self) -> Verdict:
        """How the answer was read."""
        assert self._verdict is not None
        return self._verdict

    @property
    def reward(self) -> float:
        return self._reward.of(self.verdict)

    @property
    def told(self) -> dict[str, float]:
        verdict = self.verdict
        asks = verdict.reading is verdict.suggestion and _is_correct(verdict.suggestion)
        return {
            **{f"answers/{kind}": float(verdict.kind == kind) for kind in KINDS},
            "answers/valid_suggestion": float(asks),
            "answers/right_category": float(_is_correct(verdict.category)),
        }


def _blocks(message: Mapping[str, Any], picture: bytes) -> tuple[Block, ...]:
    if isinstance(message["content"], str):
        return (message["content"],)
    return tuple(picture if block["type"] == "image" else block["text"] for block in message["content"])


def message_text(message: Mapping[str, Any]) -> str:
    """The text of a message, whose content is a string or a list of blocks."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(block.get("text") or "" for block in content)
