"""What a benchmark on the Hub is here: a folder per commit, which no newer version changes."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from huggingface_hub import HfApi
from PIL import Image
from rich.progress import Progress

from builders.hub.cached import pull_to_cache
from builders.hub.client import UnreachableError
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from tests.support.hub_store import LocalHub
from tests.support.publishing import REPO
from tests.support.pulling import ARCHIVE, SAMPLES, content, get


@pytest.fixture
def fetch(mirror: LocalHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """Pulls into the cache as `hub:USER/NAME` does and returns the folder; `offline` where the Hub was not reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_ASSETS_CACHE", str(tmp_path / "cache"))

    def fetch(revision: str = "", *parts: str, offline: bool = False) -> Path:
        with Progress(disable=True) as progress:
            api = HfApi(mirror.url, token=False)
            folder, unreachable = pull_to_cache(api, REPO, revision, parts=parts, progress=progress)
        assert (unreachable is not None) == offline
        return folder

    return fetch


def publish_red(mirror: LocalHub) -> None:
    """Publishes a newer version: the same samples, other pictures."""
    archive = BytesIO()
    with (
        zipfile.ZipFile(BytesIO(mirror.repos[REPO].files[ARCHIVE].data)) as old,
        zipfile.ZipFile(archive, "w") as new,
    ):
        for member in old.infolist():
            picture = BytesIO()
            Image.new("L", Image.open(BytesIO(old.read(member))).size, 128).save(picture, "PNG")
            new.writestr(member.filename, picture.getvalue())
    mirror.repos[REPO].put("manifest.json", None)
    mirror.repos[REPO].put(ARCHIVE, archive.getvalue())


def test_a_newer_version_changes_nothing_for_who_reads_the_older(mirror: LocalHub, fetch: Callable[..., Path]) -> None:
    first = fetch("", "qd")
    before = content(first)
    old = mirror.repos[REPO].commits[-1][0]
    publish_red(mirror)
    second = fetch("", "qd")
    assert second != first
    assert content(first) == before
    assert content(second / "test") != content(first / "test")
    assert (Benchmark.open(first).source, first.name) == (f"hub:{REPO}@{old}", old)
    assert fetch(old, "qd") == first


def test_without_a_connection_only_what_is_complete_is_used(mirror: LocalHub, fetch: Callable[..., Path]) -> None:
    folder = fetch("", "qd")
    mirror.answers["/api/datasets/"] = [503] * 200
    assert fetch("", "qd", offline=True) == folder
    for revision, parts in (("", ()), ("", ("coco",)), ("v1", ("qd",))):
        with pytest.raises(UnreachableError):
            fetch(revision, *parts)


def test_a_folder_never_mixes_two_commits(mirror: LocalHub, tmp_path: Path) -> None:
    get(mirror, tmp_path)
    mirror.repos[REPO].put("manifest.json", None)
    lines = mirror.repos[REPO].files[SAMPLES].data.splitlines(keepends=True)
    mirror.repos[REPO].put(SAMPLES, lines[0])
    done = get(mirror, tmp_path, "coco")
    assert (done.fetched, done.up_to_date) == (["QD"], ["COCO"])
    assert (tmp_path / SAMPLES).read_bytes() == lines[0]
    mirror.repos[REPO].put(ARCHIVE, None)
    with pytest.raises(UsageError, match="holds QD, which ann/small no longer has"):
        get(mirror, tmp_path, "coco")
