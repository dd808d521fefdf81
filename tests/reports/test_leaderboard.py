"""A leaderboard of runs that are checked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from builders.hub.runs import fetch_runs
from cli import main


def run(*words: object) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture
def runs(small_runs: Path, tmp_path: Path) -> Path:
    for name in ("ask", "guess"):
        shutil.copytree(small_runs / name, tmp_path / "runs" / name)
    return tmp_path / "runs"


def test_a_forged_run_gets_no_rank(
    small_runs: Path, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report beside the page is tested by itself, and takes its time."""
    reported: list[Path] = []

    def report(runs: object, folder: Path, progress: object) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        reported.append(folder)

    monkeypatch.setattr("proactivebench.reports.leaderboard.write_report", report)
    metrics = json.loads((runs / "guess" / "metrics.json").read_bytes())
    metrics["average"]["acc"] = 1.0
    (runs / "guess" / "metrics.json").write_text(json.dumps(metrics))
    claims = json.loads((runs / "guess" / "run.json").read_bytes())
    claims["parts"]["QD"] = {"samples": 99, "of": 99}
    (runs / "guess" / "run.json").write_text(json.dumps(claims))
    said = run("leaderboard", runs, "--out", tmp_path / "board", "--data", small_runs / "data")
    assert "1 of 2 runs are what they claim" in said
    page = (tmp_path / "board" / "index.html").read_text()
    honest, forged = page.split("<tbody>")[1].split("</tbody>")[0].split("</tr>")[:2]
    assert 'href="episodes/index.html#part=0">scripted:ask<' in honest
    assert "0.00\N{EN DASH}0.00" not in page, "an interval of no width says nothing"
    assert "scripted:ask" in honest and "✓" in honest and 'rank">1<' in honest
    assert "all samples of QD" in page, "and not what the forged run claims"
    assert "scripted:guess" in forged and "metrics.json says other average" in forged and 'rank"><' in forged
    run("leaderboard", runs / "ask", "--out", tmp_path / "board", "--data", small_runs / "data")
    assert reported == [tmp_path / "board" / "episodes"] * 2


def test_what_holds_no_run_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["leaderboard", str(tmp_path), "--out", str(tmp_path / "board")])
    assert (done.exit_code, "does not contain a run" in done.output) == (2, True)


def test_runs_of_a_repository_are_fetched_and_nothing_else(tmp_path: Path) -> None:
    asked: dict[str, Any] = {}

    class Api:
        def snapshot_download(self, repo: str, **more: Any) -> str:
            asked.update(more, repo=repo)
            return str(tmp_path)

    assert fetch_runs(Api(), "me/runs@abc") == tmp_path  # type: ignore[arg-type]
    assert (asked["repo"], asked["revision"], asked["repo_type"]) == ("me/runs", "abc", "dataset")
    assert {"run.json", "**/episodes.jsonl"} <= set(asked["allow_patterns"])
