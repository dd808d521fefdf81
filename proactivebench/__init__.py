"""ProactiveBench: does a multimodal model know when to ask for help?

What is listed in `__all__` is the way in for Python: it is loaded when it is first used, so that importing the package
costs nothing. docs/python.md shows it at work.
"""

# ruff: noqa: F403, F405 - a test holds this list of names against that of the room they come from

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proactivebench.api import *

__version__ = "0.1.0"
"""The version of the toolkit."""

__all__ = (
    "Benchmark",
    "Game",
    "Model",
    "Picture",
    "PlayedEpisode",
    "Plot",
    "ProactiveBenchError",
    "Refusal",
    "Reply",
    "Request",
    "Rows",
    "Run",
    "Sample",
    "Settings",
    "Table",
    "__version__",
    "build",
    "compare",
    "evaluate",
    "load_model",
    "load_picture",
    "load_run",
    "open_benchmark",
    "plot",
    "table",
    "when",
)


if not TYPE_CHECKING:  # a type checker knows the names, and so finds one that is mistyped

    def __getattr__(name: str) -> object:
        """Loads what is asked for."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module("proactivebench.api"), name)


def __dir__() -> list[str]:
    """All names, also those that are not loaded yet."""
    return sorted({*globals(), *__all__})
