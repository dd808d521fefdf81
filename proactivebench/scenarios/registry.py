"""All scenarios by name. This page collects what the others say and knows nothing itself."""

from __future__ import annotations

from collections.abc import Mapping

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

SCENARIOS: Mapping[str, Scenario] = {s.name: s for s in (ROD, VSOD, MVPN, IN_C, QD, CIT, COCO)}
"""Short name -> scenario, in the order of the paper's tables."""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


_BY_ANY_NAME = {_plain(name): s for s in SCENARIOS.values() for name in (s.name, s.dataset)}


def get_scenario(name: str) -> Scenario:
    """Finds a scenario by its short or its dataset name; letter case and punctuation do not matter.

    Raises:
        UsageError: No scenario has that name; the message lists those that exist.
    """
    try:
        return _BY_ANY_NAME[_plain(name)]
    except KeyError:
        known = ", ".join(f"{s.name} ({s.dataset})" for s in SCENARIOS.values())
        raise UsageError(f"There is no scenario {name!r}. The scenarios are: {known}.") from None


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
