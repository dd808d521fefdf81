"""Free replies in reports: their scores, who judged them, and the published reading of the judge."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
from rich.console import Console

from commands.terminal import metrics_table
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run
from proactivebench.evaluation.settings import Settings
from proactivebench.models.scripted import MatchingJudge, ScriptedModel
from proactivebench.reports.endings import Ending, ending
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.latex import to_latex
from proactivebench.reports.page import runs_page
from proactivebench.reports.plot_style import PAPER
from proactivebench.reports.plots import make_plots
from proactivebench.reports.runs import load_runs
from proactivebench.reports.score_files import to_csv, to_json, to_markdown
from proactivebench.reports.scores import published_results, score_tables
from proactivebench.scenarios import QD
from tests.support.all_scenarios import Answering
from tests.support.small_runs import Reciter, play


@pytest.fixture(scope="module")
def free(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a judged open-ended run, `judged`, an `unjudged` one, one over `several` turns, one with `hint`."""
    folder = tmp_path_factory.mktemp("free")
    judge = Judge(MatchingJudge())
    for name, model in (("judged", "guess"), ("unjudged", "oracle")):
        play(small_runs / "data", ScriptedModel(model), folder / name, Settings(mode="oeg"))
    play(small_runs / "data", ScriptedModel("oracle"), folder / "hint", Settings(mode="oeg", hint=True))
    play(small_runs / "data", ScriptedModel("oracle"), folder / "several", Settings(mode="oeg-multi"), judge)
    for name in ("judged", "hint"):
        judge_run(folder / name, judge)
    return folder


