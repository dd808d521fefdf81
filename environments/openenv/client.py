"""The client, where OpenEnv looks for it."""

from proactivebench.harnesses.openenv_environment import ProactiveBenchEnv

__all__ = ["ProactiveBenchEnv"]
