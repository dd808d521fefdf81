"""Reports: how episodes are told, the tables, the files on disk, and whose data they are."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.progress import Progress

from cli import main
from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.environments import make_environment
from proactivebench.errors import UsageError
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Model, ReplyError, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.album import shown
from proactivebench.reports.endings import Ending, ending
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.pictures import LONG_EDGE
from proactivebench.reports.plots import accuracy_per_turns, joint_draws
from proactivebench.reports.report import write_report
from proactivebench.reports.runs import load_runs
from proactivebench.reports.sample_album import SampleAlbum
from proactivebench.reports.score_files import to_csv, to_json, to_latex, to_markdown
from proactivebench.reports.scores import AVERAGE, published_results, score_tables
from proactivebench.scenarios import SCENARIOS, is_abstention
from tests.example_benchmark import build_examples
from tests.small_benchmark import build_small


class Reciter(Model):
    """Gives each sample, by id, what it is told to; None fails."""

    concurrency = 1

    def __init__(self, replies: Mapping[int, str | None], name: str = "reciter"):
        self._replies = replies
        self._name = name

    async def reply(self, request: Request) -> str:
        reply = self._replies.get(request.environment.sample.id, "Cat.")
        if reply is None:
            raise ReplyError("the line went dead")
        return reply

    def identity(self) -> Mapping[str, object]:
        return {"model": self._name}


def play(data: Path, model: Model, out: Path, settings: Settings | None = None) -> Path:
    benchmark = Benchmark.open(data)
    engine.evaluate(benchmark, benchmark.scenarios, model, settings or Settings(), out, max_errors=1)
    return out


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a benchmark in `data` and the runs `ask` and `guess`; nobody may change it."""
    folder = tmp_path_factory.mktemp("place")
    build_small(folder / "data")
    for name in ("ask", "guess"):
        play(folder / "data", ScriptedModel(name), folder / name)
    return folder


class TestEpisodes:
    @pytest.fixture
    def album(self, tmp_path: Path) -> EpisodeAlbum:
        data = build_small(tmp_path / "data")
        samples = list(Benchmark.open(data).samples(SCENARIOS["QD"]))
        told = {
            samples[0].id: samples[0].answer,
            samples[1].id: "<b>no idea</b>",
            samples[2].id: next(option for option in samples[2].options if not is_abstention(option)),
            samples[3].id: next(option for option in samples[3].options if is_abstention(option)),
            samples[4].id: next(category for category in samples[4].categories if category != samples[4].answer),
            samples[5].id: None,
        }
        return EpisodeAlbum(load_runs([play(data, Reciter(told), tmp_path / "run")]))

    def test_every_ending_is_told_apart(self, album: EpisodeAlbum) -> None:
        endings = {episode.id: ending(episode) for episode in album.runs[0].episodes}
        assert [endings[number] for number in sorted(endings)] == [
            Ending.RIGHT,
            Ending.UNREADABLE,
            Ending.OUT_OF_TURNS,
            Ending.ABSTAINED,
            Ending.WRONG,
            Ending.ERROR,
        ]

    def test_a_turn_says_what_was_shown_replied_and_read(self, album: EpisodeAlbum) -> None:
        chunk = album.chunk(0, 0)
        by_reply = {entry["turns"][0]["reply"]: entry for entry in chunk["entries"] if entry["turns"]}
        turn = by_reply["<b>no idea</b>"]["turns"][0]
        assert turn["chosen"] is None
        assert turn["read"].startswith("Unreadable")
        right = next(
            entry for entry in chunk["entries"] if entry["turns"] and entry["answer"] == entry["turns"][0]["reply"]
        )
        [turn] = right["turns"]
        _, options = chunk["texts"][turn["text"]]
        assert options[turn["chosen"]] == right["answer"]
        assert turn["chosen"] in turn["right"]
        assert "the right category" in turn["read"]
        assert turn["did"] == "The episode ended, right."

    def test_the_last_suggestion_comes_too_late(self, album: EpisodeAlbum) -> None:
        entry = next(entry for entry in album.chunk(0, 0)["entries"] if len(entry["turns"]) > 1)
        assert "added a detail" in entry["turns"][0]["did"]
        assert entry["turns"][-1]["did"] == "The episode ended, not right."
        assert entry["turns"][-1]["chosen"] not in entry["turns"][-1]["right"]

    def test_an_error_is_told(self, album: EpisodeAlbum) -> None:
        errors = [entry["error"] for entry in album.chunk(0, 0)["entries"] if entry["error"]]
        assert errors == [{"kind": "model", "message": "the line went dead"}]

    def test_the_index_agrees_with_the_entries(self, album: EpisodeAlbum) -> None:
        index = album.index()
        rows = index["parts"][0]["rows"]
        entries = album.chunk(0, 0)["entries"]
        assert [row[4] for row in rows] == [len(entry["turns"]) for entry in entries]
        assert [index["answers"][row[6]] for row in rows] == [entry["answer"] for entry in entries]

    def test_chunks_that_do_not_exist_are_refused(self, album: EpisodeAlbum) -> None:
        for part, number in ((0, 1), (1, 0)):
            with pytest.raises(IndexError):
                album.chunk(part, number)


