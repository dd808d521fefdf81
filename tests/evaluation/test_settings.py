"""Every setting of the paper, played on samples of all scenarios (scripted models need no pictures)."""

from __future__ import annotations

from pathlib import Path

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.measured import run_measured_on
from proactivebench.evaluation.run_log import read_episodes, read_run
from proactivebench.evaluation.settings import Settings, read_sample_list
from proactivebench.models.base import Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import CIT, COCO, IN_C, MVPN, QD, ROD, VSOD
from tests.support.all_scenarios import ALL, ANSWERS, Answering, four_samples_each, play


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return four_samples_each(tmp_path / "data")


@pytest.mark.parametrize("mode", ["mcqa", "reference"])
def test_the_oracle_is_right_everywhere(benchmark: Benchmark, tmp_path: Path, mode: str) -> None:
    metrics = play(benchmark, ScriptedModel("oracle"), tmp_path / "run", mode=mode)
    assert set(metrics["scenarios"]) == {scenario.name for scenario in ALL}
    assert all(scores["acc"] == 1 for scores in metrics["scenarios"].values())
    assert metrics["average"]["psr"] == (0 if mode == "reference" else pytest.approx(4.0, abs=1.0))


def test_hints_are_shown(benchmark: Benchmark, tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        assert "Hint: " in request.messages[-1].text
        return "A"

    play(benchmark, Answering(answer), tmp_path / "run", hint=True)


@pytest.mark.parametrize("shots", [1, 3])
def test_examples_are_of_other_objects(benchmark: Benchmark, tmp_path: Path, shots: int) -> None:
    def answer(request: Request) -> str:
        assert request.environment is not None
        sample = request.environment.sample
        *examples, asked = request.messages
        given = [message.text for message in examples if message.role == "assistant"]
        categories = [text for text in given if text in ANSWERS]
        assert len(categories) == shots
        assert sample.answer not in categories
        assert asked.picture is not None
        paths = {message.picture.path for message in examples if message.picture}
        assert asked.picture.path not in paths
        assert all(message.picture.view is None for message in request.messages if message.picture)
        assert len(examples) == 2 * len(given) == 2 * shots * (2 if sample.scenario is ROD else 3)
        return sample.answer

    play(benchmark, Answering(answer), tmp_path / "run", [ROD, MVPN], shots=shots)
    message = "ROD and MVP-N alone, not for VSOD, QD: play with --scenario ROD --scenario MVP-N"
    with pytest.raises(UsageError, match=message):
        play(benchmark, Answering(answer), tmp_path / "other", [ROD, VSOD, QD], shots=shots, limit=1)


def test_whoever_asks_blindly_keeps_asking_with_random_options(benchmark: Benchmark, tmp_path: Path) -> None:
    metrics = play(benchmark, ScriptedModel("ask"), tmp_path / "run", random_options=True)
    for scores in metrics["scenarios"].values():
        assert scores["psr"] > 0
        assert scores["answers"]["suggestion"] > 0.6
    again = play(benchmark, ScriptedModel("ask"), tmp_path / "again", random_options=True)
    assert again == metrics
    cautious = play(benchmark, ScriptedModel("abstain"), tmp_path / "abstain", random_options=True)
    assert cautious["average"]["psr"] == 0
    with pytest.raises(UsageError, match="multiple choice"):
        Settings(mode="oeg", random_options=True)


def test_repeats_and_sample_lists(benchmark: Benchmark, tmp_path: Path) -> None:
    listing = tmp_path / "ids.txt"
    listing.write_text("# two of them\nQD 1\nquickdraw 3  # by the other name\nIN-C 0\n")
    metrics = play(
        benchmark, ScriptedModel("guess"), tmp_path / "run", samples=read_sample_list(listing), repeats=5
    )  # fmt: skip
    assert {name: scores["n"] for name, scores in metrics["scenarios"].items()} == {"IN-C": 5, "QD": 10}
    keys = [episode.key for episode in read_episodes(tmp_path / "run")]
    assert len(set(keys)) == len(keys) == 15
    listing.write_text("QD 1\nQD 8\nQD 9\n", encoding="utf-8-sig")
    with pytest.raises(UsageError, match=r"no QD sample 8, .*2 such ids"):
        play(benchmark, ScriptedModel("guess"), tmp_path / "none", samples=read_sample_list(listing))
    with pytest.raises(UsageError, match="names samples of IN-C, which is not played here"):
        play(benchmark, ScriptedModel("guess"), tmp_path / "none", [QD], samples={"QD": (1,), "IN-C": (0,)})
    assert read_run(tmp_path / "run").parts == {"IN-C": (1, 4), "QD": (2, 4)}
    assert run_measured_on(tmp_path / "run").endswith(", 3 of 8 samples of IN-C, QD; not filtered")
    with pytest.raises(UsageError, match=r"settings\.samples\.QD was \[1, 3\], is now \[1, 2\]"):
        play(benchmark, ScriptedModel("guess"), tmp_path / "run", samples={"QD": (1, 2), "IN-C": (0,)}, repeats=5)
    listing.write_text("QD one\n")
    with pytest.raises(UsageError, match="line 1: expected a scenario and an id"):
        read_sample_list(listing)
    listing.write_text("QD 1\n", encoding="utf-16")
    with pytest.raises(UsageError, match="expected text in UTF-8"):
        read_sample_list(listing)


def test_scenarios_are_chosen_once_by_any_name_in_the_order_of_the_paper(benchmark: Benchmark) -> None:
    assert benchmark.chosen(["quickdraw", "rod", "QD"]) == [ROD, QD]
    assert benchmark.chosen([]) == ALL
    with pytest.raises(UsageError, match="no scenario 'sketches'"):
        benchmark.chosen(["QD", "sketches"])


def test_intervals_of_scenarios_with_the_same_results_are_independent(benchmark: Benchmark, tmp_path: Path) -> None:
    model = Answering(lambda request: "Cat.")
    metrics = play(benchmark, model, tmp_path / "run", [IN_C, QD, CIT, COCO])
    low, high = metrics["average"]["acc_ci95"]
    widest = max(scores["acc_ci95"][1] - scores["acc_ci95"][0] for scores in metrics["scenarios"].values())
    assert high - low < 0.75 * widest
