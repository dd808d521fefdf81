"""What an episode can show: every view that some replies lead to."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.registry import make_environment
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.turn import Observation


def states(environment: Environment) -> Iterator[Environment]:
    """Yields the episode at every view that it can show from here on, each once: after the fewest turns."""
    seen = set()
    ahead = deque([environment])
    while ahead:
        here = ahead.popleft()
        place = here.frame_path(), here.crop()
        if place in seen:
            continue
        seen.add(place)
        yield here
        ahead += here.ahead()


def reachable(environment: Environment) -> Iterator[Observation]:
    """Yields every view that an episode can show from here on, each once."""
    return (state.observe() for state in states(environment))


def shown_states(sample: Sample) -> Iterator[Environment]:
    """Yields the episodes of a sample at every view that they can show, the reference frame included."""
    yield make_environment(sample, reference=True)
    try:
        yield from states(make_environment(sample))
    except IndexError:
        return  # no frame of that number; `check_environment` says so


def observations(sample: Sample) -> Iterator[Observation]:
    """Yields what the episodes of a sample can show, the reference frame included."""
    return (state.observe() for state in shown_states(sample))
