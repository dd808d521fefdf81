"""ProactiveBench for verifiers: its taskset and the environment that plays it, where verifiers looks for them."""

from proactivebench.harnesses.verifiers_taskset import ProactiveBenchEnv, ProactiveBenchTaskset

__all__ = ["ProactiveBenchEnv", "ProactiveBenchTaskset"]
