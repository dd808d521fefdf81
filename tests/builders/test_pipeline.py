"""The build pipeline: what it leaves on disk, whatever the workers and however often it was stopped."""

from __future__ import annotations

import hashlib
import shutil
import tracemalloc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock
import pytest

from builders.base import Frame, PlannedSample, Skip
from builders.pipeline.build import build
from builders.pipeline.report import NothingBuiltError, nothing_built
from builders.pipeline.storage import path_part
from proactivebench.errors import ResumableError, UsageError
from proactivebench.record_table import read_table
from proactivebench.samples import read_samples
from raw_sources.base import Problem, SourceError
from tests.support.builds import left_out
from tests.support.fake_builder import (
    EscapingBuilder,
    FakeBuilder,
    OtherBuilder,
    SharingBuilder,
    content,
    manifest,
)

QD = "test/QuickDraw_preprocessed.jsonl"


def test_writes_frames_samples_and_manifest(tmp_path: Path) -> None:
    report = build(FakeBuilder(), tmp_path)
    assert (report.scenario, report.samples, report.frames, report.up_to_date) == ("QD", 38, 76, False)
    assert report.left_out == {"unlucky": 1, "record 7 is torn": 1}
    assert [str(problem) for problem in report.problems] == ["records.txt:20: expected a number"]
    samples = list(read_samples(tmp_path / "test" / "QuickDraw_preprocessed.jsonl", "QD"))
    keys = [sample.image_template.split("/")[1] for sample in samples]
    assert keys == [str(n) for n in range(40) if n not in (7, 13)]
    assert [sample.id for sample in samples[:9]] == [0, 1, 2, 3, 4, 5, 6, 8, 9]

    entry = manifest(tmp_path)["QD"]
    assert entry["settings"] == {"records": 40, "seed": 0}
    assert entry["versions"]["pen"] == "1.0"
    assert entry["counts"] == {"samples": 38, "frames": 76, "problems": 1}
    assert entry["left_out"] == {"record 7 is torn": 1, "unlucky": 1}
    table = list(read_table(tmp_path / "manifest" / "QuickDraw.jsonl"))
    assert [record.number for record in table] == list(range(40))
    assert [(record.key, record.skipped) for record in table if record.skipped] == [
        ("7", "record 7 is torn"),
        ("13", "unlucky"),
    ]
    assert [record.id for record in table if record.id is not None] == [sample.id for sample in samples]
    [third] = [record for record in table if record.key == "3"]
    assert (third.origin, third.licence) == ("record 3", "CC0")
    described = {file.path: (file.bytes, file.sha256) for record in table for file in record.files}
    described |= {path: (file["bytes"], file["sha256"]) for path, file in entry["files"].items()}
    files = {path: data for path, data in content(tmp_path).items() if path.startswith(("test/", "manifest/"))}
    assert described == {path: (len(data), hashlib.sha256(data).hexdigest()) for path, data in files.items()}


