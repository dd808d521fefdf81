"""Two runs, compared sample by sample."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import cli
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.comparison import FLIPS, compare_runs, sign_flip_test
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run
from proactivebench.models.base import Request
from proactivebench.models.scripted import MatchingJudge, ScriptedModel
from proactivebench.scenarios import QD, VSOD
from tests.support.all_scenarios import Answering, four_samples_each, play


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return four_samples_each(tmp_path / "data")


def test_runs_are_compared_sample_by_sample(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("abstain"), tmp_path / "a", [QD, VSOD], repeats=10)
    play(benchmark, ScriptedModel("oracle"), tmp_path / "b", [QD, VSOD], repeats=10)
    by_name = {(d.scenario, d.score): d for d in compare_runs(tmp_path / "a", tmp_path / "b").differences}
    assert set(by_name) == {(name, score) for name in ("QD", "VSOD", "all") for score in ("acc", "psr")}
    acc = by_name["all", "acc"]
    assert (acc.n, acc.first, acc.second, acc.change.mean) == (80, 0, 1, 1)
    assert acc.p_value == pytest.approx(2 / 2**8, abs=0.005), "eight sources, all in one direction"
    same = compare_runs(tmp_path / "a", tmp_path / "a")
    assert all((d.change.mean, d.p_value) == (0, 1) for d in same.differences)
    assert (same.settings, same.played, same.shared) == ([], (80, 80), 80)
    with pytest.raises(UsageError, match="is not a run"):
        compare_runs(tmp_path / "a", tmp_path)
    lines = (tmp_path / "b" / "episodes.jsonl").read_text().replace("QuickDraw/", "Other/")
    (tmp_path / "b" / "episodes.jsonl").write_text(lines)
    with pytest.raises(UsageError, match="different benchmarks: QD sample 0"):
        compare_runs(tmp_path / "a", tmp_path / "b")


def test_judged_runs_are_compared_by_their_judgements(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("abstain"), tmp_path / "a", [QD], mode="oeg")
    play(benchmark, ScriptedModel("oracle"), tmp_path / "b", [QD], mode="oeg", hint=True)
    with pytest.raises(UsageError, match=f"No judge has read 4 replies of {tmp_path}/a: proactivebench judge"):
        compare_runs(tmp_path / "a", tmp_path / "b")
    judge_run(tmp_path / "a", Judge(MatchingJudge()))
    judge_run(tmp_path / "b", Judge(Answering(lambda request: "0, 1", "generous")))
    found = compare_runs(tmp_path / "a", tmp_path / "b")
    assert [(one.score, one.n, one.first, one.second) for one in found.differences] == [
        ("cc", 4, 0, 1),
        ("ps", 4, 0, 0),
        ("agg", 4, 0, 1),
    ]
    assert found.settings == [("hint", False, True), ("judge.model", "scripted:match", "generous")]


def _next(outputs: Iterator[str], request: Request) -> str:
    return next(outputs)


def test_judged_runs_are_compared_in_the_published_reading_too(benchmark: Benchmark, tmp_path: Path) -> None:
    for name, outputs in (("a", ["0, 1"] * 4), ("b", ["0, 1", "hm", "0, 1", "yes"])):
        play(benchmark, ScriptedModel("abstain"), tmp_path / name, [QD], mode="oeg")
        judge_run(tmp_path / name, Judge(Answering(partial(_next, iter(outputs)))), max_errors=1)
    found = compare_runs(tmp_path / "a", tmp_path / "b").differences
    assert [(one.score, one.published, one.n, one.first, one.second) for one in found if one.score != "agg"] == [
        ("cc", False, 2, 1, 1),
        ("ps", False, 2, 0, 0),
        ("cc", True, 4, 1, 0.5),
        ("ps", True, 4, 0, 0),
    ]
    done = CliRunner().invoke(cli.main, ["compare", str(tmp_path / "a"), str(tmp_path / "b")])
    assert "cc %, published reading" in done.stdout


def test_runs_of_different_kinds_are_not_compared(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("ask"), tmp_path / "free", [QD], mode="oeg")
    play(benchmark, ScriptedModel("ask"), tmp_path / "choice", [QD])
    with pytest.raises(UsageError, match=r"mode oeg, .* mode mcqa: they have no score in common"):
        compare_runs(tmp_path / "free", tmp_path / "choice")


def test_what_else_differs_is_said(benchmark: Benchmark, tmp_path: Path) -> None:
    first, second = tmp_path / "a" / "run", tmp_path / "b" / "run"
    play(benchmark, ScriptedModel("ask"), first, [QD, VSOD])
    play(benchmark, ScriptedModel("guess"), second, [QD], mode="reference", limit=3)
    done = CliRunner().invoke(cli.main, ["compare", str(first), str(second)])
    assert done.exit_code == 0
    assert 'The runs differ in limit: null / 3; mode: "mcqa" / "reference"' in done.stderr
    assert "3 episodes have a score in both runs, of 8 and 3." in done.stderr
    assert f"{first}: measured on data (" in done.stdout
    assert f"{second}: measured on data (" in done.stdout
    assert "3 of 4 samples" in done.stdout
    assert str(first) in done.stdout
    assert str(second) in done.stdout


def test_no_chance_is_ever_nought() -> None:
    assert sign_flip_test([1.0] * 40, [str(number) for number in range(40)]) == 1 / (FLIPS + 1)


def test_the_sign_flip_test_is_wrong_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 30))
    p_values = [sign_flip_test(list(row), [str(n) for n in range(30)]) for row in values]
    assert 0.01 <= np.mean(np.array(p_values) < 0.05) <= 0.1
