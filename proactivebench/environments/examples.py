"""Solved episodes, to be put in front of a question (few-shot setting).

ROD: the first frame with a suggestion, the next frame with the category. MVP-N: the suggestion on every view, the
category on the last one, optionally only the first and last of these. The two sentences that spell the reasoning out
are published texts.
"""

from __future__ import annotations

import random
from typing import NamedTuple

from proactivebench import scenarios
from proactivebench.answers import letter
from proactivebench.environments.base import Environment, Observation
from proactivebench.errors import UsageError

_REASONING = {
    scenarios.ROD.name: "I cannot see what is behind the occluding object. Moving the occluding object might reveal "
    "its position. So, first, I need to move the occluding object and then answer the question. "
    "Therefore, the answer is: ",
    scenarios.MVPN.name: "I cannot tell which object is this. Rotating the object or changing the viewpoint might "
    "provide a more informative view. So, first, I need to rotate the object or change the viewpoint and then answer "
    "the question. Therefore, the answer is: ",
}

SOLVABLE = tuple(_REASONING)
"""Short names of the scenarios that the paper gives examples of."""

SMALL_SHORT_EDGE = {scenarios.ROD.name: 512, scenarios.MVPN.name: 112}
"""Pixels of the short edge of an example's frames where they are shrunk (the paper does so for one model)."""


class SolvedTurn(NamedTuple):
    """One turn of a solved episode: what was shown, and the answer to give."""

    observation: Observation
    answer: str


def solve(environment: Environment, rng: random.Random, *, reasoning: bool = False) -> list[SolvedTurn]:
    """Plays an episode as a few-shot example.

    Args:
        environment: A fresh environment of ROD or MVP-N. It is played up to the turn of the category, which is not
            answered in it.
        rng: Chooses among several right suggestions.
        reasoning: Put a sentence of reasoning and the letter in front of each suggestion.

    Raises:
        UsageError: The paper gives no examples of this scenario.
    """
    scenario = environment.scenario
    if scenario.name not in _REASONING:
        raise UsageError(f"Few-shot examples exist for ROD and MVP-N alone, not for {scenario.name}.")
    turns = []
    while environment.accepted and not (scenario is scenarios.ROD and environment.turn):
        observation = environment.observe()
        answer = rng.choice(environment.accepted)
        if reasoning:
            label = letter(observation.suggestions.index(answer))
            answer = f"{_REASONING[scenario.name]}{label}. {answer}"
        turns.append(SolvedTurn(observation, answer))
        environment.step(answer)
    turns.append(SolvedTurn(environment.observe(), environment.sample.answer))
    return turns
