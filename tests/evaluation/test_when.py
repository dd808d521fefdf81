"""When to ask: the coin, foresight and thresholds beside a run, by hand and for models whose answer is known."""

from __future__ import annotations

import json
import random
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

import cli
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.curves import Answers, Forced
from proactivebench.evaluation.statistics import estimate, resampled
from proactivebench.evaluation.when import change, measure_run, pair_runs
from proactivebench.models.base import Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import QD, is_abstention
from tests.support.all_scenarios import Answering, four_samples_each, play
from tests.support.small_benchmark import build_small

ONE = np.ones((1, 1))


def at(psr: float) -> NDArray[np.float64]:
    return np.array([psr])


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return four_samples_each(tmp_path / "data")


def test_a_coin_by_hand() -> None:
    """Wrong, then right on the last of two frames: q * (1 - q) is right, q is asked, and asking twice loses."""
    answers = Answers([Forced((False, True), (None, None))])
    assert answers.coin(ONE, at(0.25)) == pytest.approx([0.25 * 0.75])
    assert answers.coin(ONE, at(1)) == pytest.approx([0], abs=1e-9)
    nothing_offered = Answers([Forced((False, True), (None, None), None)])
    assert nothing_offered.coin(ONE, at(0.25)) == pytest.approx([0.25])
    turn_left = Answers([Forced((False, True), (None, None), 1)])  # psr = q + q**2, acc = (q + q**2) * (1 - q)
    assert turn_left.coin(ONE, at(0.75)) == pytest.approx([0.75 * 0.5])


def test_foresight_buys_the_cheapest_first_by_hand() -> None:
    """Right at once, after one suggestion, after two, and never: three suggestions win three of four."""
    answers = Answers(
        [
            Forced((True, False, False), (None,) * 3),
            Forced((False, True, True), (None,) * 3),
            Forced((False, False, True), (None,) * 3),
            Forced((False, False, False), (None,) * 3),
        ]
    )
    weights = np.full((1, 4), 0.25)
    found = [float(answers.foresight(weights, at(psr))[0]) for psr in (0, 0.25, 0.5, 0.75, 2)]
    assert found == pytest.approx([0.25, 0.5, 0.625, 0.75, 0.75])
    assert answers.guessing(weights) == pytest.approx([0.25])


def test_thresholds_by_hand() -> None:
    """Below 0.5 it asks: the first sample is answered at once, the second after one suggestion, and rightly."""
    answers = Answers([Forced((True, True), (0.9, 0.9)), Forced((False, True), (0.2, 0.8))])
    weights = np.full((1, 2), 0.5)
    assert answers.confident
    assert answers.threshold(weights, at(0.5)) == pytest.approx([1])
    assert answers.threshold(weights, at(0)) == pytest.approx([0.5])
    assert answers.threshold(weights, at(1)) == pytest.approx([0]), "both asked at the complete drawing, too"
    assert not Answers([Forced((True,), (None,))]).confident


def test_resampling_is_that_of_other_scores() -> None:
    values, sources = [0.0, 1.0, 1.0, 0.0, 1.0], ["a", "a", "b", "c", "c"]
    ones, *draws = resampled(sources, 3)
    assert (ones == 1).all()
    means = np.concatenate([weights @ np.array(values) / weights.sum(axis=1) for weights in draws])
    assert means == pytest.approx(estimate(values, sources, 3).draws)


def test_the_oracle_knows_when(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("oracle"), tmp_path / "run", repeats=3)
    play(benchmark, ScriptedModel("oracle"), tmp_path / "forced", mode="forced", repeats=3)
    found = measure_run(tmp_path / "run", tmp_path / "forced")
    knows = {name: scores["when"] for name, scores in found["scenarios"].items()} | {
        "average": found["average"]["when"]
    }
    assert knows.pop("COCO") is None, "where nothing is offered at the end, asking whenever one can is as good"
    assert len(knows) == 7
    assert all(value == pytest.approx(1) for value in knows.values())


