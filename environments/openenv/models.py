"""Action and observation, where OpenEnv looks for them."""

from proactivebench.harnesses.openenv_environment import ProactiveBenchAction, ProactiveBenchObservation

__all__ = ["ProactiveBenchAction", "ProactiveBenchObservation"]
