"""One small state machine per scenario: `observe()` gives an `Observation`, `step(text)` a `Verdict`."""

from proactivebench.environments.base import Environment, Observation, Verdict
from proactivebench.environments.check import check_environment
from proactivebench.environments.registry import environment_class, make_environment

__all__ = ["Environment", "Observation", "Verdict", "check_environment", "environment_class", "make_environment"]
