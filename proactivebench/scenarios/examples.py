"""Solved episodes, to be put in front of a question (few-shot); a scenario's `Example` says how it is solved."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from proactivebench.answers import letter
from proactivebench.errors import UsageError
from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.registry import SCENARIOS
from proactivebench.scenarios.turn import Observation


def solvable() -> list[str]:
    """Short names of the scenarios that have examples."""
    return [scenario.name for scenario in SCENARIOS.values() if scenario.example]


class Chooser(Protocol):
    """A generator of random numbers, or the module `random`."""

    def choice(self, seq: Sequence[str], /) -> str: ...


class SolvedTurn(NamedTuple):
    """One turn of a solved episode: what was shown, and the answer to give."""

    observation: Observation
    answer: str


def solve(environment: Environment, rng: Chooser, *, reasoning: bool = False) -> Iterator[SolvedTurn]:
    """Says how to play an episode as a few-shot example, turn by turn.

    Args:
        environment: An episode of a scenario with an example; the caller gives it each turn's answer before taking the
            next turn.
        rng: Chooses the one move, where there is one alone.
        reasoning: Put a sentence of reasoning and the letter in front of each suggestion.

    Yields:
        The turns; the last one's answer is the category.

    Raises:
        UsageError: The scenario has no examples.
    """
    example = environment.scenario.example
    if example is None:
        raise UsageError(
            f"Few-shot examples exist for {' and '.join(solvable())} alone, not for {environment.scenario.name}."
        )
    moved = False
    while environment.accepted and not (example.one_move and moved):
        observation = environment.observe()
        answer = rng.choice(environment.accepted) if example.one_move else environment.accepted[0]
        if reasoning:
            label = letter(observation.options.index(answer))
            answer = f"{example.reasoning} {label}. {answer}"
        yield SolvedTurn(observation, answer)
        moved = True
    yield SolvedTurn(environment.observe(), environment.sample.answer)