OPTION = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1)


@given(question=OPTION.filter(lambda text: "Choose from" not in text), options=st.lists(OPTION, max_size=9))
@pytest.mark.parametrize("short_answer", [True, False])
def test_texts_are_taken_apart_as_they_were_put_together(question: str, options: list[str], short_answer: bool) -> None:
    assert shown(prompts.multiple_choice(question, options, short_answer)) == (question, tuple(options))


def test_looking_at_samples_says_what_each_option_does(tmp_path: Path) -> None:
    album = SampleAlbum(Benchmark.open(build_examples(tmp_path, *SCENARIOS)))
    chunk = album.chunk(0, 0)
    assert len(chunk["entries"]) == len(SCENARIOS)
    for sample, entry in zip(album._samples, chunk["entries"], strict=True):
        first = entry["turns"][0]
        options = chunk["texts"][first["text"]].options
        for place, (option, effect) in enumerate(zip(options, first["effects"], strict=True)):
            environment = make_environment(sample)
            environment.step(option)
            assert environment.done == effect.startswith("ends"), (sample.scenario.name, option, effect)
            assert (place in first["right"]) == (environment.correct or not environment.done)
            if not environment.done:
                number = int(re.findall(r"frame (\d+)$", effect)[0])
                assert 1 < number <= len(entry["turns"])
        assert any("reference frame" in turn["did"] for turn in entry["turns"])
        assert len({turn["picture"] for turn in entry["turns"]}) == len(entry["turns"])


class TestTables:
    def test_the_numbers_are_those_of_the_metrics(self, place: Path) -> None:
        runs = load_runs([place / "ask", place / "guess"])
        rows = list(csv.DictReader(io.StringIO(to_csv(score_tables(runs)))))
        for run in runs:
            scores = run.metrics["scenarios"]["QD"]
            [row] = [row for row in rows if row["model"] == run.name and row["scenario"] == "QD"]
            assert float(row["acc"]) == pytest.approx(100 * scores["acc"], abs=1e-3)
            assert float(row["psr_high"]) == pytest.approx(scores["psr_ci95"][1], abs=1e-3)
            assert row["n"] == str(scores["n"])

    def test_runs_stand_among_the_papers_models(self, place: Path) -> None:
        [table] = score_tables(load_runs([place / "ask"]), compare_paper=True)
        assert len(table.rows) == 23
        accuracies = [row.average.acc for row in table.rows]
        assert accuracies == sorted(accuracies, reverse=True)
        published = next(row for row in table.rows if row.name == "GPT-4.1")
        assert published.cells["QD"].acc == published_results()["mcqa"]["GPT-4.1"]["QD"]["acc"]
        assert published.cells[AVERAGE].acc == published.cells["QD"].acc

    def test_only_runs_that_were_asked_the_same_share_a_table(self, place: Path, tmp_path: Path) -> None:
        hinted = play(place / "data", ScriptedModel("ask"), tmp_path / "hint", Settings(hint=True))
        reference = play(place / "data", ScriptedModel("ask"), tmp_path / "reference", Settings(mode="reference"))
        tables = score_tables(load_runs([place / "ask", hinted, reference]), compare_paper=True)
        assert [table.setting for table in tables] == ["multiple choice", "hint", "reference"]
        assert [sum(row.run is not None for row in table.rows) for table in tables] == [1, 1, 1]
        assert "psr" not in to_markdown(tables[2:])
        published = {row.name: row.average.acc for row in tables[1].rows if row.run is None}
        assert published["GPT-4.1"] == published_results()["mcqa_hint"]["GPT-4.1"]["QD"]["acc"]

    def test_names_cannot_break_a_table(self, place: Path, tmp_path: Path) -> None:
        name = "a_b|c & 50% {x} \\input{y}\n| next"
        tables = score_tables(load_runs([play(place / "data", Reciter({}, name), tmp_path / "run")]))
        [line] = [line for line in to_markdown(tables).splitlines() if line.startswith("| **")]
        assert len(re.findall(r"(?<!\\)\|", line)) == 4
        [line] = [line for line in to_latex(tables).splitlines() if line.startswith(r"\textbf")]
        assert r"a\_b\textbar{}c \& 50\% \{x\} \textbackslash{}input\{y\} \textbar{} next" in line
        assert json.loads(to_json(tables))[0]["rows"][0]["model"] == name


