"""What tests of pulling share: names of files of a published benchmark, and a pull from the Hub of a test."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi

from builders.hub.pull import Pulled, pull
from tests.support.hub_store import LocalHub
from tests.support.publishing import REPO

SAMPLES, ARCHIVE = "test/QuickDraw_preprocessed.jsonl", "test/QuickDraw.zip"
TRAIN = "data/train-00000-of-00001.parquet"


def get(hub: LocalHub, out: Path, *parts: str, repo: str = REPO, token: str | bool = False, **options: str) -> Pulled:
    return pull(HfApi(hub.url, token=token), repo, out, parts=parts, **options)  # type: ignore[arg-type]


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def downloads(hub: LocalHub) -> list[str]:
    return [path.partition("/resolve/")[2].partition("/")[2] for _, path in hub.requests if "/resolve/" in path]
