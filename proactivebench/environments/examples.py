"""Solved episodes, to be put in front of a question (few-shot setting).

ROD: the first frame with a suggestion, the next frame with the category. MVP-N: the suggestion on every view, the
category on the last one, optionally only the first and last of these. The two sentences that spell the reasoning out
are published texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from proactivebench import scenarios
from proactivebench.answers import letter
from proactivebench.environments.base import Environment, Observation
from proactivebench.errors import UsageError

REASONING = {
    scenarios.ROD.name: "I cannot see what is behind the occluding object. Moving the occluding object might reveal "
    "its position. So, first, I need to move the occluding object and then answer the question. "
    "Therefore, the answer is:",
    scenarios.MVPN.name: "I cannot tell which object is this. Rotating the object or changing the viewpoint might "
    "provide a more informative view. So, first, I need to rotate the object or change the viewpoint and then answer "
    "the question. Therefore, the answer is:",
}

SOLVABLE = tuple(REASONING)
"""Short names of the scenarios that the paper gives examples of."""

SMALL_SHORT_EDGE = {scenarios.ROD.name: 512, scenarios.MVPN.name: 112}
"""Pixels of the short edge of an example's frames where they are shrunk (the paper does so for one model)."""


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
        environment: An episode of ROD or MVP-N. Whoever takes a turn gives its answer to the environment before taking
            the next.
        rng: Chooses the direction (ROD).
        reasoning: Put a sentence of reasoning and the letter in front of each suggestion.

    Yields:
        The turns; the last one's answer is the category.

    Raises:
        UsageError: The paper gives no examples of this scenario.
    """
    scenario = environment.scenario
    if scenario.name not in REASONING:
        raise UsageError(f"Few-shot examples exist for ROD and MVP-N alone, not for {scenario.name}.")
    moved = False
    while environment.accepted and not (scenario is scenarios.ROD and moved):
        observation = environment.observe()
        answer = rng.choice(environment.accepted) if scenario is scenarios.ROD else environment.accepted[0]
        if reasoning:
            label = letter(observation.suggestions.index(answer))
            answer = f"{REASONING[scenario.name]} {label}. {answer}"
        yield SolvedTurn(observation, answer)
        moved = True
    yield SolvedTurn(environment.observe(), environment.sample.answer)
