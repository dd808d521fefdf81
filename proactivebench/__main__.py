"""The way in: the command `proactivebench`, and `python -m proactivebench`, which launchers such as torchrun need.

Decided here: from both, the names `builders`, `cli`, `commands` and `raw_sources` mean the toolkit's. They are ordinary
words, and a `cli.py` in the working directory or on PYTHONPATH must not run in our place. Worker processes inherit
`sys.path`, so it is put in order there. A program that merely imports `proactivebench` is left as it is.
"""

from __future__ import annotations

import sys
from importlib.machinery import PathFinder
from pathlib import Path

_OURS = ("builders", "cli", "commands", "raw_sources")
_HERE = Path(__file__).resolve().parent.parent


def _put_ours_first() -> None:
    """Moves every other place that holds a module of one of our names to the end of `sys.path`."""
    others = [
        place
        for place in sys.path
        if Path(place).resolve() != _HERE and any(PathFinder.find_spec(name, [place]) for name in _OURS)
    ]
    sys.path[:] = [place for place in sys.path if place not in others] + others


_put_ours_first()

from cli import main  # noqa: E402 (looked for only now that sys.path is in order)

if __name__ == "__main__":
    main()
