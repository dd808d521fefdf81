"""What an answer earns: 1 for the right category, r_p for a suggestion that is valid in this frame, else 0.

An answer is read twice, against the suggestions and against the categories, by the same rules and in the same order of
precedence as an environment reads it (`Environment.step`). What the reward teaches is therefore what the evaluator
counts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from proactivebench.answers import Outcome, Reading, read, what_counts
from proactivebench.prompts import shown
from proactivebench.scenarios import Action, Verdict

CATEGORIES = 4
"""Possible answers in every sample; they are shown last."""


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


@lru_cache(maxsize=4096)
def _turn(text: str, options: tuple[str, ...], accepted: tuple[str, ...], answer: str) -> SingleTurn:
    return SingleTurn.of_row(text, options, accepted, answer)


class Reward:
    """The reward function, in the form that TRL calls.

    Args:
        proactive_reward: What a valid suggestion earns (r_p), 0 to 1.
    """

    __name__ = "reward"

    def __init__(self, proactive_reward: float):
        self._of_suggestion = proactive_reward

    def of(self, verdict: Verdict) -> float:
        """The reward of an answer that was read."""
        if _is_correct(verdict.category):
            return 1.0
        return self._of_suggestion if _is_correct(verdict.suggestion) else 0.0

    def __call__(
        self,
        prompts: Sequence[list[dict[str, Any]]],
        completions: Sequence[list[dict[str, Any]]],
        options: Sequence[Sequence[str]],
        proactive_actions: Sequence[Sequence[str]],
        ground_truth: Sequence[str],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        """Rewards a batch, and logs the share of each kind of answer.

        Args:
            prompts: Conversations; the last message is the user's.
            completions: The model's messages, one each.
            options: The rows' column of that name, and so on.
            proactive_actions: As above.
            ground_truth: As above.
            log_metric: Takes the name of a metric and its value for this batch.
        """
        rewards = []
        shares: Counter[str] = Counter(suggestion=0, abstention=0, category=0, unreadable=0)
        shares.update(valid_suggestion=0, right_category=0)
        for prompt, completion, *row in zip(
            prompts, completions, options, proactive_actions, ground_truth, strict=True
        ):
            offered, accepted, answer = row
            turn = _turn(message_text(prompt[-1]), tuple(offered), tuple(accepted), answer)
            verdict = turn.read(message_text(completion[-1]))
            rewards.append(self.of(verdict))
            shares[verdict.kind] += 1
            shares["right_category"] += _is_correct(verdict.category)
            shares["valid_suggestion"] += verdict.reading is verdict.suggestion and _is_correct(verdict.suggestion)
        for name, count in shares.items():
            log_metric(f"answers/{name}", count / len(rewards))
        return rewards


def message_text(message: dict[str, Any]) -> str:
    """The text of a message, whose content is a string or a list of blocks."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(block.get("text") or "" for block in content)
