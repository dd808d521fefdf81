"""The scenarios, each on one page, and what they share: samples, and environments that play them."""

from proactivebench.scenarios.changeit import CIT
from proactivebench.scenarios.check import check_environment
from proactivebench.scenarios.coco import COCO
from proactivebench.scenarios.environment import Draw, Environment
from proactivebench.scenarios.imagenet_c import IN_C
from proactivebench.scenarios.mvpn import MVPN
from proactivebench.scenarios.quickdraw import QD
from proactivebench.scenarios.registry import SCENARIOS, get_scenario, make_environment
from proactivebench.scenarios.rod import ROD
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Example, Literal, Scenario, Size, is_abstention
from proactivebench.scenarios.turn import Kind, Observation, Verdict
from proactivebench.scenarios.vsod import VSOD

__all__ = [
    "CIT", "COCO", "IN_C", "MVPN", "QD", "ROD", "SCENARIOS", "VSOD", "Action", "AnyAction", "Draw", "Environment",
    "Example", "Kind", "Literal", "Observation", "Sample", "Scenario", "Size", "Verdict", "check_environment",
    "get_scenario", "is_abstention", "make_environment",
]  # fmt: skip
