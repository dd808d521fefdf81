"""Folders that hold something else than a benchmark are left as they are, without even a lock in them."""

from __future__ import annotations

from pathlib import Path

from proactivebench.errors import UsageError
from proactivebench.layout import DATA, MANIFEST, TEST
from proactivebench.work.shards import SHARDS


def require_ours(out: Path) -> None:
    """Makes sure that a folder is missing, empty, or that of a benchmark, at least the beginning of one.

    Raises:
        UsageError: It holds something else.
    """
    names = {path.name for path in out.iterdir()} if out.is_dir() else set[str]()
    strange = sorted(name for name in names if not name.startswith("."))
    if strange and not names & {MANIFEST, TEST, DATA, SHARDS}:
        raise UsageError(f"{out} holds {strange[0]} but no {MANIFEST}; choose an empty or new folder.")
