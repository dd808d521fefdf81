"""ProactiveBench as an OpenEnv environment."""

from proactivebench.harnesses.openenv_environment import (
    ProactiveBenchAction,
    ProactiveBenchEnv,
    ProactiveBenchObservation,
)

__all__ = ["ProactiveBenchAction", "ProactiveBenchEnv", "ProactiveBenchObservation"]
