"""The leak filter: which runs it takes, and what it leaves."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.leak_filter import filter_leaks
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.models.base import Model, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import QD, ROD, Sample
from tests.support.all_scenarios import Answering, four_samples_each, play
from tests.support.small_benchmark import build_small
from tests.support.small_runs import play as small_play


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    return four_samples_each(tmp_path / "data")


def sample_of(request: Request) -> Sample:
    assert request.environment is not None
    return request.environment.sample


def test_the_leak_filter_drops_what_enough_models_see_at_once(benchmark: Benchmark, tmp_path: Path) -> None:
    def seer(*ids: int) -> Model:
        def answer(request: Request) -> str:
            sample = sample_of(request)
            return sample.answer if sample.id in ids else "I cannot tell."

        return Answering(answer, f"sees {ids}")

    runs = [tmp_path / str(number) for number in range(4)]
    for run, model in zip(runs, (seer(0, 1), seer(0), seer(), seer()), strict=True):
        play(benchmark, model, run, [ROD, QD])
    report = filter_leaks(benchmark, runs, threshold=0.5)
    assert [(one.name, one.kept) for one in report] == [("ROD", (0, 1, 2, 3)), ("QD", (1, 2, 3))]
    assert [(one.accuracy_before, one.accuracy_after) for one in report] == [(0, 0), (3 / 16, 1 / 12)]
    again = Benchmark.open(benchmark.folder)
    assert [sample.id for sample in again.samples(QD)] == [1, 2, 3]
    assert len(list(again.samples(QD, filtered=False))) == 4
    assert again.kept_digest(QD) is not None
    filter_leaks(again, runs, threshold=0.25)
    assert [sample.id for sample in Benchmark.open(benchmark.folder).samples(QD)] == [2, 3]
    only = tmp_path / "only"
    play(benchmark, seer(3), only, [QD])
    filter_leaks(again, [only], threshold=1)
    again = Benchmark.open(benchmark.folder)
    assert [again.kept_ids(scenario) for scenario in (ROD, QD)] == [{0, 1, 2, 3}, {0, 1, 2}]
    shares = {one.name: one.accuracy_before for one in filter_leaks(benchmark, runs[:1], threshold=1)}
    scores = json.loads((runs[0] / "metrics.json").read_text())["scenarios"]
    assert {name: scores[name]["first_turn_acc"] for name in scores} == shares == {"ROD": 0, "QD": 0.5}


def test_a_model_counts_once_however_often_it_plays(benchmark: Benchmark, tmp_path: Path) -> None:
    once, often = tmp_path / "once", tmp_path / "often"
    play(benchmark, ScriptedModel("abstain"), once, [QD])
    play(benchmark, Answering(lambda request: sample_of(request).answer), often, [QD], repeats=3)
    [report] = filter_leaks(benchmark, [once, often], threshold=0.6)
    assert (report.kept, report.accuracy_before) == ((0, 1, 2, 3), 0.5)


def test_a_threshold_of_0_would_drop_everything(benchmark: Benchmark) -> None:
    folder = str(benchmark.folder)
    done = CliRunner().invoke(cli.main, ["filter", folder, "--runs", folder, "--threshold", "0"])
    assert (done.exit_code, "is not in the range 0<x<=1" in done.output) == (2, True)


def test_no_guess_leaks_on_rod_where_none_counts_in_the_first_turn(benchmark: Benchmark, tmp_path: Path) -> None:
    runs = [tmp_path / str(seed) for seed in range(6)]
    for seed, run in enumerate(runs):
        play(benchmark, ScriptedModel("guess"), run, [ROD], seed=seed)
    first = [episode.turns[0].chosen == episode.answer for run in runs for episode in read_episodes(run)]
    assert any(first), "some of the guesses name the right category"
    (report,) = filter_leaks(benchmark, runs)
    assert (report.kept, report.accuracy_before) == ((0, 1, 2, 3), 0)


@pytest.mark.parametrize("text", ["[1]", '{"QD": ["a"]}', '{"QD": [[1]]}', '{"sketches": [1]}', "{"])
def test_kept_ids_of_another_form_are_refused(benchmark: Benchmark, text: str) -> None:
    path = benchmark.folder / "kept_ids.json"
    path.write_text('{"qd": [1, 3]}')
    assert [sample.id for sample in benchmark.samples(QD)] == [1, 3]
    path.write_text(text)
    with pytest.raises(ProactiveBenchError, match="from scenarios to lists of ids"):
        list(benchmark.samples(QD))


def test_the_leak_filter_takes_only_whole_plain_runs(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("guess"), tmp_path / "part", [QD], limit=2)
    play(benchmark, ScriptedModel("guess"), tmp_path / "hint", [QD], hint=True)
    with pytest.raises(UsageError, match="lacks 2 samples"):
        filter_leaks(benchmark, [tmp_path / "part"])
    with pytest.raises(UsageError, match=r"with hint: true; .* plain multiple-choice runs"):
        filter_leaks(benchmark, [tmp_path / "hint"])
    with pytest.raises(UsageError, match="is not a run"):
        filter_leaks(benchmark, [tmp_path])
    play(benchmark, ScriptedModel("guess"), tmp_path / "free", [QD], mode="oeg")
    with pytest.raises(UsageError, match=r'with mode: "oeg"; .* without --mode'):
        filter_leaks(benchmark, [tmp_path / "free"])
    play(benchmark, ScriptedModel("guess"), tmp_path / "whole", [QD])
    with pytest.raises(UsageError, match="given twice"):
        filter_leaks(benchmark, [tmp_path / "whole", tmp_path / "part" / ".." / "whole"])
    assert not (benchmark.folder / "kept_ids.json").exists()


def test_runs_from_before_the_first_filter_played_everything(tmp_path: Path) -> None:
    data = build_small(tmp_path / "data")
    runs = [small_play(data, ScriptedModel("guess"), tmp_path / "first")]
    command = ["filter", str(data), "--runs", str(runs[0])]
    done = CliRunner().invoke(cli.main, command)
    assert (done.exit_code, f"Written to {data}/kept_ids.json" in done.stderr) == (0, True)
    done = CliRunner().invoke(cli.main, command)
    assert (done.exit_code, f"Replaced what was in {data}/kept_ids.json" in done.stderr) == (0, True)
    (data / "kept_ids.json").write_text('{"QD": [1, 3]}')
    small_play(data, ScriptedModel("guess"), tmp_path / "second")
    with pytest.raises(UsageError, match="lacks what an earlier filter had dropped; play it with evaluate --no-filter"):
        filter_leaks(Benchmark.open(data), [tmp_path / "second"])


@pytest.mark.parametrize("command", ["stats", "check"])
def test_an_active_filter_is_mentioned(tmp_path: Path, command: str) -> None:
    data = build_small(tmp_path)
    assert "filter" not in CliRunner().invoke(cli.main, [command, str(data)]).output
    (data / "kept_ids.json").write_text('{"QD": [1, 3]}')
    done = CliRunner().invoke(cli.main, [command, str(data)])
    assert done.exit_code == 0
    assert "leak filter keeps QD 2" in done.stderr
