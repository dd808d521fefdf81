"""Reports: how episodes are told, the tables, the files on disk, and whose data they are."""

from __future__ import annotations

import re
import shutil
import sys
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
from proactivebench.errors import UsageError
from proactivebench.evaluation.settings import Settings
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.endings import Ending, ending
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.pictures import LONG_EDGE
from proactivebench.reports.report import write_report
from proactivebench.reports.runs import load_runs
from proactivebench.reports.sample_album import SampleAlbum
from proactivebench.scenarios import SCENARIOS, is_abstention, make_environment
from tests.support.example_benchmark import build_examples
from tests.support.small_benchmark import build_small
from tests.support.small_runs import Reciter, play, write_small_report


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
        endings = {episode.id: ending(episode, None) for episode in album.runs[0].episodes}
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
        assert turn["did"] == "The episode ended with the right answer."

    def test_the_last_suggestion_comes_too_late(self, album: EpisodeAlbum) -> None:
        entry = next(entry for entry in album.chunk(0, 0)["entries"] if len(entry["turns"]) > 1)
        assert "added a detail" in entry["turns"][0]["did"]
        assert entry["turns"][-1]["did"] == "The episode ended without the right answer."
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
    assert prompts.shown(prompts.multiple_choice(question, options, short_answer)) == (question, tuple(options))


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
            too_early = option == sample.answer and not environment.correct
            assert too_early == effect.endswith("the right name, but it cannot be known yet"), sample.scenario.name
        assert any("reference frame" in turn["did"] for turn in entry["turns"])
        assert len({turn["picture"] for turn in entry["turns"]}) == len(entry["turns"])


def test_random_options_are_shown_as_the_right_ones_that_they_are(tmp_path: Path) -> None:
    data = build_examples(tmp_path / "data", "QD", "COCO")
    folder = play(data, ScriptedModel("ask"), tmp_path / "run", Settings(random_options=True))
    for entry in EpisodeAlbum(load_runs([folder])).chunk(0, 0)["entries"]:
        assert len(entry["turns"]) > 1
        for turn in entry["turns"][:-1]:
            assert turn["chosen"] in turn["right"]


class TestFiles:
    def test_writing_again_gives_the_same_bytes_and_draws_no_picture_twice(
        self, small_runs: Path, small_report: Path, tmp_path: Path
    ) -> None:
        again = tmp_path / "again"
        shutil.copytree(small_report / "pictures", again / "pictures", copy_function=shutil.copy2)
        (again / "plots").mkdir()
        (again / "plots" / "open_ended.svg").write_text("of other runs, which were here before")
        write_small_report(small_runs, again)
        files, found = (
            sorted(path.relative_to(report) for path in report.rglob("*") if path.is_file())
            for report in (small_report, again)
        )
        assert files == found
        assert {path.parts[0] for path in files} == {".lock", "index.html", "data", "pictures", "plots", "tables"}
        for path in files:
            assert (small_report / path).read_bytes() == (again / path).read_bytes(), path
            if path.parts[0] == "pictures":
                assert (small_report / path).stat().st_mtime_ns == (again / path).stat().st_mtime_ns

    def test_when_episodes_ended_makes_no_difference(
        self, small_runs: Path, small_report: Path, tmp_path: Path
    ) -> None:
        place = Path(shutil.copytree(small_runs, tmp_path / "place"))
        episodes = place / "ask" / "episodes.jsonl"
        episodes.write_bytes(b"".join(reversed(episodes.read_bytes().splitlines(keepends=True))))
        write_small_report(place, tmp_path / "report")
        for path in ("index.html", "data/0-0.js", "tables/scores.csv"):
            assert (tmp_path / "report" / path).read_bytes() == (small_report / path).read_bytes(), path

    def test_each_picture_is_there_once_and_small(self, small_runs: Path, small_report: Path) -> None:
        [run] = load_runs([small_runs / "ask"])
        frames = {turn.frame_path for episode in run.episodes for turn in episode.turns}
        pictures = list((small_report / "pictures").rglob("*.webp"))
        assert len(pictures) == len(frames)
        for path in pictures:
            with Image.open(path) as picture:
                assert max(picture.size) <= LONG_EDGE

    def test_other_peoples_folders_are_left_alone(self, small_runs: Path, tmp_path: Path) -> None:
        (tmp_path / "index.html").write_text("mine")
        with pytest.raises(UsageError, match="other than a report"):
            write_small_report(small_runs, tmp_path)
        assert (tmp_path / "index.html").read_text() == "mine"

    def test_a_run_that_has_just_begun_has_a_page(self, small_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(small_runs, tmp_path / "place")
        (tmp_path / "place" / "ask" / "episodes.jsonl").unlink()
        with Progress(disable=True) as progress:
            assert write_report(load_runs([tmp_path / "place" / "ask"]), tmp_path / "report", progress) == 0
        assert "No episode of scripted:ask has ended yet." in (tmp_path / "report" / "index.html").read_text()
        assert not (tmp_path / "report" / "plots").exists()

    def test_a_lost_frame_is_counted(self, small_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(small_runs, tmp_path / "place")
        frame = next((tmp_path / "place" / "data").rglob("0000.png"))
        with Progress(disable=True) as progress:
            runs = load_runs([tmp_path / "place" / "guess"])
            frame.write_bytes(b"no picture")
            assert write_report(runs, tmp_path / "report", progress) == 1


class TestData:
    def test_a_run_and_its_data_move_together(self, small_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(small_runs, tmp_path / "moved")
        [run] = load_runs([tmp_path / "moved" / "ask"])
        assert run.benchmark.folder.resolve() == tmp_path / "moved" / "data"

    def test_data_that_moved_alone_must_be_named(self, small_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(small_runs / "ask", tmp_path / "ask")
        with pytest.raises(UsageError, match="--data"):
            load_runs([tmp_path / "ask"])
        [run] = load_runs([tmp_path / "ask"], [small_runs / "data"])
        assert run.benchmark.folder == small_runs / "data"

    def test_other_data_are_refused(self, small_runs: Path, tmp_path: Path) -> None:
        shutil.copytree(small_runs / "ask", tmp_path / "ask")
        other = build_small(tmp_path / "other", categories=("cat", "clock", "house"))
        with pytest.raises(UsageError, match="other data"):
            load_runs([tmp_path / "ask"], [other])

    def test_a_folder_without_a_run_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"run\.json"):
            load_runs([tmp_path])


class TestCommand:
    def test_report_ends_with_the_path_of_the_page(self, small_runs: Path, tmp_path: Path) -> None:
        done = CliRunner().invoke(main, ["report", str(small_runs / "ask"), "--out", str(tmp_path / "report")])
        assert done.exit_code == 0, done.output
        assert done.output.rstrip().endswith(str(tmp_path / "report" / "index.html"))

    def test_missing_libraries_are_named(
        self, small_runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        done = CliRunner().invoke(main, ["report", str(small_runs / "ask"), "--out", str(tmp_path / "report")])
        assert done.exit_code == 2
        assert "proactivebench-toolkit[report]" in done.output
        assert not (tmp_path / "report").exists()
