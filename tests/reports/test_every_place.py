"""One run, and every place that shows its scores: they are the same everywhere, and those of its episodes."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

import pytest
import yaml
from click.testing import CliRunner
from rich.progress import Progress

import proactivebench as pb
from builders.pipeline.build import build
from cli import main
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.harnesses.every_eval_ever import export_run
from proactivebench.harnesses.hub_results import prepare_submission
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.leaderboard import write_leaderboard
from proactivebench.reports.page import runs_page
from proactivebench.reports.runs import Run, load_runs
from proactivebench.reports.standing import find_standing
from tests.support.example_benchmark import ExampleBuilder
from tests.support.small_benchmark import build_small

Scores = Mapping[str, tuple[float, float]]
"""Scenario or `macro average` -> accuracy in percent and psr."""


def call(*words: object) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a benchmark of two scenarios in `data` and a run in `run`; `said` is what the terminal shows."""
    folder = tmp_path_factory.mktemp("places")
    build_small(folder / "data")
    build(ExampleBuilder("COCO", "CC BY 4.0"), folder / "data")
    options = ("--seed", 2, "--repeats", 3)
    said = call("evaluate", "--model", "scripted:random", "--data", folder / "data", "--out", folder / "run", *options)
    (folder / "said").write_text(said)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return load_runs([folder / "run"])[0]


@pytest.fixture(scope="module")
def scores(folder: Path) -> Scores:
    """The scores as a reader of the records would compute them."""
    episodes = list(read_episodes(folder / "run"))
    found = {}
    for name in ("QD", "COCO"):
        own = [one for one in episodes if one.scenario == name]
        found[name] = 100 * mean(one.correct for one in own), mean(len(one.turns) - 1 for one in own)
    found["macro average"] = mean(acc for acc, _ in found.values()), mean(psr for _, psr in found.values())
    assert len({acc for acc, _ in found.values()}) == 3 and found["QD"][1] > 0, "or they could be taken for each other"
    return found


def assert_same(found: Scores, scores: Scores) -> None:
    assert {name: pytest.approx(pair) for name, pair in scores.items()} == found


def texts(scores: Scores) -> list[str]:
    return [text for acc, psr in scores.values() for text in (f"{acc:.1f}", f"{psr:.2f}")]


def test_files(folder: Path, scores: Scores) -> None:
    metrics = json.loads((folder / "run" / "metrics.json").read_bytes())
    found = metrics["scenarios"] | {"macro average": metrics["average"]}
    assert_same({name: (100 * one["acc"], one["psr"]) for name, one in found.items()}, scores)


def test_terminal(folder: Path, scores: Scores) -> None:
    lines = (folder / "said").read_text().splitlines()
    for name, (acc, psr) in scores.items():
        [line] = [line for line in lines if line.startswith(name)]
        assert re.search(rf" {acc:.1f} ±\S+ +{psr:.2f} ±", line), line
    compared = call("compare", folder / "run", folder / "run").splitlines()
    for name in ("QD", "COCO"):
        shown = [line.split() for line in compared if line.startswith(name)]
        assert [line[-7] for line in shown] == [line[-6] for line in shown] == texts({name: scores[name]})


def test_tables(folder: Path, scores: Scores) -> None:
    run, written = folder / "run", texts(scores)
    [row] = [line for line in call("table", run, "--format", "md").splitlines() if "scripted:random" in line]
    assert [cell.split()[0] for cell in row.split("|")[2:-1]] == written
    [row] = [line for line in call("table", run, "--format", "tex").splitlines() if "scripted:random" in line]
    assert re.findall(r"& (?:\\textbf\{)?([\d.]+)", row) == written
    lines = csv.DictReader(io.StringIO(call("table", run, "--format", "csv")))
    values = {(line["scenario"], line["measure"]): float(line["value"]) for line in lines}
    [table] = json.loads(call("table", run, "--format", "json"))
    [found] = [one["scores"] for one in table["rows"]]
    for name, pair in scores.items():
        assert (values[name, "acc"], values[name, "psr"]) == pytest.approx(pair, abs=1e-4)
        assert tuple(found[name][score]["value"] for score in ("acc", "psr")) == pytest.approx(pair)


def test_python(folder: Path, scores: Scores) -> None:
    run = pb.load_run(folder / "run")
    assert_same({row["scenario"]: (100 * row["acc"], row["psr"]) for row in run.scores}, scores)
    shown = pb.table(run)._repr_html_() or ""
    assert re.findall(r">([\d.]+)</td>", shown) == texts(scores)
    [you] = find_standing(run.folder)["rows"]
    assert (100 * you["acc"], you["psr"]) == pytest.approx(scores["macro average"])


def test_pages(run: Run, scores: Scores, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = runs_page(EpisodeAlbum([run]), [run])
    numbers = re.findall(r'data-label="(?:accuracy, %|psr)">\s*<span class="number">([\d.]+)', page)
    assert numbers == texts({name: scores[name] for name in ("macro average", "QD", "COCO")})
    monkeypatch.setattr("proactivebench.reports.leaderboard.write_report", lambda *given: 0)
    with Progress(disable=True) as progress:
        write_leaderboard([run], {run.folder: []}, tmp_path / "board", progress)
    board = (tmp_path / "board" / "index.html").read_text()
    shown = re.findall(r'<td class="right" data-value="[\d.]+"><span class="number">([\d.]+)</span>', board)
    assert shown == texts(scores)


def test_what_is_handed_on(folder: Path, scores: Scores, tmp_path: Path) -> None:
    names = {"average": "macro average"}
    whole, _ = export_run(folder / "run", tmp_path, "Me")
    found = {
        one["evaluation_result_id"]: one["score_details"]["score"]
        for one in json.loads(whole.read_bytes())["evaluation_results"]
    }
    for name in ("average", "QD", "COCO"):
        acc, psr = scores[names.get(name, name)]
        assert (100 * found[f"{name}.acc"], found[f"{name}.psr"]) == pytest.approx((acc, psr))
    described = json.loads((folder / "run" / "run.json").read_bytes())
    described["data"]["source"] = "hub:me/bench@abc"
    (folder / "run" / "run.json").write_text(json.dumps(described))
    given = yaml.safe_load(prepare_submission(folder / "run", Benchmark.open(folder / "data"), "me/model").text)
    values = {one["dataset"]["task_id"]: one["value"] for one in given}
    for name, prefix in (("macro average", ""), ("QD", "qd_"), ("COCO", "coco_")):
        assert (values[f"{prefix}acc"], values[f"{prefix}psr"]) == pytest.approx(scores[name], abs=0.01)