def test_the_number_of_workers_does_not_show(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert build(FakeBuilder(), one, workers=1) == build(FakeBuilder(), two, workers=2)
    assert content(one) == content(two)


def test_a_missing_record_changes_no_other_sample(tmp_path: Path) -> None:
    build(FakeBuilder(sound=True), tmp_path / "all")
    build(FakeBuilder(), tmp_path / "some")
    everything, some = content(tmp_path / "all"), content(tmp_path / "some")
    frames = {path for path in some if path.startswith("test/QuickDraw/")}
    assert len(frames) > 70
    assert all(some[path] == everything[path] for path in frames)
    ours, theirs = (
        {
            sample.image_template: sample.model_dump(exclude={"id"})
            for sample in read_samples(tmp_path / name / QD, "QD")
        }
        for name in ("some", "all")
    )
    assert len(ours) == 38 and all(theirs[name] == sample for name, sample in ours.items())


def test_a_finished_build_is_left_alone_and_mended_when_a_frame_is_gone(tmp_path: Path) -> None:
    first = build(FakeBuilder(), tmp_path)
    before = content(tmp_path)
    frame = tmp_path / "test" / "QuickDraw" / "3" / "0001.png"
    written = frame.stat().st_mtime_ns
    again = build(FakeBuilder(), tmp_path)
    assert again.up_to_date
    assert (again.samples, again.frames, again.left_out) == (first.samples, first.frames, first.left_out)
    assert frame.stat().st_mtime_ns == written
    frame.write_bytes(b"cut")
    assert not build(FakeBuilder(), tmp_path).up_to_date
    assert content(tmp_path) == before


def test_shared_frames_are_rendered_once(tmp_path: Path) -> None:
    report = build(SharingBuilder(records=10, sound=True), tmp_path / "one")
    assert (report.samples, report.frames) == (8, 8)
    assert left_out(tmp_path / "one") == [Skip("4", "pair 4 is torn"), Skip("5", "pair 4 is torn")]
    assert build(SharingBuilder(records=10, sound=True), tmp_path / "two", workers=2) == report
    assert content(tmp_path / "one") == content(tmp_path / "two")
    (tmp_path / "two" / "test" / "QuickDraw" / "2" / "0001.png").unlink()
    assert not build(SharingBuilder(records=10, sound=True), tmp_path / "two").up_to_date
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_other_settings_are_refused(tmp_path: Path) -> None:
    build(FakeBuilder(), tmp_path)
    with pytest.raises(UsageError, match="seed was 0, is now 5"):
        build(FakeBuilder(seed=5), tmp_path)
    (tmp_path / QD).unlink()
    shutil.rmtree(tmp_path / "test" / "QuickDraw")
    build(FakeBuilder(seed=5), tmp_path)
    assert manifest(tmp_path)["QD"]["settings"]["seed"] == 5


def test_a_benchmark_that_was_not_built_here_is_not_overwritten(tmp_path: Path) -> None:
    samples = tmp_path / "test" / "QuickDraw_preprocessed.jsonl"
    samples.parent.mkdir()
    samples.write_text("downloaded")
    with pytest.raises(UsageError, match="not built here"):
        build(FakeBuilder(), tmp_path)
    assert samples.read_text() == "downloaded"


@pytest.mark.parametrize("text", ["[1]", "{", '{"format": 99}'])
def test_a_foreign_manifest_is_not_overwritten(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(UsageError, match=r"manifest\.json"):
        build(FakeBuilder(), tmp_path)
    assert (tmp_path / "manifest.json").read_text() == text


def test_scenarios_lie_side_by_side_in_any_order(tmp_path: Path) -> None:
    for name, order in {"ab": (FakeBuilder, OtherBuilder), "ba": (OtherBuilder, FakeBuilder)}.items():
        for builder in order:
            build(builder(sound=True), tmp_path / name)
    assert set(manifest(tmp_path / "ab")) == {"QD", "COCO"}
    assert content(tmp_path / "ab") == content(tmp_path / "ba")


def test_strict_makes_broken_records_errors(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"records\.txt:20"):
        build(FakeBuilder(), tmp_path / "problem", strict=True)
    with pytest.raises(SourceError, match="record 7 is torn"):
        build(FakeBuilder(records=10), tmp_path / "unusable", strict=True)
    assert build(FakeBuilder(sound=True), tmp_path / "sound", strict=True).samples == 40


def test_frames_cannot_leave_the_folder(tmp_path: Path) -> None:
    with pytest.raises(NothingBuiltError, match="not a path below QuickDraw/"):
        build(EscapingBuilder(), tmp_path / "out")
    assert not list(tmp_path.rglob("escaped.png"))


def test_nothing_to_build_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NothingBuiltError, match="No sample of QD could be built"):
        build(FakeBuilder(records=0), tmp_path)
    assert not (tmp_path / "manifest.json").exists()
    error = nothing_built("row", [Problem("a.txt", "it is cut")], {"unlucky": 9})
    assert str(error) == "No row could be built: a.txt: it is cut; 9 x unlucky"


def test_a_builder_that_lacks_a_method_says_which() -> None:
    for missing, call in (
        ("from_options", lambda: FakeBuilder.from_options(Path(), {})),
        ("train_portion", lambda: FakeBuilder.train_portion(Path(), {}, 1)),
        ("propose", lambda: FakeBuilder.propose(Path(), Path())),
    ):
        with pytest.raises(UsageError, match=rf"fake_builder\.FakeBuilder lacks the class method {missing}, which"):
            call()


@dataclass(frozen=True)
class LongNames(FakeBuilder):
    """Record 3 has a name that no file can have, as names from raw data can become where they are encoded."""

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        for frame in super().render(planned):
            yield frame if planned.key != "3" else Frame(f"QuickDraw/{path_part('日' * 80)}/0.png", frame.data)


def test_a_name_that_no_file_can_have_costs_its_record_alone(tmp_path: Path) -> None:
    report = build(LongNames(sound=True), tmp_path)
    assert report.samples == 39
    [reason] = report.left_out
    assert "which no file can have" in reason


def peak_of_a_build(folder: Path, records: int) -> int:
    """The most memory that a build held at once, in bytes."""
    tracemalloc.start()
    try:
        build(FakeBuilder(records=records, sound=True), folder)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_number_of_samples(tmp_path: Path) -> None:
    peak_of_a_build(tmp_path / "first", 10)
    few, many = (peak_of_a_build(tmp_path / str(records), records) for records in (50, 250))
    assert many - few < 200 * 500  # bytes; a sample that is held takes thousands


def test_one_build_at_a_time(tmp_path: Path) -> None:
    with filelock.FileLock(tmp_path / ".lock"), pytest.raises(UsageError, match="another process"):
        build(FakeBuilder(), tmp_path)


def test_an_output_path_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(ResumableError, match="out: "):
        build(FakeBuilder(), tmp_path / "out")
