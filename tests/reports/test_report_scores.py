"""The numbers of reports: tables on their own and among the paper's models, and plots."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from commands.terminal import metrics_table
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Refusal, Reply, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.latex import to_latex
from proactivebench.reports.page import runs_page
from proactivebench.reports.runs import load_runs
from proactivebench.reports.score_files import to_csv, to_json, to_markdown
from proactivebench.reports.scores import AVERAGE, published_results, score_tables
from tests.support.example_benchmark import build_examples
from tests.support.small_runs import Reciter, play


class TestTables:
    def test_a_part_says_so_wherever_its_score_stands(self, small_runs: Path, tmp_path: Path) -> None:
        whole = small_runs / "guess"
        part = play(small_runs / "data", ScriptedModel("ask"), tmp_path / "part", Settings(limit=4))
        [alone] = score_tables(load_runs([part]))
        assert alone.measured.endswith(", 4 of 6 samples of QD")
        [table] = score_tables(runs := load_runs([whole, part]))
        assert table.measured.endswith("as many samples as stand beside each name of QD")
        assert [(row.name, row.is_ranked) for row in table.rows] == [("scripted:guess", True), ("scripted:ask", False)]
        rows = list(csv.DictReader(io.StringIO(to_csv([table]))))
        assert {(row["model"], row["note"]) for row in rows} == {
            ("scripted:guess", ""),
            ("scripted:ask", "4 of 6 samples"),
        }
        assert {(row["n"], row["samples"], row["of samples"]) for row in rows} >= {("6", "6", "6"), ("4", "4", "6")}
        cells = {row["model"]: row["scores"]["QD"] for row in json.loads(to_json([table]))[0]["rows"]}
        assert (cells["scripted:ask"]["samples"], cells["scripted:ask"]["of_samples"]) == (4, 6)
        assert "| scripted:ask (4 of 6 samples) |" in to_markdown([table])
        assert "95% interval" in to_markdown([table]) and r"95\% intervals" in to_latex([table])
        assert "scripted:ask$^{1}$" in to_latex([table]) and "$^{1}$ 4 of 6 samples}" in to_latex([table])
        page = runs_page(EpisodeAlbum(runs), runs, compare_paper=True)
        assert page.count('<span class="soft">4 of 6 samples</span>') == 2, "above all tables and among the paper's"

    def test_equal_averages_share_a_rank(self, small_runs: Path, tmp_path: Path) -> None:
        again = Path(shutil.copytree(small_runs / "guess", tmp_path / "again"))
        part = play(small_runs / "data", ScriptedModel("ask"), tmp_path / "part", Settings(limit=4))
        [table] = score_tables(
            load_runs([small_runs / "ask", small_runs / "guess", again, part], [small_runs / "data"])
        )
        better = table.rows[0].average("acc") != table.rows[1].average("acc")
        assert table.ranks == ([1, 2, 2, None] if better else [1, 1, 3, None])

    def test_a_run_that_is_not_over_and_failures_say_so(self, small_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(small_runs / "guess", tmp_path / "run")
        path = tmp_path / "run" / "episodes.jsonl"
        first, second, *_ = path.read_bytes().splitlines(keepends=True)
        failed = json.loads(second) | {"turns": [], "error": {"kind": "server", "message": "gone"}}
        path.write_bytes(first + json.dumps(failed).encode() + b"\n")
        [table] = score_tables(load_runs([tmp_path / "run"], [small_runs / "data"]))
        assert table.rows[0].note == "2 of 6 episodes so far, 1 of 2 episodes failed"

    def test_what_is_counted_beside_the_scores_is_in_the_files(self, small_runs: Path, tmp_path: Path) -> None:
        class Odd(Reciter):
            async def reply(self, request: Request) -> str:
                assert request.environment is not None
                number = request.environment.sample.id
                return Refusal("I cannot.") if number == 0 else Reply("?", cut=number == 1)

        runs = load_runs([play(small_runs / "data", Odd({}, "odd"), tmp_path / "run")])
        tables = score_tables(runs)
        counts = {"errors": 0, "refused": 1, "cut": 1, "unreadable": 6}
        row = next(row for row in csv.DictReader(io.StringIO(to_csv(tables))) if row["scenario"] == "QD")
        assert {name: row[name] for name in counts} == {name: str(count) for name, count in counts.items()}
        assert counts.items() <= json.loads(to_json(tables))[0]["rows"][0]["scores"]["QD"].items()
        assert "1 refused, 1 cut" in runs_page(EpisodeAlbum(runs), runs)

    def test_the_numbers_are_those_of_the_metrics(self, small_runs: Path) -> None:
        runs = load_runs([small_runs / "ask", small_runs / "guess"])
        rows = list(csv.DictReader(io.StringIO(to_csv(score_tables(runs)))))
        for run in runs:
            scores = run.metrics["scenarios"]["QD"]
            acc, psr = (row for row in rows if row["model"] == run.name and row["scenario"] == "QD")
            assert (acc["measure"], psr["measure"]) == ("acc", "psr")
            assert float(acc["value"]) == pytest.approx(100 * scores["acc"], abs=1e-3)
            assert float(psr["high"]) == pytest.approx(scores["psr_ci95"][1], abs=1e-3)
            assert acc["n"] == str(scores["n"])

    def test_runs_stand_among_the_papers_models(self, small_runs: Path) -> None:
        [table] = score_tables(load_runs([small_runs / "ask"]), compare_paper=True)
        assert len(table.rows) == 23
        accuracies = [row.average("acc") or 0.0 for row in table.rows]
        assert accuracies == sorted(accuracies, reverse=True)
        published = next(row for row in table.rows if row.name == "GPT-4.1")
        assert published.cells["QD"].scores["acc"].value == published_results()["mcqa"]["GPT-4.1"]["QD"]["acc"]
        assert published.cells[AVERAGE] == published.cells["QD"]

    def test_only_runs_that_were_asked_the_same_share_a_table(self, small_runs: Path, tmp_path: Path) -> None:
        hinted = play(small_runs / "data", ScriptedModel("ask"), tmp_path / "hint", Settings(hint=True))
        reference = play(small_runs / "data", ScriptedModel("ask"), tmp_path / "reference", Settings(mode="reference"))
        tables = score_tables(load_runs([small_runs / "ask", hinted, reference]), compare_paper=True)
        assert [table.setting for table in tables] == ["multiple choice", "hint", "reference"]
        assert [sum(row.run is not None for row in table.rows) for table in tables] == [1, 1, 1]
        assert "psr" not in to_markdown(tables[2:])
        for table, name in zip(tables, ("mcqa", "mcqa_hint", "mcqa_reference"), strict=True):
            published = {row.name: row.average("acc") for row in table.rows if row.run is None}
            assert published["GPT-4.1"] == published_results()[name]["GPT-4.1"]["QD"]["acc"]

    def test_runs_that_lack_scenarios_have_no_rank(self, tmp_path: Path) -> None:
        benchmark = Benchmark.open(build_examples(tmp_path / "data", "QD", "COCO", "ROD"))
        for name, model, played in (("all", "guess", "qd coco rod"), ("some", "oracle", "qd rod")):
            scenarios = benchmark.chosen(played.split())
            evaluate(benchmark, scenarios, ScriptedModel(model), Settings(), tmp_path / name)
        [table] = score_tables(load_runs([tmp_path / "some", tmp_path / "all"]), compare_paper=True)
        assert table.columns == ("ROD", "QD", "COCO")
        assert [row.is_ranked for row in table.rows] == [True] * 23 + [False]
        assert table.rows[-1].name == "scripted:oracle"
        assert table.rows[-1].average("acc") == 100
        assert "| scripted:oracle (average of 2 of 3 scenarios) |" in to_markdown([table])
        page = runs_page(EpisodeAlbum([]), load_runs([tmp_path / "some", tmp_path / "all"]), compare_paper=True)
        assert page.count('number rank">') == 24
        assert '<span class="soft number rank"></span> scripted:oracle<br>' in page

    def test_reference_runs_ask_nothing_on_the_page_as_on_the_terminal(self, small_runs: Path, tmp_path: Path) -> None:
        [run] = load_runs(
            [play(small_runs / "data", ScriptedModel("guess"), tmp_path / "run", Settings(mode="reference"))]
        )
        console = Console(record=True, width=120, file=io.StringIO())
        metrics_table({"": run.metrics}, console, "some data")
        assert "0.00 ±" in console.export_text()
        page = runs_page(EpisodeAlbum([run]), [run])
        assert re.search(r'data-label="psr">\s*<span class="number">0\.00</span>', page)

    def test_the_title_counts_models_and_runs(self, small_runs: Path, tmp_path: Path) -> None:
        folders = [small_runs / "ask", small_runs / "guess"]
        folders += [
            play(small_runs / "data", ScriptedModel(name), tmp_path / name, Settings(mode="reference"))
            for name in ("ask", "random")
        ]
        titles = [
            re.findall("<h1>(.*)</h1>", runs_page(EpisodeAlbum([]), load_runs(folders[:n]))) for n in (1, 2, 3, 4)
        ]
        both = "scripted:ask and scripted:guess"
        assert titles == [["scripted:ask"], [both], [f"{both}, 3 runs"], ["3 models, 4 runs"]]

    def test_names_cannot_break_a_table(self, small_runs: Path, tmp_path: Path) -> None:
        name = "a_b|c & 50% {x} \\input{y}\n| next"
        tables = score_tables(load_runs([play(small_runs / "data", Reciter({}, name), tmp_path / "run")]))
        [line] = [line for line in to_markdown(tables).splitlines() if line.startswith(r"| a\_b")]
        assert len(re.findall(r"(?<!\\)\|", line)) == 4
        [line] = [line for line in to_latex(tables).splitlines() if r"a\_b" in line]
        assert r"a\_b\textbar{}c \& 50\% \{x\} \textbackslash{}input\{y\} \textbar{} next" in line
        assert json.loads(to_json(tables))[0]["rows"][0]["model"] == name
