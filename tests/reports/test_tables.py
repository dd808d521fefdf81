"""Tables for papers: which numbers they show, which stand in bold, and that LaTeX takes them."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import mean, stdev
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.evaluation.comparison import Scored, by_sample, p_value
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.when import measure_run
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.latex import to_latex
from proactivebench.reports.runs import load_runs
from proactivebench.reports.score_files import to_markdown
from proactivebench.reports.scores import AVERAGE, Cell, Row, Score, score_tables
from proactivebench.reports.sheets import Block, Entry, Line, Style, sheets
from tests.support.example_benchmark import build_examples
from tests.support.small_benchmark import build_small
from tests.support.small_runs import Reciter, play


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a benchmark of 18 drawings in `data` and runs of four models, one of them with three seeds."""
    folder = tmp_path_factory.mktemp("tables")
    data = build_small(folder / "data", per_category=6)
    for name in ("oracle", "ask", "guess"):
        play(data, ScriptedModel(name), folder / name)
    for seed in range(3):
        play(data, ScriptedModel("random"), folder / f"random{seed}", Settings(seed=seed))
    play(data, ScriptedModel("ask"), folder / "hint", Settings(hint=True))
    return folder


def table(*words: object) -> str:
    """What `table` prints."""
    done = CliRunner().invoke(main, ["table", *map(str, words)])
    assert done.exit_code == 0, done.output
    return done.output


def columns(text: str, name: str) -> list[str]:
    """The numbers of a row of Markdown."""
    [line] = [line for line in text.splitlines() if line.startswith(f"| {name}")]
    return [cell.strip() for cell in line.strip("|").split("|")[1:]]


def test_runs_of_one_name_are_one_row_with_mean_and_spread(place: Path) -> None:
    seeds = [place / f"random{seed}" for seed in range(3)]
    names = [word for seed in seeds for word in ("--name", f"{seed}=Random")]
    found = columns(table(*seeds, place / "guess", *names, "--format", "md"), "Random (mean of 3 runs)")
    values = [run.metrics["scenarios"]["QD"] for run in load_runs(seeds)]
    for cell, measure, scale, digits in zip(found, ("acc", "psr"), (100, 1), (1, 2), strict=True):
        numbers = [scale * one[measure] for one in values]
        assert cell == f"{mean(numbers):.{digits}f} ± {stdev(numbers):.{digits}f}"


def test_both_scores_have_intervals_and_they_are_as_lopsided_as_measured(place: Path) -> None:
    text = table(place / "oracle", place / "ask", "--format", "md", "--interval", "plus-minus")
    assert columns(text, "scripted:oracle")[0].startswith("**100.0** +0.0 -")
    [run] = load_runs([place / "ask"])
    low, high = run.metrics["scenarios"]["QD"]["psr_ci95"]
    ends = columns(table(place / "ask", "--format", "md", "--interval", "range"), "scripted:ask")[1]
    assert ends.endswith(f"[{low:.2f}, {high:.2f}]")
    assert columns(table(place / "ask", "--format", "md", "--interval", "none"), "scripted:ask")[1] == ends.split()[0]


def test_settings_stand_side_by_side(place: Path) -> None:
    text = table(place / "ask", place / "hint", place / "guess", "--side-by-side", "--format", "md", "--measure", "acc")
    assert text.splitlines()[4] == "| model | multiple choice: QD acc | hint: QD acc |"
    assert columns(text, "scripted:guess")[1] == "\N{EN DASH}"
    assert "\N{EN DASH}" not in columns(text, "scripted:ask")


def test_chosen_scenarios_have_an_average_of_their_own(tmp_path: Path) -> None:
    data = build_examples(tmp_path / "data", "QD", "COCO", "ROD")
    run = play(data, Reciter({}), tmp_path / "run")
    three = table(run, "--format", "md")
    two = table(run, "--format", "md", "--scenario", "quickdraw", "--scenario", "rod", "--measure", "acc")
    assert "COCO" in three and "macro average" in three
    assert two.splitlines()[4] == "| model | ROD acc | QD acc | macro average acc |"
    assert ", all samples of ROD, QD." in two
    assert (
        table(run, "--format", "md", "--average-only").splitlines()[4]
        == "| model | macro average acc | macro average psr |"
    )


def scored(values: Sequence[float]) -> dict[tuple[str, int], Scored]:
    return {("QD", number): Scored("QD", str(number), "cat", {"acc": value}) for number, value in enumerate(values)}


def test_the_test_of_macro_averages_weighs_scenarios_alike() -> None:
    one, other = scored([1, 1, 1, 0]), scored([0, 0, 0, 1])
    many = {("COCO", number): Scored("COCO", f"c{number}", "cat", {"acc": 1.0}) for number in range(50)}
    few = {key: each._replace(scores={"acc": 0.0}) for key, each in many.items()}
    assert p_value(one, other, "acc", ["QD"]) == pytest.approx(10 / 16, abs=0.02), "10 of the 16 flips are as far"
    assert p_value(one | many, other | few, "acc", ["QD", "COCO"]) == pytest.approx(0.0001)
    assert p_value(one, many, "acc", ["QD"]) is None


