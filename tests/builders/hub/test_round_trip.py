"""Build, publish, pull, check, evaluate: the whole way, by the commands that people type."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.example_benchmark import build_examples
from tests.support.hub_store import LocalHub
from tests.support.local_hub import serve
from tests.support.processes import finished
from tests.support.small_benchmark import build_small

TOKEN = "hf_annsOwnSecret"


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with serve() as hub:
        hub.tokens[TOKEN] = "ann"
        yield hub


def call(hub: LocalHub, home: Path, *arguments: object, token: str | None = None) -> subprocess.CompletedProcess[str]:
    variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(home), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": token}
    return finished(arguments, variables=variables)


def files(folder: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_round_trip(hub: LocalHub, tmp_path: Path) -> None:
    home, here = tmp_path / "home", build_examples(build_small(tmp_path / "data"), "COCO")
    nobody = call(hub, home, "publish", here, "--repo", "ann/trip")
    assert (nobody.returncode, "hf auth login" in nobody.stderr) == (2, True)

    published = call(hub, home, "publish", here, "--repo", "ann/trip", token=TOKEN)
    assert published.returncode == 0, published.stderr
    assert f"{hub.url}/datasets/ann/trip: 12 files sent, 0 removed, 0 unchanged." in published.stderr
    pulled = call(hub, home, "pull", "ann/trip", "--out", tmp_path / "back")
    assert pulled.returncode == 0, pulled.stderr
    checked = call(hub, home, "check", tmp_path / "back")
    assert (checked.returncode, "No problems." in checked.stdout) == (0, True)

    play = ("evaluate", "--model", "scripted:random", "--out")
    before = call(hub, home, *play, tmp_path / "before", "--data", here)
    assert before.returncode == 0, before.stderr
    after = call(hub, home, *play, tmp_path / "after", "--data", "hub:ann/trip")
    assert after.returncode == 0, after.stderr
    scores = [(tmp_path / name / "metrics.json").read_bytes() for name in ("before", "after")]
    assert scores[0] == scores[1]

    hub.answers["/api/datasets/"] = [503] * 50
    offline = call(hub, home, *play, tmp_path / "offline", "--data", "hub:ann/trip")
    assert offline.returncode == 0, offline.stderr
    assert "Using what is in" in offline.stderr
    for done in (published, pulled, after, offline):
        assert TOKEN not in done.stdout + done.stderr
    assert not any(TOKEN.encode() in found for found in files(tmp_path))