class TestFreeReplies:
    def test_each_setting_stands_beside_its_own_table_of_the_paper(self, free: Path) -> None:
        runs = load_runs([free / "judged", free / "hint", free / "several"])
        tables = score_tables(runs, compare_paper=True)
        assert [table.setting for table in tables] == ["open-ended", "open-ended, hint", "open-ended multi-turn"]
        assert [table.measures for table in tables] == [("agg", "cc", "ps")] * 2 + [("acc", "psr")]
        for table, name in zip(tables, ("oeg", "oeg_hint", "oeg_multi_turn"), strict=True):
            [ours] = [row for row in table.rows if row.run]
            published = published_results()[name]
            assert len(table.rows) == 1 + len(published)
            [theirs] = [row for row in table.rows if row.name == "LLaVA-OV-7B"]
            for measure in table.measures:
                assert theirs.cells["QD"].scores[measure].value == published["LLaVA-OV-7B"]["QD"][measure]
                scale = 1 if measure == "psr" else 100
                assert ours.run is not None
                assert ours.average(measure) == pytest.approx(scale * ours.run.metrics["average"][measure])

    def test_who_judged_stands_beside_the_scores(self, small_runs: Path, free: Path, tmp_path: Path) -> None:
        shutil.copytree(free / "judged", other := tmp_path / "other")
        shutil.rmtree(other / "judge")
        judge_run(other, Judge(Answering(lambda request: "0, 1", "generous"), "Be kind."))
        runs = load_runs([free / "judged", other, free / "several", free / "unjudged"], [small_runs / "data"])
        assert [run.notes for run in runs] == [
            ["judge scripted:match"],
            ["judge generous with instructions by hand"],
            ["judge scripted:match"],
            ["not judged"],
        ]
        tables = score_tables(runs, compare_paper=True)
        assert all("In the paper Qwen3-8B judged" in table.caveat for table in tables)
        assert r"generous with instructions by hand" in to_latex(tables)

    def test_the_files_have_the_judged_scores(self, free: Path) -> None:
        scores = json.loads((free / "judged" / "metrics.json").read_text())["scenarios"]["QD"]
        tables = score_tables(load_runs([free / "judged"]))
        [row] = json.loads(to_json(tables))[0]["rows"]
        assert row["scores"]["QD"]["cc"]["value"] == 100 * scores["cc"]
        assert row["scores"]["QD"]["n"] == scores["judged"]
        lines = list(csv.DictReader(io.StringIO(to_csv(tables))))
        assert [line["measure"] for line in lines] == ["agg", "cc", "ps"] * 2
        assert "| QD agg | QD cc | QD ps |" in to_markdown(tables)
        assert "Model & agg & cc & ps" in to_latex(tables)

    def test_the_published_reading_stands_among_the_papers_models(self, small_runs: Path, tmp_path: Path) -> None:
        said = iter(["0, 1", "hm", "0, 1", "0, 0", "yes", "0, 0"] + ["0, 1", "hm"] * 3)
        judge = Judge(Answering(lambda request: next(said)))
        judged = play(small_runs / "data", ScriptedModel("guess"), tmp_path / "judged", Settings(mode="oeg"))
        judge_run(judged, judge, max_errors=1)
        several = tmp_path / "several"
        chosen = Settings(mode="oeg-multi")
        benchmark = Benchmark.open(small_runs / "data")
        evaluate(benchmark, [QD], ScriptedModel("guess"), chosen, several, judge=judge, max_errors=1)
        for folder, measure, ours, published in ((judged, "cc", 50, 100 / 3), (several, "acc", 100, 50)):
            [table] = score_tables(runs := load_runs([folder]), compare_paper=True)
            rows = {row.note.partition(",")[0]: row for row in table.rows if row.run}
            reading = rows.pop("published reading of the judge")
            assert reading.average(measure) == pytest.approx(published)
            [plain] = rows.values()
            assert plain.average(measure) == ours
            assert "published reading of the judge" in to_latex([table])
            assert [row.published for table in score_tables(runs) for row in table.rows] == [False]
        console = Console(record=True, width=120, file=io.StringIO())
        metrics_table({"several": load_runs([several])[0].metrics}, console, "some data")
        assert "3 outputs of the judge could not be read" in (said_so := console.export_text())
        assert "QD: acc % 50.0" in said_so

    def test_replies_that_no_judge_has_read_are_said_to_be_so(self, free: Path) -> None:
        [run] = load_runs([free / "unjudged"])
        assert run.unjudged == len(run.episodes) == 6
        tables = score_tables([run], compare_paper=True)
        assert tables[0].rows[-1].run is run
        assert "| scripted:oracle (not judged) | \N{EN DASH} |" in to_markdown(tables)
        assert "scripted:oracle$^{1}$ & -- & -- & --" in (latex := to_latex(tables)) and "$^{1}$ not judged}" in latex
        assert {line["value"] for line in csv.DictReader(io.StringIO(to_csv(score_tables([run]))))} == {""}
        assert {ending(episode, None) for episode in run.episodes} == {Ending.UNJUDGED}
        assert "6 replies of scripted:oracle, open-ended wait for a judge" in runs_page(EpisodeAlbum([run]), [run])

    def test_a_judge_that_has_read_some_replies(self, small_runs: Path, free: Path, tmp_path: Path) -> None:
        shutil.copytree(free / "judged", tmp_path / "run")
        path = tmp_path / "run" / "judge" / "judgements.jsonl"
        lines = path.read_bytes().splitlines(keepends=True)
        failed = json.loads(lines[1]) | {"error": {"kind": "judge", "message": "said nothing usable"}}
        path.write_bytes(lines[0] + json.dumps(failed).encode() + b"\n")
        [run] = load_runs([tmp_path / "run"], [small_runs / "data"])
        [table] = score_tables([run])
        assert table.rows[0].note == "2 of 6 replies judged, judge scripted:match"
        assert (table.rows[0].cells["QD"].n, table.rows[0].cells["QD"].errors) == (1, 1)
        page = runs_page(EpisodeAlbum([run]), [run])
        assert "4 replies of" in page
        assert "1 judge" in page

    def test_the_page_tells_what_the_judge_found(self, free: Path) -> None:
        runs = load_runs([free / "judged", free / "hint"])
        for run in runs:
            for episode in run.episodes:
                judged = run.judgements[episode.key]
                expected = Ending.RIGHT if judged.category else Ending.ASKED if judged.suggestion else Ending.NEITHER
                assert ending(episode, judged) is expected
        assert {ending(episode, runs[1].judgements[episode.key]) for episode in runs[1].episodes} == {Ending.ASKED}
        entry = EpisodeAlbum(runs).chunk(1, 0)["entries"][0]
        assert entry["limit"] == 1
        assert entry["turns"][0]["read"] == "The judge found a valid suggestion in it."
        assert entry["turns"][0]["did"] == ""

    def test_several_turns_tell_what_the_judge_found_in_each(
        self, small_runs: Path, free: Path, tmp_path: Path
    ) -> None:
        judge = Judge(MatchingJudge())
        always_cat = play(small_runs / "data", Reciter({}), tmp_path / "cat", Settings(mode="oeg-multi"), judge)
        runs = load_runs([free / "several", always_cat])
        found = [{ending(episode, None) for episode in run.episodes} for run in runs]
        assert found == [{Ending.RIGHT}, {Ending.RIGHT, Ending.NEITHER}]
        *asked, last = EpisodeAlbum(runs).chunk(0, 0)["entries"][0]["turns"]
        assert {turn["read"] for turn in asked} == {"The judge found in it a suggestion that is accepted here."}
        assert last["read"] == "The judge found in it the right category."

    def test_only_judged_runs_are_drawn(self, free: Path) -> None:
        for names, drawn in ((["judged", "unjudged"], True), (["unjudged"], False)):
            plots = make_plots(load_runs([free / name for name in names]), compare_paper=True)
            [plot] = [plot for plot in plots if plot.stem == "open_ended"]
            assert (plot.draw(PAPER) is not None) == drawn