def test_bold_is_the_best_where_it_is_better_than_every_other(place: Path) -> None:
    best, others = place / "oracle", [place / "ask", place / "guess", place / "random0"]
    ours = by_sample([best])
    assert all((p_value(ours, by_sample([one]), "acc", ["QD"]) or 1) < 0.05 for one in others)
    assert re.findall(r"\\textbf\{([\d.]+)\}", table(best, *others)) == ["100.0"], "and psr has no best"
    close = [place / "ask", place / "guess"]
    assert (p_value(by_sample([close[0]]), by_sample([close[1]]), "acc", ["QD"]) or 0) > 0.05
    assert "textbf" not in table(*close) and "Bold" not in table(*close)
    assert "textbf" not in table(best), "nothing to be better than"


def test_an_average_over_fewer_scenarios_is_never_bold(monkeypatch: pytest.MonkeyPatch) -> None:
    best = scored([1.0] * 10)
    worse = {
        (name, key[1]): each._replace(scores={"acc": 0.0}) for name in ("QD", "COCO") for key, each in best.items()
    }
    samples = {"few": best, "all": worse}
    monkeypatch.setattr("proactivebench.reports.sheets.by_sample", lambda folders: samples[folders[0]])
    lines = {}
    for name, values in samples.items():
        scenarios = dict.fromkeys(key[0] for key in values)
        cells = {place: Cell({"acc": Score(100.0 * (name == "few"))}) for place in (*scenarios, AVERAGE)}
        run: Any = SimpleNamespace(folder=name, unjudged=0)
        lines[name] = Line(name, (Row(name, run, cells, len(scenarios), 2),))
    block = Block("", ("QD", AVERAGE), ("acc",), lines)
    assert [one and one.bold for one in block.entries("few")] == [True, False]


def test_nothing_is_bold_below_a_row_of_the_paper(place: Path) -> None:
    [found] = score_tables(load_runs([place / "ask", place / "guess"]), compare_paper=True)
    assert "**" not in to_markdown([found])
    assert "never across" in to_latex([found]) and r"$^\dagger$ as published" in to_latex([found])


def test_numbers_next_to_nothing_have_no_negative_zero() -> None:
    assert Entry("acc", 100.0, (96.3, 100.0 - 1e-12)).around("plus-minus") == ("sides", "3.7", "0.0")
    assert Entry("psr", 0.2, published=True).text == "0.2"
    assert Entry("psr", *Score(4.684, (3.9, 5.4))).text == "4.68"


def test_what_cannot_be_meant_is_said(place: Path, tmp_path: Path) -> None:
    run = place / "ask"
    for words, said in (
        ([run, "--measure", "agg"], "These runs have no agg; they have acc, psr."),
        ([run, "--scenario", "coco"], "played none of COCO"),
        ([run, "--name", "here"], "'here' is not of the form RUN=NAME"),
        ([run, "--name", f"{place / 'guess'}=G"], "which is not one of the runs"),
        ([run, "--out", tmp_path / "table.docx"], "one of tex, md, csv, json"),
    ):
        done = CliRunner().invoke(main, ["table", *map(str, words)])
        assert done.exit_code == 2 and said in " ".join(done.output.replace("│", "").split()), done.output


def test_latex_takes_the_tables(place: Path, tmp_path: Path) -> None:
    if not shutil.which("pdflatex"):
        pytest.skip("needs pdflatex, of Debian's texlive-latex-base and texlive-latex-recommended")
    runs = [place / name for name in ("oracle", "ask", "guess", "random0", "random1", "random2", "hint")]
    loaded = load_runs(runs)
    names = {
        runs[3].resolve(): "a_b & 50% {x} \\input{y} ~^|<>#$",
        runs[4].resolve(): "Seeds",
        runs[5].resolve(): "Seeds",
    }
    styles = [Style(names, label="one"), Style(names, side_by_side=True, interval="range", label="two")]
    tables = [score_tables(loaded, compare_paper=True), score_tables(loaded)]
    texts = [to_latex(*pair) for pair in zip(tables, styles, strict=True)]
    packages = r"\documentclass{article}\usepackage{booktabs,graphicx}"
    (tmp_path / "main.tex").write_text(f"{packages}\\begin{{document}}{''.join(texts)}\\end{{document}}")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in done.stdout
    assert len(sheets(tables[1], styles[1])) == 1


def test_when_stands_in_every_table_where_the_forced_run_is_there(place: Path) -> None:
    data = place / "data"
    forced = [
        play(data, ScriptedModel(name), place / f"{name}-forced", Settings(mode="forced")) for name in ("random", "ask")
    ]
    runs = [place / "random0", place / "ask", *forced]
    found = measure_run(runs[0], forced[0])["average"]
    low, high = found["when_ci95"]
    cell = columns(table(*runs, "--format", "md", "--measure", "when", "--interval", "range"), "scripted:random")[0]
    assert cell == f"{found['when']:.2f} [{low:.2f}, {high:.2f}]"
    [line] = [
        line
        for line in csv.DictReader(io.StringIO(table(*runs, "--format", "csv")))
        if (line["measure"], line["model"], line["scenario"]) == ("when", "scripted:random", "QD")
    ]
    assert [float(line[name]) for name in ("value", "low", "high")] == pytest.approx(
        [found["when"], low, high], abs=1e-4
    )
    assert " & when " in table(*runs), "the heads of the LaTeX"
    words = [runs[0], runs[1], "--forced", forced[0], "--forced", forced[1]]
    done = CliRunner().invoke(main, ["compare", *map(str, words)])
    [said] = [line.split() for line in done.output.splitlines() if line.split()[1:2] == ["when"]]
    other = measure_run(runs[1], forced[1])["average"]["when"]
    assert said[:5] == ["QD", "when", "18", f"{found['when']:.2f}", f"{other:.2f}"]
