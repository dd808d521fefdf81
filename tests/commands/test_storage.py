"""`build --storage`: the commands do the same with frames in tars as with files."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner, Result

import proactivebench
from cli import main
from tests.support.small_benchmark import DRAWINGS, build_small


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def test_frames_in_tars_are_the_same_benchmark(tmp_path: Path) -> None:
    data = build_small(tmp_path / "files")
    build = ("build", "qd", "--raw", DRAWINGS, "--per-category", 2, "--categories", "cat, bus, house")
    assert call(*build, "--out", tmp_path / "tars", "--storage", "shards").exit_code == 0
    assert "Repeat the command with --storage shards" in call(*build, "--out", tmp_path / "tars").output
    evaluate, runs = ("evaluate", "--model", "scripted:ask", "--no-filter"), [tmp_path / "a", tmp_path / "b"]
    for folder, run in zip((data, tmp_path / "tars"), runs, strict=True):
        assert call("check", folder).output.endswith("No problems.\n")
        assert call(*evaluate, "--data", folder, "--out", run).exit_code == 0
        assert call("package", folder).exit_code == 0
    assert (tmp_path / "tars" / "test" / "QuickDraw.zip").read_bytes() == (data / "test" / "QuickDraw.zip").read_bytes()
    for name in ("run.json", "metrics.json"):
        assert (runs[0] / name).read_bytes() == (runs[1] / name).read_bytes()


def test_python_takes_the_same_option(tmp_path: Path) -> None:
    built = proactivebench.build("quickdraw", tmp_path, per_category=1, categories="cat", storage="shards")
    assert {path.name for path in (tmp_path / "test" / "QuickDraw").iterdir()} == {"00000.tar", "frames.tsv"}
    sample = built.sample("qd", 0)
    assert len(sample.frames) == sample.record.num_images


def test_storage_is_said_of_scenarios(tmp_path: Path) -> None:
    refused = call("build", "train", "--raw", DRAWINGS, "--out", tmp_path / "data", "--storage", "shards")
    assert refused.exit_code == 2
    assert "--storage does not apply to train" in refused.output
