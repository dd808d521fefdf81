"""Runs that people have published on the Hub: data set repositories with run folders in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from builders.hub.client import explained, require_name

if TYPE_CHECKING:
    from huggingface_hub import HfApi

FILES = ("run.json", "episodes.jsonl", "prompts.jsonl", "metrics.json", "judge/*.json", "judge/*.jsonl")
"""What a run consists of."""


def fetch_runs(api: HfApi, name: str) -> Path:
    """Gets the runs of a repository into the Hub's cache.

    Args:
        api: Client of the Hub.
        name: USER/NAME, or USER/NAME@REVISION.

    Returns:
        The folder that holds them, at any depth.

    Raises:
        HubError: The repository may not be read, or the Hub cannot be reached.
    """
    repo, _, revision = name.partition("@")
    require_name(repo)
    patterns = [pattern for file in FILES for pattern in (file, f"**/{file}")]
    with explained(repo):
        return Path(
            api.snapshot_download(repo, repo_type="dataset", revision=revision or None, allow_patterns=patterns)
        )
