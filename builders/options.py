"""What a builder lets a person say on the command line: one small typed value for each option.

Every builder is told `seed`, which decides all random choices, and `keep`, a folder in which it may keep what was
expensive to compute; whatever else it wants to be told it lists as its `OPTIONS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, NewType

Folder = NewType("Folder", Path)
"""The type of an option that names a folder."""


@dataclass(frozen=True)
class Option:
    """One option of `build`; builders that share one list the same object.

    Attributes:
        name: With underscores; `per_category` is typed as `--per-category`.
        type: What its value is: `str`, `int`, `float`, `bool` (a flag), `Path` (a file that is there), or `Folder` (a
            folder that is there).
        default: Its value where nobody says another.
        help: What it means, in a sentence that names the data set.
        least: The smallest number that it may be.
    """

    name: str
    type: Any
    default: Any = None
    help: str = ""
    least: int = 1

    @property
    def flag(self) -> str:
        """As it is typed."""
        return f"--{self.name.replace('_', '-')}"


PER_CATEGORY = Option(
    "per_category",
    int,
    help="Drawings per category of Quick, Draw! (default 10), pictures per class of ImageNet-C (default 5).",
)
"""The one that two of our builders share."""
