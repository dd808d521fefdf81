"""Links in a benchmark that was copied by hand: those that lead out of it are not followed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.images import load_picture
from proactivebench.models.base import Request
from proactivebench.reports.sample_album import SampleAlbum
from tests.support.all_scenarios import Answering
from tests.support.small_benchmark import build_small
from tests.support.small_runs import play


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return build_small(tmp_path / "data")


def size(request: Request) -> str:
    picture = request.messages[-1].picture
    assert picture is not None
    return str(load_picture(picture).size)


@pytest.mark.parametrize("folder", [False, True], ids=["frame", "folder"])
def test_links_that_lead_out_of_a_benchmark_are_not_followed(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: bool
) -> None:
    frame = next(data.rglob("*.png"))
    inside, outside = (frame.parent, tmp_path / "private") if folder else (frame, tmp_path / "private.png")
    inside.rename(outside)
    inside.symlink_to(outside)
    monkeypatch.setattr("proactivebench.images.load_picture", lambda *_: pytest.fail("it was read"))
    run = ["--data", str(data), "--out", str(tmp_path / "run")]
    for command in (["evaluate", "--model", "scripted:ask", *run], ["play", str(data), "--name", "a", *run[2:]]):
        done = CliRunner().invoke(cli.main, command)
        assert (done.exit_code, "is a link that leads out of" in done.stderr) == (2, True), done.output
    looked = SampleAlbum(Benchmark.open(data))
    pictures = {turn["picture"] for entry in looked.chunk(0, 0)["entries"] for turn in entry["turns"]}
    assert "" in pictures
    assert outside not in [picture.path.resolve() for picture in looked.pictures._pictures.values()]
    monkeypatch.undo()
    checked = CliRunner().invoke(cli.main, ["check", str(data)])
    assert "is a link that leads out of" in checked.output


def test_links_within_a_benchmark_are_followed(data: Path, tmp_path: Path) -> None:
    frame = next(data.rglob("*.png"))
    frame.rename(data / "test" / "moved.png")
    frame.symlink_to(data / "test" / "moved.png")
    data.rename(tmp_path / "disk")
    data.symlink_to(tmp_path / "disk")
    frame.unlink()
    frame.symlink_to(tmp_path / "disk" / "test" / "moved.png")
    play(data, Answering(size), tmp_path / "run")
    assert not any(episode.error for episode in read_episodes(tmp_path / "run"))
