"""Mode `forced`: on every frame on the way to the reference frame the model must name a category.

No suggestion is offered, each frame is a conversation of its own, and whatever is named, the next frame of the shortest
way comes. What the model would have said, had it not asked, is what `when` holds its asking against.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from proactivebench.evaluation.records import Turn
from proactivebench.scenarios import AnyAction, Environment
from proactivebench.scenarios.check import way_to_reference
from proactivebench.scenarios.scenario import Action


def forced_turns(environment: Environment) -> Iterator[tuple[Environment, AnyAction]]:
    """Yields the turns of the shortest way: as one that offers categories alone, and what brings the next frame.

    Where several ways are equally short, as on COCO diagonals, it is the one whose suggestions are listed first.

    Args:
        environment: The episode at its start; afterwards it has come to the end of the way, the reference frame. One
            without a way has its first turn alone.
    """
    for suggestion in way_to_reference(environment) or []:
        asked = environment.with_categories_alone()
        yield asked, environment.step(suggestion).action
    yield environment.with_categories_alone(), Action.STOP


def asks_left(environment: Environment) -> int | None:
    """How many more suggestions the episode takes from here on before one ends it; None where none is offered now."""
    if not environment.suggestions:
        return None
    here = copy.copy(environment)
    left = 0
    while here.accepted:
        here.step(here.accepted[0])
        if here.done:
            break
        left += 1
    return left


def right(turn: Turn) -> bool:
    """Whether a forced answer is right, as the environment judged it: on ROD none is in the first turn."""
    return turn.category == "correct"
