"""Which environment plays which scenario."""

from __future__ import annotations

from proactivebench.environments.base import Draw, Environment
from proactivebench.environments.changeit import ChangeItEnvironment
from proactivebench.environments.coco import CocoEnvironment
from proactivebench.environments.imagenet_c import ImageNetCEnvironment
from proactivebench.environments.mvpn import MvpnEnvironment
from proactivebench.environments.quickdraw import QuickDrawEnvironment
from proactivebench.environments.rod import RodEnvironment
from proactivebench.environments.vsod import VsodEnvironment
from proactivebench.samples import Sample
from proactivebench.scenarios import Scenario, get_scenario

_CLASSES: dict[str, type[Environment]] = {
    cls.scenario.name: cls
    for cls in (
        RodEnvironment,
        VsodEnvironment,
        MvpnEnvironment,
        ImageNetCEnvironment,
        QuickDrawEnvironment,
        ChangeItEnvironment,
        CocoEnvironment,
    )
}


def environment_class(scenario: str | Scenario) -> type[Environment]:
    """The environment of a scenario, given by any of its names.

    Raises:
        UsageError: There is no such scenario.
    """
    if isinstance(scenario, str):
        scenario = get_scenario(scenario)
    return _CLASSES[scenario.name]


def make_environment(
    sample: Sample,
    *,
    reference: bool = False,
    hint: bool = False,
    short_edge: int | None = None,
    draw: Draw | None = None,
) -> Environment:
    """Starts an episode of a sample; the arguments are those of `Environment`."""
    return _CLASSES[sample.scenario.name](sample, reference=reference, hint=hint, short_edge=short_edge, draw=draw)
