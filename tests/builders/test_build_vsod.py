"""VSOD: proposals for a person, the table that comes back, and what is built from it."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from builders.pipeline.build import build
from builders.pipeline.report import NothingBuiltError
from builders.vsod import VsodBuilder
from builders.vsod_labels import QUESTIONS, VsodLabel, read_labels
from builders.vsod_proposals import STRIPS_PER_PAGE, find_occlusions, propose
from proactivebench.answers import normalise
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.scenarios import VSOD, is_abstention
from proactivebench.scenarios.vsod import VsodSample
from raw_sources import fakes
from raw_sources.vsod import Vsod
from tests.support.builds import build_again, content, left_out
from tests.support.oracle import sound_samples
from tests.support.vsod_table import ROWS, write_labels


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_vsod(tmp_path_factory.mktemp("vsod"), videos=4)


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "raw"))


class TestProposals:
    def test_a_person_fills_in_the_table_and_it_builds(self, made: Path, tmp_path: Path) -> None:
        table = tmp_path / "labels.csv"
        report = propose(Vsod.locate(made), table)
        assert (report.rows, report.without_occlusion, report.problems) == (4, [], [])
        assert report.pages == [tmp_path / "labels-001.jpg"]
        with Image.open(report.pages[0]) as sheet:
            assert sheet.height > 4 * 100
        with pytest.raises(UsageError, match="no completed rows"):
            read_labels(table)
        with table.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["video"] for row in rows] == [f"test/video_00{number}" for number in range(4)]
        assert {row["sheet"] for row in rows} == {"labels-001.jpg"}
        for number, row in enumerate(rows):
            row |= {"kind": "people", "answer": str(number), "strong_occlusions": "yes"}
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        build(VsodBuilder(Vsod.locate(made), read_labels(table)), tmp_path / "out")
        assert len(sound_samples(tmp_path / "out", VSOD)) == 4

    def test_the_first_frame_is_covered_and_the_reference_free(self, made: Path, tmp_path: Path) -> None:
        propose(Vsod.locate(made), tmp_path / "labels.csv")
        with (tmp_path / "labels.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for row, record in zip(rows, Vsod.locate(made).records(), strict=True):
            assert record.frames[int(row["first_image"])].covered > 0.8
            assert record.frames[int(row["reference_image"])].covered == 0

    def test_there_is_a_sheet_for_every_few_rows(self, raw: Path, tmp_path: Path) -> None:
        for number in range(STRIPS_PER_PAGE):
            for part in ("Data", "Annotations"):
                shutil.copytree(raw / part / "test" / "video_000", raw / part / "test" / f"more_{number}")
        report = propose(Vsod.locate(raw), tmp_path / "labels.csv")
        assert [page.name for page in report.pages] == ["labels-001.jpg", "labels-002.jpg"]
        assert report.rows == STRIPS_PER_PAGE + 4

    def test_work_is_never_written_over(self, made: Path, tmp_path: Path) -> None:
        (tmp_path / "labels.csv").write_text("hours of work")
        with pytest.raises(UsageError, match="may hold your work"):
            propose(Vsod.locate(made), tmp_path / "labels.csv")
        assert content(tmp_path) == {"labels.csv": b"hours of work"}

    def test_damaged_videos_are_reported_and_left_out(self, raw: Path, tmp_path: Path) -> None:
        (raw / "Annotations" / "test" / "video_000" / "0003.xml").write_text("<annotation><object>")
        (raw / "Data" / "test" / "video_001" / "0012.jpg").write_bytes(b"\xff\xd8 no picture")
        for path in (raw / "Annotations" / "test" / "video_002").glob("[!.]*.xml"):
            path.write_text("<annotation/>")
        report = propose(Vsod.locate(raw), tmp_path / "labels.csv")
        assert report.rows == 1
        assert report.without_occlusion == ["test/video_002"]
        assert [Path(problem.where).name for problem in report.problems] == ["0003.xml", "video_001"]

    def test_nothing_to_propose_is_an_error(self, raw: Path, tmp_path: Path) -> None:
        for path in raw.rglob("*.xml"):
            path.write_text("<annotation/>")
        with pytest.raises(UsageError, match="no video with an occlusion"):
            propose(Vsod.locate(raw), tmp_path / "labels.csv")
        assert not (tmp_path / "labels.csv").exists()

    def test_long_full_occlusions_come_first(self) -> None:
        covered = [0.0, 0.9, 0.0, 0.0, 0.5, 0.6, 0.6, 0.6, 0.5, 0.0, 0.2, 0.2]
        found = find_occlusions(covered)
        assert [(o.start, o.stop, o.first_image, o.reference_image) for o in found] == [
            (4, 8, 6, 3),
            (1, 1, 1, 0),
            (10, 11, 11, 9),
        ]

    @given(st.lists(st.sampled_from([0.0, 0.3, 0.3, 1.0])))
    def test_a_reference_is_less_covered_than_its_first_frame(self, covered: list[float]) -> None:
        found = find_occlusions(covered)
        assert bool(found) == (len(set(covered)) > 1)
        for occlusion in found:
            assert occlusion.start <= occlusion.first_image <= occlusion.stop
            assert covered[occlusion.reference_image] == min(covered)
            assert covered[occlusion.reference_image] < covered[occlusion.first_image] == occlusion.covered


class TestBuilder:
    def test_pools_of_questions_are_as_large_as_published(self) -> None:
        assert {kind: len(set(pool)) for kind, pool in QUESTIONS.items()} == {
            "speaker": 15, "people": 15, "event": 15
        }  # fmt: skip

    def test_samples_are_sound(self, made: Path, labels: list[VsodLabel], tmp_path: Path) -> None:
        report = build(VsodBuilder(Vsod.locate(made), labels), tmp_path)
        assert (report.samples, report.frames, report.left_out, report.problems) == (9, 4 * 24, {}, [])
        samples = sound_samples(tmp_path, VSOD)
        assert len(samples) == 8, "one has no strong occlusion"
        assert len(list(Benchmark.open(tmp_path).samples(VSOD, filtered=False))) == 9
        for sample in samples:
            assert isinstance(sample, VsodSample)
            assert sample.num_images == 24
            suggestions = {option for option in sample.options if not is_abstention(option)}
            assert suggestions == {"Rewind the video.", "Wait for the occlusion to disappear."}
            assert len({normalise(category) for category in sample.categories}) == 4
            frames = (tmp_path / "test" / sample.image_template).parent.iterdir()
            assert sorted(frame.name for frame in frames) == [f"{number:04}.jpg" for number in range(24)]

    def test_wrong_answers_are_those_of_the_row_and_then_others_of_its_kind(
        self, made: Path, labels: list[VsodLabel], tmp_path: Path
    ) -> None:
        build(VsodBuilder(Vsod.locate(made), labels), tmp_path)
        by_answer = {sample.answer: sample for sample in sound_samples(tmp_path, VSOD)}
        assert set(by_answer["Interview."].categories) == {"Interview.", "Race.", "Concert.", "Wedding."}
        assert set(by_answer["3."].categories) < {"3.", "4.", "5.", "6.", "7."}
        assert set(by_answer["2."].categories) == {"2.", "3.", "4.", "Five."}
        assert {"Blue shirt.", "Nobody."} < set(by_answer["Red shirt."].categories)
        assert by_answer["Red shirt."].prompt == "Who has the microphone?"
        assert by_answer["Interview."].prompt in QUESTIONS["event"]

    def test_the_same_bytes_whatever_happens(
        self, made: Path, labels: list[VsodLabel], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build_again(VsodBuilder(Vsod.locate(made), labels), tmp_path / "builds", monkeypatch)

    def test_names_of_videos_mean_nothing(self, raw: Path, tmp_path: Path) -> None:
        name = "Talk {image} 50% ü"
        for part in ("Data", "Annotations"):
            (raw / part / "test" / "video_000").rename(raw / part / "test" / name)
        rows = [(f"test/{name}", *row[1:]) if row[0] == "test/video_000" else row for row in ROWS]
        build(VsodBuilder(Vsod.locate(raw), read_labels(write_labels(tmp_path / "labels.csv", rows))), tmp_path / "out")
        assert len(sound_samples(tmp_path / "out", VSOD)) == 8

    def test_labels_that_do_not_fit_the_videos_are_named(self, made: Path, tmp_path: Path) -> None:
        rows = [list(row) for row in ROWS]
        rows[0][1], rows[2][2], rows[8][0] = "24", "99", "test/.."
        labels = read_labels(write_labels(tmp_path / "labels.csv", rows))
        report = build(VsodBuilder(Vsod.locate(made), labels), tmp_path / "out")
        assert report.samples == 6
        assert [str(problem).partition("labels.csv, ")[2] for problem in report.problems] == [
            "line 10, video: the raw data has no test/..",
            "line 2, first_image: the video's frames are 0 to 23, found 24",
            "line 4, reference_image: the video's frames are 0 to 23, found 99",
        ]

    def test_damaged_videos_are_reported_and_left_out(self, raw: Path, labels: list[VsodLabel], tmp_path: Path) -> None:
        xml = raw / "Annotations" / "test" / "video_000" / "0003.xml"
        xml.write_text("<annotation><object>")
        cut = raw / "Data" / "test" / "video_001" / "0020.jpg"
        cut.write_bytes(cut.read_bytes()[:2000])
        report = build(VsodBuilder(Vsod.locate(raw), labels), tmp_path / "out")
        assert [problem.where for problem in report.problems] == [str(xml)]
        assert {skip.key.rsplit("/", 2)[0] for skip in left_out(tmp_path / "out")} == {
            "test/video_000",
            "test/video_001",
        }
        assert any(str(cut) in skip.reason for skip in left_out(tmp_path / "out"))
        assert not (tmp_path / "out" / "test" / "OcclusionDataSet-MM20" / "test" / "video_001").exists()
        assert len(sound_samples(tmp_path / "out", VSOD)) == 4

    def test_nothing_usable_is_an_error(self, raw: Path, labels: list[VsodLabel], tmp_path: Path) -> None:
        shutil.rmtree(raw / "Annotations" / "test")
        (raw / "Annotations" / "test").mkdir()
        with pytest.raises(NothingBuiltError, match="24 frames and 0 annotations"):
            build(VsodBuilder(Vsod.locate(raw), labels), tmp_path / "out")

    def test_other_labels_are_another_build(self, made: Path, labels: list[VsodLabel], tmp_path: Path) -> None:
        build(VsodBuilder(Vsod.locate(made), labels), tmp_path)
        with pytest.raises(UsageError, match="labels was"):
            build(VsodBuilder(Vsod.locate(made), labels[:-1]), tmp_path)
