"""Every setting of the paper, played on samples of all scenarios (scripted models need no pictures)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.comparison import compare_runs, sign_flip_test
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run, read_judgements
from proactivebench.evaluation.leak_filter import filter_leaks
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings, read_sample_list
from proactivebench.models.base import Model, Request
from proactivebench.models.scripted import MatchingJudge, ScriptedModel
from proactivebench.samples import write_samples
from proactivebench.scenarios import CIT, COCO, IN_C, MVPN, QD, ROD, VSOD
from proactivebench.views import ShortEdge
from tests.example_samples import ENTRIES, example_sample

ALL = [ROD, VSOD, MVPN, IN_C, QD, CIT, COCO]
ANSWERS = ("Cat.", "Traffic light.", "Banana.", "Hot dog.")


@pytest.fixture
def benchmark(tmp_path: Path) -> Benchmark:
    """Four samples of each scenario with different answers, none from the same source."""
    for scenario in ALL:
        samples = [
            example_sample(
                scenario.name,
                id=number,
                answer=answer,
                image_template=ENTRIES[scenario.name]["image_template"].replace("{", f"{number}-{{", 1)
                if scenario is not COCO
                else f"coco2014/{number}.jpg",
            )
            for number, answer in enumerate(ANSWERS)
        ]
        write_samples(tmp_path / "data" / f"{scenario.dataset}_preprocessed.jsonl", samples)
    return Benchmark.open(tmp_path / "data")


class Answering(Model):
    """Answers by a function of the request."""

    def __init__(self, answer: Callable[[Request], str], name: str = "test"):
        self._answer = answer
        self._name = name

    async def reply(self, request: Request) -> str:
        return self._answer(request)

    def identity(self) -> dict[str, object]:
        return {"model": self._name}


def play(benchmark: Benchmark, model: Model, out: Path, scenarios: Any = ALL, **settings: Any) -> Any:
    judge = settings.pop("judge", None)
    return evaluate(benchmark, scenarios, model, Settings(filtered=False, **settings), out, judge=judge)


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
        assert all(isinstance(m.picture.view, ShortEdge) for m in request.messages if m.picture)
        assert len(examples) == 2 * len(given) == 2 * shots * (2 if sample.scenario is ROD else 3)
        return sample.answer

    play(benchmark, Answering(answer), tmp_path / "run", [ROD, MVPN], shots=shots)
    with pytest.raises(UsageError, match="ROD and MVP-N alone"):
        play(benchmark, Answering(answer), tmp_path / "other", [QD], shots=shots)


def test_random_options_are_never_right(benchmark: Benchmark, tmp_path: Path) -> None:
    metrics = play(benchmark, ScriptedModel("ask"), tmp_path / "run", random_options=True)
    assert metrics["average"]["psr"] == 0
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


def test_free_replies_are_judged_as_a_step_of_their_own(benchmark: Benchmark, tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        assert request.environment is not None
        assert "Options" not in request.messages[-1].text
        return {0: "A cat, I think", 1: "please add more details to the drawing!", 2: "no idea", 3: "Hot dog"}[
            request.environment.sample.id
        ]

    run = tmp_path / "run"
    metrics = play(benchmark, Answering(answer), run, [QD], mode="oeg")
    assert metrics["scenarios"]["QD"] == {"n": 4, "errors": 0, "errors_by_kind": {}}
    metrics = judge_run(run, Judge(MatchingJudge()))
    scores = metrics["scenarios"]["QD"]
    assert [scores[name] for name in ("judged", "cc", "ps", "agg")] == [4, 0.5, 0.25, 0.75]
    assert metrics["average"]["agg"] == 0.75
    assert json.loads((run / "metrics.json").read_text()) == metrics
    with pytest.raises(UsageError, match="begun with other settings"):
        judge_run(run, Judge(MatchingJudge(), "Be kind."))
    with pytest.raises(UsageError, match="run of mode mcqa"):
        play(benchmark, ScriptedModel("guess"), tmp_path / "mcqa")
        judge_run(tmp_path / "mcqa", Judge(MatchingJudge()))


def test_unusable_judgements_are_errors_and_owed_again(benchmark: Benchmark, tmp_path: Path) -> None:
    run = tmp_path / "run"
    play(benchmark, Answering(lambda request: "A cat"), run, [QD], mode="oeg")
    outputs = iter(["<think>hm 0,1", "I would say yes", "1, 0, 1", "<think>1,1,1,1</think>\n0, 1"])
    metrics = judge_run(run, Judge(Answering(lambda request: next(outputs))))
    assert metrics["scenarios"]["QD"]["judge_errors"] == 3
    assert metrics["scenarios"]["QD"]["cc"] == 1.0
    said = {reply.error.message[:22] for reply in read_judgements(run) if reply.error}
    assert said == {"The judge did not fini", "The judge's output mus"}
    metrics = judge_run(run, Judge(Answering(lambda request: "0, 0")))
    assert metrics["scenarios"]["QD"]["judge_errors"] == 0
    assert metrics["scenarios"]["QD"]["cc"] == 0.25


def test_free_replies_over_several_turns(benchmark: Benchmark, tmp_path: Path) -> None:
    said = {
        "ROD": ["Move the blocks", "banana"],
        "VSOD": ["rewind the video", "wait for the occlusion to disappear", "banana"],
        "MVP-N": ["move the camera", "banana"],
        "IN-C": ["increase the resolution", "increase the resolution", "banana"],
        "QD": ["add more details to the drawing", "no idea"],
        "CIT": ["Wait for the object to show", "banana"],
        "COCO": ["move farther from the object", "move the camera", "banana"],
    }

    def answer(request: Request) -> str:
        environment = request.environment
        assert environment is not None
        return said[environment.scenario.name][environment.turn]

    judge = Judge(MatchingJudge())
    samples = dict.fromkeys(ENTRIES, (2,))
    metrics = play(benchmark, Answering(answer), tmp_path / "run", mode="oeg-multi", judge=judge, samples=samples)
    for name, replies in said.items():
        scores = metrics["scenarios"][name]
        assert (scores["acc"], scores["psr"]) == (0 if name == "QD" else 1, len(replies) - 1), name
    episode = next(e for e in read_episodes(tmp_path / "run") if e.scenario == "COCO")
    assert episode.turns[0].reply == "move farther from the object"
    assert episode.turns[0].chosen in ("Move the camera up.", "Move the camera to the left.")
    assert episode.turns[0].judge == "0, 1, 0"
    with pytest.raises(UsageError, match="needs a judge"):
        play(benchmark, Answering(answer), tmp_path / "other", mode="oeg-multi")


def test_the_leak_filter_drops_what_enough_models_see_at_once(benchmark: Benchmark, tmp_path: Path) -> None:
    def seer(*ids: int) -> Model:
        def answer(request: Request) -> str:
            assert request.environment is not None
            sample = request.environment.sample
            return sample.answer if sample.id in ids else "I cannot tell."

        return Answering(answer, f"sees {ids}")

    runs = [tmp_path / str(number) for number in range(4)]
    for run, model in zip(runs, (seer(0, 1), seer(0), seer(), seer()), strict=True):
        play(benchmark, model, run, [ROD, QD])
    report = filter_leaks(benchmark, runs, threshold=0.5)
    assert [(one.name, one.kept) for one in report] == [("ROD", (1, 2, 3)), ("QD", (1, 2, 3))]
    assert [(one.accuracy_before, one.accuracy_after) for one in report] == [(3 / 16, 1 / 12)] * 2
    again = Benchmark.open(benchmark.folder)
    assert [sample.id for sample in again.samples(QD)] == [1, 2, 3]
    assert len(list(again.samples(QD, filtered=False))) == 4
    assert again.fingerprint()["kept_ids"] != again.fingerprint(filtered=False)["kept_ids"]
    filter_leaks(again, runs, threshold=0.25)
    assert [sample.id for sample in Benchmark.open(benchmark.folder).samples(QD)] == [2, 3]
    only = tmp_path / "only"
    play(benchmark, seer(3), only, [QD])
    filter_leaks(again, [only], threshold=1)
    again = Benchmark.open(benchmark.folder)
    assert [again.kept_ids(scenario) for scenario in (ROD, QD)] == [{2, 3}, {0, 1, 2}]
    shares = {one.name: one.accuracy_before for one in filter_leaks(benchmark, runs[:1], threshold=1)}
    scores = json.loads((runs[0] / "metrics.json").read_text())["scenarios"]
    assert {name: scores[name]["first_turn_acc"] for name in scores} == shares == {"ROD": 0.5, "QD": 0.5}
    assert scores["ROD"]["acc"] == 0


def test_intervals_of_scenarios_with_the_same_results_are_independent(benchmark: Benchmark, tmp_path: Path) -> None:
    model = Answering(lambda request: "Cat.")
    metrics = play(benchmark, model, tmp_path / "run", [IN_C, QD, CIT, COCO])
    low, high = metrics["average"]["acc_ci95"]
    widest = max(scores["acc_ci95"][1] - scores["acc_ci95"][0] for scores in metrics["scenarios"].values())
    assert high - low < 0.75 * widest


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
    with pytest.raises(UsageError, match="plain multiple-choice run"):
        filter_leaks(benchmark, [tmp_path / "hint"])
    with pytest.raises(UsageError, match="is no run"):
        filter_leaks(benchmark, [tmp_path])
    assert not (benchmark.folder / "kept_ids.json").exists()


def test_runs_are_compared_sample_by_sample(benchmark: Benchmark, tmp_path: Path) -> None:
    play(benchmark, ScriptedModel("abstain"), tmp_path / "a", [QD, VSOD], repeats=10)
    play(benchmark, ScriptedModel("oracle"), tmp_path / "b", [QD, VSOD], repeats=10)
    by_name = {(d.scenario, d.score): d for d in compare_runs(tmp_path / "a", tmp_path / "b")}
    assert set(by_name) == {(name, score) for name in ("QD", "VSOD", "all") for score in ("acc", "psr")}
    acc = by_name["all", "acc"]
    assert (acc.n, acc.first, acc.second, acc.change.mean) == (80, 0, 1, 1)
    assert acc.p_value == pytest.approx(2 / 2**8, abs=0.005), "eight sources, all in one direction"
    same = compare_runs(tmp_path / "a", tmp_path / "a")
    assert all((d.change.mean, d.p_value) == (0, 1) for d in same)
    with pytest.raises(UsageError, match="share no samples"):
        compare_runs(tmp_path / "a", tmp_path)
    lines = (tmp_path / "b" / "episodes.jsonl").read_text().replace("QuickDraw/", "Other/")
    (tmp_path / "b" / "episodes.jsonl").write_text(lines)
    with pytest.raises(UsageError, match="different benchmarks: QD sample 0"):
        compare_runs(tmp_path / "a", tmp_path / "b")


def test_the_sign_flip_test_is_wrong_as_often_as_it_says() -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 30))
    p_values = [sign_flip_test(list(row), [str(n) for n in range(30)]) for row in values]
    assert 0.01 <= np.mean(np.array(p_values) < 0.05) <= 0.1


@pytest.mark.parametrize("description", ["[]", "{", '{"settings": 1}'])
def test_what_is_no_run_is_not_judged(tmp_path: Path, description: str) -> None:
    (tmp_path / "run.json").write_text(description)
    with pytest.raises(UsageError, match="is no run"):
        judge_run(tmp_path, Judge(MatchingJudge()))


def test_the_oracle_speaks_freely_too(benchmark: Benchmark, tmp_path: Path) -> None:
    judge = Judge(MatchingJudge())
    metrics = play(benchmark, ScriptedModel("oracle"), tmp_path / "multi", mode="oeg-multi", judge=judge)
    accuracy = {name: scores["acc"] for name, scores in metrics["scenarios"].items()}
    assert accuracy.pop("ROD") > 0, "moving the camera may lead the longer way round"
    assert set(accuracy.values()) == {1.0}
    play(benchmark, ScriptedModel("oracle"), tmp_path / "single", mode="oeg")
    judged = judge_run(tmp_path / "single", judge)
    assert judged["average"]["agg"] == judged["average"]["ps"] == 1.0
