"""Benchmarks of the Hub in its cache: a folder per commit, which nothing changes once it is there.

A branch moves, and a reader of the older commit must not notice. What a name led to at last is noted beside the
folders, so that without a connection the same benchmark is found again, if all of it has arrived.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import orjson
from rich.progress import Progress

from builders.hub.client import UnreachableError, require_name
from builders.hub.pull import parts_of, pull_snapshot
from builders.hub.remote import Snapshot
from proactivebench.layout import TRAIN, samples_path
from proactivebench.provenance import read_record
from proactivebench.scenarios import get_scenario
from proactivebench.work.files import parse_json, write_whole

if TYPE_CHECKING:
    from huggingface_hub import HfApi


def pull_to_cache(
    api: HfApi, repo: str, revision: str = "", *, parts: Sequence[str] = (), progress: Progress
) -> tuple[Path, UnreachableError | None]:
    """Gets a published benchmark, or the rest of it, into the folder of its commit in the Hub's cache (HF_HOME).

    Args:
        api: Client of the Hub.
        repo: USER/NAME on the Hub.
        revision: Branch, tag or commit; empty for the newest commit.
        parts: Names of the scenarios that are needed; by default all.
        progress: Shows how far it is.

    Returns:
        The folder; and what went wrong, where the Hub could not be asked and the folder is that of the last time.

    Raises:
        UnreachableError: The Hub cannot be reached, and what is needed is not in the cache.
        ProactiveBenchError: As `pull` does.
    """
    require_name(repo)
    needed = [get_scenario(name).name for name in parts]
    reference = _place(repo, "refs") / quote(revision or "newest", safe="")
    try:
        snapshot = Snapshot.open(api, repo, revision or None)
    except UnreachableError as error:
        folder = _complete(repo, reference, needed)
        if folder is None:
            raise
        return folder, error
    folder = _place(repo, snapshot.commit)
    pull_snapshot(snapshot, folder, needed, progress)
    there = [part for part in parts_of(snapshot) if part != TRAIN]
    write_whole(reference, [orjson.dumps({"commit": snapshot.commit, "parts": there})])
    return folder, None


def _place(repo: str, name: str) -> Path:
    from huggingface_hub import cached_assets_path

    return Path(cached_assets_path("proactivebench", repo, name))


def _complete(repo: str, reference: Path, needed: Sequence[str]) -> Path | None:
    """The folder that a name led to the last time, if it holds what is needed."""
    try:
        noted = parse_json(reference.read_bytes())
    except FileNotFoundError:
        return None
    folder = _place(repo, noted["commit"])
    record = read_record(folder)
    held = record.files if record else {}
    return (
        folder if all(samples_path(get_scenario(part).dataset) in held for part in needed or noted["parts"]) else None
    )