class TestPlots:
    def test_regions_are_made_of_draws_around_the_scores(self, place: Path) -> None:
        [run] = load_runs([place / "ask"])
        draws = joint_draws(run)
        low, high = run.metrics["average"]["acc_ci95"]
        assert draws.shape == (2000, 2)
        assert 100 * low <= draws[:, 0].mean() <= 100 * high
        assert draws[:, 1].mean() == pytest.approx(run.metrics["average"]["psr"], rel=0.1)

    def test_accuracy_per_turns_counts_each_episode_once(self, place: Path) -> None:
        [run] = load_runs([place / "guess"])
        [(turns, n, acc, low, high)] = accuracy_per_turns(run)
        assert (turns, n) == (1, len(run.episodes))
        assert acc == pytest.approx(100 * run.metrics["average"]["acc"])
        assert 0 <= low <= acc <= high <= 100


def write(place: Path, out: Path) -> Path:
    with Progress(disable=True) as progress:
        assert write_report(load_runs([place / "ask", place / "guess"]), out, progress, compare_paper=True) == 0
    return out


class TestFiles:
    @pytest.fixture(scope="class")
    @classmethod
    def report(cls, place: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        return write(place, tmp_path_factory.mktemp("reports") / "report")

    def test_writing_again_gives_the_same_bytes_and_draws_no_picture_twice(
        self, place: Path, report: Path, tmp_path: Path
    ) -> None:
        again = tmp_path / "again"
        shutil.copytree(report / "pictures", again / "pictures", copy_function=shutil.copy2)
        write(place, again)
        files = sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
        assert {path.parts[0] for path in files} == {"index.html", "data", "pictures", "plots", "tables"}
        for path in files:
            assert (report / path).read_bytes() == (again / path).read_bytes(), path
            if path.parts[0] == "pictures":
                assert (report / path).stat().st_mtime_ns == (again / path).stat().st_mtime_ns

    def test_each_picture_is_there_once_and_small(self, place: Path, report: Path) -> None:
        [run] = load_runs([place / "ask"])
        frames = {turn.image for episode in run.episodes for turn in episode.turns}
        pictures = list((report / "pictures").rglob("*.webp"))
        assert len(pictures) == len(frames)
        for path in pictures:
            with Image.open(path) as picture:
                assert max(picture.size) <= LONG_EDGE

    def test_other_peoples_folders_are_left_alone(self, place: Path, tmp_path: Path) -> None:
        (tmp_path / "index.html").write_text("mine")
        with pytest.raises(UsageError, match="no report"):
            write(place, tmp_path)
        assert (tmp_path / "index.html").read_text() == "mine"

    def test_a_run_that_has_just_begun_has_a_page(self, place: Path, tmp_path: Path) -> None:
        shutil.copytree(place, tmp_path / "place")
        (tmp_path / "place" / "ask" / "episodes.jsonl").unlink()
        with Progress(disable=True) as progress:
            assert write_report(load_runs([tmp_path / "place" / "ask"]), tmp_path / "report", progress) == 0
        assert "scripted:ask" in (tmp_path / "report" / "index.html").read_text()
        assert not (tmp_path / "report" / "plots").exists()

    def test_a_lost_frame_is_counted(self, place: Path, tmp_path: Path) -> None:
        shutil.copytree(place, tmp_path / "place")
        frame = next((tmp_path / "place" / "data").rglob("0000.png"))
        frame.write_bytes(b"no picture")
        with Progress(disable=True) as progress:
            runs = load_runs([tmp_path / "place" / "guess"])
            assert write_report(runs, tmp_path / "report", progress) == 1


class TestData:
    def test_a_run_and_its_data_move_together(self, place: Path, tmp_path: Path) -> None:
        shutil.copytree(place, tmp_path / "moved")
        [run] = load_runs([tmp_path / "moved" / "ask"])
        assert run.benchmark.folder.resolve() == tmp_path / "moved" / "data"

    def test_data_that_moved_alone_must_be_named(self, place: Path, tmp_path: Path) -> None:
        shutil.copytree(place / "ask", tmp_path / "ask")
        with pytest.raises(UsageError, match="--data"):
            load_runs([tmp_path / "ask"])
        [run] = load_runs([tmp_path / "ask"], [place / "data"])
        assert run.benchmark.folder == place / "data"

    def test_other_data_are_refused(self, place: Path, tmp_path: Path) -> None:
        shutil.copytree(place / "ask", tmp_path / "ask")
        other = build_small(tmp_path / "other", categories=("cat", "clock", "house"))
        with pytest.raises(UsageError, match="other data"):
            load_runs([tmp_path / "ask"], [other])

    def test_a_folder_without_a_run_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"run\.json"):
            load_runs([tmp_path])


class TestCommand:
    def test_report_ends_with_the_path_of_the_page(self, place: Path, tmp_path: Path) -> None:
        done = CliRunner().invoke(main, ["report", str(place / "ask"), "--out", str(tmp_path / "report")])
        assert done.exit_code == 0, done.output
        assert done.output.rstrip().endswith(str(tmp_path / "report" / "index.html"))

    def test_missing_libraries_are_named(self, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        done = CliRunner().invoke(main, ["report", str(place / "ask"), "--out", str(tmp_path / "report")])
        assert done.exit_code == 2
        assert "proactivebench-toolkit[report]" in done.output
        assert not (tmp_path / "report").exists()
