"""All scenarios by name: the seven, and those that plug-ins bring. This page collects and knows nothing itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TypeGuard

from proactivebench.errors import UsageError
from proactivebench.scenarios.changeit import CIT
from proactivebench.scenarios.coco import COCO
from proactivebench.scenarios.environment import Draw, Environment
from proactivebench.scenarios.imagenet_c import IN_C
from proactivebench.scenarios.mvpn import MVPN
from proactivebench.scenarios.quickdraw import QD
from proactivebench.scenarios.rod import ROD
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Scenario
from proactivebench.scenarios.vsod import VSOD
from raw_sources.plugins import collect, hint, listed, plain

_OURS = (ROD, VSOD, MVPN, IN_C, QD, CIT, COCO)


def _is_scenario(thing: object) -> TypeGuard[Scenario]:
    return isinstance(thing, Scenario)


@lru_cache
def _all(plugins: str) -> dict[str, Scenario]:
    found = collect("scenarios", _OURS, _is_scenario, lambda s: {s.name, s.dataset}, reserved=("all", "train"))
    return {scenario.name: scenario for scenario in found}


class _Scenarios(Mapping[str, Scenario]):
    """Asks for plug-ins whenever it is read, so that one that is named later is there too."""

    def __getitem__(self, name: str) -> Scenario:
        return _all(listed())[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_all(listed()))

    def __len__(self) -> int:
        return len(_all(listed()))


SCENARIOS: Mapping[str, Scenario] = _Scenarios()
"""Short name -> scenario: the seven in the order of the paper's tables, then those of plug-ins by name."""


def get_scenario(name: str) -> Scenario:
    """Finds a scenario by its short or its dataset name; letter case and punctuation do not matter.

    Raises:
        UsageError: No scenario has that name; the message lists those that exist.
    """
    for scenario in SCENARIOS.values():
        if plain(name) in (plain(scenario.name), plain(scenario.dataset)):
            return scenario
    shown = {scenario: f"{scenario.name} ({scenario.dataset})" for scenario in SCENARIOS.values()}
    spellings = {plain(name): said for one, said in shown.items() for name in (one.name, one.dataset)}
    raise UsageError(f"There is no scenario {name!r}. {hint(plain(name), spellings, ', and those of --plugin')}")


def make_environment(
    sample: Sample,
    *,
    reference: bool = False,
    hint: bool = False,
    short_edge: int | None = None,
    draw: Draw | None = None,
) -> Environment:
    """Starts an episode of a sample; the arguments are those of `Environment`."""
    environment = sample.scenario.environment
    return environment(sample, reference=reference, hint=hint, short_edge=short_edge, draw=draw)
