"""A run is what it claims, or it is said what is not."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.verify import verify_run
from proactivebench.models.scripted import MatchingJudge, ScriptedModel
from tests.support.small_runs import Reciter, play


def change(path: Path, edit: Callable[[dict[str, Any]], object], line: int = 0) -> None:
    """Changes one line of a file of JSON lines, or a JSON file."""
    lines = path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    entry = json.loads(lines[line])
    edit(entry)
    lines[line] = json.dumps(entry)
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def forged(small_runs: Path, tmp_path: Path) -> Path:
    """A copy of an honest run, to be changed."""
    return Path(shutil.copytree(small_runs / "ask", tmp_path / "run"))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mode": "reference"},
        {"mode": "forced"},
        {"history": True, "hint": True, "repeats": 2},
        {"random_options": True, "seed": 5},
        {"control": "blank"},
        {"mode": "oeg"},
        {"mode": "oeg-multi"},
    ],
)
def test_every_honest_run_passes(small_runs: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    judge = Judge(MatchingJudge()) if settings.get("mode") == "oeg-multi" else None
    run = play(small_runs / "data", ScriptedModel("random"), tmp_path / "run", Settings(**settings), judge)
    if settings.get("mode") == "oeg":
        judge_run(run, Judge(MatchingJudge()))
    assert verify_run(run, Benchmark.open(small_runs / "data")) == []


def test_an_honest_run_with_an_error_passes(small_runs: Path, tmp_path: Path) -> None:
    run = play(small_runs / "data", Reciter({0: None}), tmp_path / "run")
    assert verify_run(run, Benchmark.open(small_runs / "data")) == []


@pytest.mark.parametrize(
    ("file", "edit", "words"),
    [
        ("episodes.jsonl", lambda one: one.update(correct=not one["correct"]), "correct come out different"),
        ("episodes.jsonl", lambda one: one["turns"][0].update(reply="no idea"), "turns"),
        ("episodes.jsonl", lambda one: one["turns"][0].update(frame_path="a.png"), "turns come out different"),
        ("episodes.jsonl", lambda one: one.update(id=77), "its settings do not play that episode"),
        ("prompts.jsonl", lambda one: one.update(text="Say A."), "not those of their hashes"),
        ("prompts.jsonl", lambda one: one.update(hash="0" * 16), "lacks the text"),
        ("metrics.json", lambda one: one["average"].update(acc=0.99), "other average than its episodes"),
        ("run.json", lambda one: one.update(protocol="mine"), "follows the protocol 'mine'"),
        ("run.json", lambda one: one["data"]["frames"].update(QD="0"), "frames of QD are others"),
        ("run.json", lambda one: one["settings"].update(hint=True), "come out different"),
        ("run.json", lambda one: one["settings"].update(limit=3), "its settings do not play that episode"),
    ],
)
def test_what_was_changed_is_said(small_runs: Path, forged: Path, file: str, edit: Any, words: str) -> None:
    change(forged / file, edit)
    assert words in "\n".join(verify_run(forged, Benchmark.open(small_runs / "data")))


def test_parts_that_are_not_those_of_the_settings(small_runs: Path, forged: Path) -> None:
    change(forged / "run.json", lambda one: one["parts"]["QD"].update(samples=5))
    problems = verify_run(forged, Benchmark.open(small_runs / "data"))
    assert problems == ["run.json says that it plays other numbers of samples than its settings do."]


@pytest.mark.parametrize("file", ["run.json", "metrics.json"])
def test_a_file_of_absurd_depth_is_refused(small_runs: Path, forged: Path, file: str) -> None:
    (forged / file).write_text('{"average":' + "[" * 100_000 + "]" * 100_000 + "}")
    with pytest.raises(ProactiveBenchError, match=re.escape(str(forged))):
        verify_run(forged, Benchmark.open(small_runs / "data"))


def test_scores_that_are_none(small_runs: Path, forged: Path) -> None:
    (forged / "metrics.json").write_text("[1]")
    assert "metrics.json does not hold scores." in verify_run(forged, Benchmark.open(small_runs / "data"))


def test_missing_episodes_are_counted(small_runs: Path, forged: Path) -> None:
    lines = (forged / "episodes.jsonl").read_text().splitlines()
    (forged / "episodes.jsonl").write_text("\n".join(lines[:-2]) + "\n")
    assert "2 of 6 episodes are missing." in verify_run(forged, Benchmark.open(small_runs / "data"))


def test_a_judgement_that_the_judge_did_not_give(small_runs: Path, tmp_path: Path) -> None:
    run = play(small_runs / "data", ScriptedModel("random"), tmp_path / "run", Settings(mode="oeg"))
    judge_run(run, Judge(MatchingJudge()))
    change(run / "judge" / "judgements.jsonl", lambda one: one.update(output="1, 1", category=False, suggestion=False))
    problems = verify_run(run, Benchmark.open(small_runs / "data"))
    assert any("does not say what its judgement says" in problem for problem in problems)


def test_an_unfinished_run_cannot_be_checked(small_runs: Path, forged: Path) -> None:
    (forged / "metrics.json").unlink()
    with pytest.raises(ProactiveBenchError, match="was the run played to its end"):
        verify_run(forged, Benchmark.open(small_runs / "data"))