def test_a_coin_has_nothing_of_it(tmp_path: Path) -> None:
    """It names what it would name when forced, and asks at random instead in six turns of ten."""

    def answer(request: Request) -> str:
        here = request.environment
        assert here is not None
        sample, rng = here.sample, random.Random(f"{here.frame_number} {here.sample.id}")
        named = sample.answer if rng.random() < 0.6 else next(one for one in sample.categories if one != sample.answer)
        suggestions = [text for text in here.suggestions if not is_abstention(text)]  # also where asking loses
        return suggestions[0] if suggestions and random.Random(request.seed).random() < 0.6 else named

    benchmark = Benchmark.open(build_small(tmp_path / "data", per_category=14))
    play(benchmark, Answering(answer), tmp_path / "run", [QD], repeats=30)
    play(benchmark, Answering(answer), tmp_path / "forced", [QD], mode="forced")
    scores = measure_run(tmp_path / "run", tmp_path / "forced")["scenarios"]["QD"]
    assert scores["when_ci95"][0] <= 0 <= scores["when_ci95"][1]
    assert abs(scores["over_coin"]) < 0.05


def test_the_command_prints_and_keeps_it(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("oracle"), tmp_path / "run", [QD])
    play(benchmark, ScriptedModel("oracle"), tmp_path / "forced", [QD], mode="forced")
    arguments = ["when", str(tmp_path / "run"), "--forced", str(tmp_path / "forced")]
    done = CliRunner().invoke(cli.main, arguments)
    assert done.exit_code == 0, done.output
    assert "foresight" in done.stdout
    assert json.loads((tmp_path / "run" / "when.json").read_text())["scenarios"]["QD"]["when"] == pytest.approx(1)
    wrong = CliRunner().invoke(cli.main, ["when", str(tmp_path / "run"), "--forced", str(tmp_path / "run")])
    assert wrong.exit_code == 2
    with pytest.raises(UsageError, match="not a forced run"):
        measure_run(tmp_path / "run", tmp_path / "run")


def test_a_run_does_not_differ_from_itself_and_the_oracle_does(tmp_path: Path) -> None:
    data = Benchmark.open(build_small(tmp_path / "data", per_category=4))
    for name, mode in (("oracle", "mcqa"), ("random", "mcqa"), ("oracle", "forced"), ("random", "forced")):
        play(data, ScriptedModel(name), tmp_path / f"{name}-{mode}", [QD], mode=mode)
    runs = {name: pair_runs(tmp_path / f"{name}-mcqa", tmp_path / f"{name}-forced") for name in ("oracle", "random")}
    assert change(runs["random"], runs["random"])["QD"][2].interval == (0, 0)
    before, after, moved, p = change(runs["random"], runs["oracle"])["QD"]
    assert after == 1 and moved.mean == pytest.approx(1 - before) and moved.interval[0] > 0 and p < 0.05
    assert change(runs["oracle"], runs["random"])["QD"][2].mean == pytest.approx(-moved.mean)


def test_utility_is_what_is_left_when_suggestions_cost(benchmark: Benchmark, tmp_path: Path) -> None:
    for mode in ("mcqa", "forced"):
        play(benchmark, ScriptedModel("oracle"), tmp_path / mode, mode=mode)
    found = measure_run(tmp_path / "mcqa", tmp_path / "forced")["average"]
    for row in found["utility"]:
        assert row["run"] == pytest.approx(found["acc"] - row["cost"] * found["psr"])
        assert row["guessing"] == pytest.approx(found["guessing"])
        assert row["coin"] == pytest.approx(found["coin"] - row["cost"] * found["psr"])
        assert (row["run"] > row["guessing"]) == (row["cost"] < found["break_even"])
    done = CliRunner().invoke(cli.main, ["when", str(tmp_path / "mcqa"), "--forced", str(tmp_path / "forced")])
    assert f"the run beats guessing while one costs less than {found['break_even']:.2f}" in done.output.lower()
