"""The build pipeline: what it leaves on disk, whatever the workers and however often it was stopped."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import filelock
import pytest

from builders.base import Builder, Frame, Plan, PlannedSample, Skip, sample_random
from builders.pipeline import parts
from builders.pipeline.build import build
from builders.pipeline.journal import Finished, Journal
from builders.pipeline.parts import NothingBuiltError, nothing_built
from builders.pipeline.workers import WorkerError, Workers
from proactivebench import scenarios
from proactivebench.errors import ResumableError, UsageError
from proactivebench.samples import read_samples
from proactivebench.work.files import whole, write_whole
from raw_sources.base import Problem, SourceError
from tests.support.processes import PATIENCE, ROOT, started, wait_until


@dataclass(frozen=True)
class FakeBuilder(Builder[int, int]):
    """Units are tens of records; record 7 is unusable, record 13 is left out, unit 2 has a bad line."""

    scenario = scenarios.QD
    records: int = 40
    seed: int = 0
    sound: bool = False
    stalls: bool = False

    def settings(self) -> dict[str, Any]:
        return {"records": self.records, "seed": self.seed}

    def versions(self) -> dict[str, str]:
        return {"pen": "1.0"}

    def units(self) -> Sequence[int]:
        return range(0, self.records, 10)

    def plan(self, unit: int) -> Plan[int]:
        numbers = [n for n in range(unit, unit + 10) if n != 13 or self.sound]
        skipped = [Skip("13", "unlucky")] if unit == 10 and not self.sound else []
        problems = [Problem("records.txt:20", "expected a number")] if unit == 20 and not self.sound else []
        return Plan([self.plan_one(number) for number in numbers], skipped, problems)

    def plan_one(self, number: int) -> PlannedSample[int]:
        draw = sample_random(self.seed, self.scenario, str(number)).randrange(10**9)
        fields = {
            "image_template": f"QuickDraw/{number}/{{image}}.png",
            "first_image": 0,
            "num_images": 2,
            "reference_image": 1,
            "prompt": f"What is {draw}?",
            "options": ["Continue the drawing.", "I cannot answer."],
            "categories": ["Cat.", "Dog."],
            "answer": "Cat.",
        }
        return PlannedSample(str(number), fields, number, f"record {number}", "CC0")

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        if self.stalls and planned.recipe >= 28:
            Event().wait()
        for image in range(2):
            yield Frame(f"QuickDraw/{planned.key}/{image:04d}.png", f"{planned.fields['prompt']} {image}".encode())
            if planned.recipe == 7 and not self.sound:
                raise SourceError("record 7 is torn")


class OtherBuilder(FakeBuilder):
    scenario = scenarios.COCO

    def plan_one(self, number: int) -> PlannedSample[int]:
        planned = super().plan_one(number)
        crop = {"top": 0, "left": 0, "width": 9, "height": 9}
        more = {"direction": "up", "granularity": 3, "horizontal_step": 1, "vertical_step": 1, "crop": crop}
        fields = {**planned.fields, **more, "image_template": f"coco2014/{number}.jpg"}
        return replace(planned, fields=fields)

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        yield Frame(planned.fields["image_template"], b"a photo")


@dataclass(frozen=True)
class SharingBuilder(FakeBuilder):
    """Two samples each show the same frames."""

    def plan_one(self, number: int) -> PlannedSample[int]:
        shared = number - number % 2
        template = f"QuickDraw/{shared}/{{image}}.png"
        planned = super().plan_one(number)
        fields = {**planned.fields, "image_template": template}
        return replace(planned, fields=fields, recipe=shared, shared_frames=f"pair {shared}")

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        if planned.recipe == 4:
            raise SourceError("pair 4 is torn")
        for image in range(2):
            yield Frame(f"QuickDraw/{planned.recipe}/{image:04d}.png", f"{planned.recipe} {image}".encode())


@dataclass(frozen=True)
class StoppingBuilder(FakeBuilder):
    stop_at: int = 0

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        if planned.recipe == self.stop_at:
            raise KeyboardInterrupt
        yield from super().render(planned)


class EscapingBuilder(FakeBuilder):
    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        yield Frame("QuickDraw/../../../escaped.png", b"")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(folder: Path) -> dict[str, Any]:
    scenarios: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())["scenarios"]
    return scenarios


def test_writes_frames_samples_and_manifest(tmp_path: Path) -> None:
    report = build(FakeBuilder(), tmp_path)
    assert (report.scenario, report.samples, report.frames, report.up_to_date) == ("QD", 38, 76, False)
    assert report.skip_reasons == {"unlucky": 1, "record 7 is torn": 1}
    assert [str(problem) for problem in report.problems] == ["records.txt:20: expected a number"]
    samples = list(read_samples(tmp_path / "test" / "QuickDraw_preprocessed.jsonl", "QD"))
    keys = [sample.image_template.split("/")[1] for sample in samples]
    assert keys == [str(n) for n in range(40) if n not in (7, 13)]
    assert [sample.id for sample in samples[:9]] == [0, 1, 2, 3, 4, 5, 6, 8, 9]

    entry = manifest(tmp_path)["QD"]
    assert entry["settings"] == {"records": 40, "seed": 0}
    assert entry["versions"]["pen"] == "1.0"
    assert entry["counts"] == {"samples": 38, "frames": 76, "problems": 1}
    assert {"key": "13", "reason": "unlucky"} in entry["skipped"]
    files = {path: data for path, data in content(tmp_path).items() if path.startswith("test/")}
    assert set(entry["files"]) == set(files)
    for path, data in files.items():
        assert entry["files"][path]["bytes"] == len(data)
        assert entry["files"][path]["sha256"] == hashlib.sha256(data).hexdigest()
    assert entry["files"]["test/QuickDraw/3/0001.png"]["origin"] == "record 3"
    assert entry["files"]["test/QuickDraw/3/0001.png"]["licence"] == "CC0"


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


def test_a_finished_build_is_left_alone_and_mended_when_a_frame_is_gone(tmp_path: Path) -> None:
    first = build(FakeBuilder(), tmp_path)
    before = content(tmp_path)
    frame = tmp_path / "test" / "QuickDraw" / "3" / "0001.png"
    written = frame.stat().st_mtime_ns
    again = build(FakeBuilder(), tmp_path)
    assert again.up_to_date
    assert (again.samples, again.frames, again.skipped) == (first.samples, first.frames, first.skipped)
    assert frame.stat().st_mtime_ns == written
    frame.write_bytes(b"cut")
    assert not build(FakeBuilder(), tmp_path).up_to_date
    assert content(tmp_path) == before


def test_shared_frames_are_rendered_once(tmp_path: Path) -> None:
    report = build(SharingBuilder(records=10, sound=True), tmp_path / "one")
    assert (report.samples, report.frames) == (8, 8)
    assert report.skipped == [Skip("4", "pair 4 is torn"), Skip("5", "pair 4 is torn")]
    assert build(SharingBuilder(records=10, sound=True), tmp_path / "two", workers=2) == report
    assert content(tmp_path / "one") == content(tmp_path / "two")
    (tmp_path / "two" / "test" / "QuickDraw" / "2" / "0001.png").unlink()
    assert not build(SharingBuilder(records=10, sound=True), tmp_path / "two").up_to_date
    assert content(tmp_path / "one") == content(tmp_path / "two")


def test_other_settings_are_refused(tmp_path: Path) -> None:
    build(FakeBuilder(), tmp_path)
    with pytest.raises(UsageError, match="seed was 0, is now 5"):
        build(FakeBuilder(seed=5), tmp_path)


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


def interrupt(folder: Path, after: int) -> None:
    """Builds until the journal holds that many samples."""
    with pytest.raises(KeyboardInterrupt):
        build(StoppingBuilder(stop_at=after), folder)


@pytest.mark.parametrize("torn", [b"", b'{"key": "8", "fi', b"\xff\xfe\n{}\n"])
def test_an_interrupted_build_continues(tmp_path: Path, torn: bytes) -> None:
    build(FakeBuilder(), tmp_path / "whole")
    folder = tmp_path / "stopped"
    interrupt(folder, 6)
    assert not (folder / "test" / "QuickDraw_preprocessed.jsonl").exists()
    kept = folder / "test" / "QuickDraw" / "3" / "0001.png"
    lost = folder / "test" / "QuickDraw" / "2" / "0001.png"
    written = kept.stat().st_mtime_ns
    lost.unlink()
    zeroed = folder / "test" / "QuickDraw" / "1" / "0001.png"
    zeroed.write_bytes(bytes(zeroed.stat().st_size))  # as a power loss leaves it
    with (folder / ".QuickDraw.journal").open("ab") as journal:
        journal.write(torn)
    build(FakeBuilder(), folder, workers=2)
    assert content(folder) == content(tmp_path / "whole")
    assert kept.stat().st_mtime_ns == written


def test_a_torn_line_of_the_journal_hides_nothing_that_follows(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.start({"build": "this one"})
        journal.add("1", Finished())
    with path.open("ab") as torn:
        torn.write(b'{"key": "2", "fi')
    with Journal(path) as journal:
        journal.add("3", Finished())
    with Journal(path) as journal:
        assert set(journal.finished) == {"1", "3"}


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "frame.png"
    write_whole(path, [b"as it was"])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, [b"new"])
    assert [(there, there.read_bytes()) for there in tmp_path.iterdir()] == [(path, b"as it was")]


def test_bytes_are_on_the_disk_before_they_take_their_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda opened: saved.append(Path(f"/proc/self/fd/{opened}").resolve().name))
    write_whole(tmp_path / "frame.png", [b"picture"])
    with whole(tmp_path / "model") as part:
        part.mkdir()
        (part / "weights").write_bytes(b"1")
    assert saved == [".frame.png.part", tmp_path.name, ".model.part", "weights", tmp_path.name]
    assert (tmp_path / "model" / "weights").read_bytes() == b"1"


def test_a_folder_that_is_not_finished_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), whole(tmp_path / "model") as part:
        part.mkdir()
        (part / "weights").write_bytes(b"1")
        raise KeyboardInterrupt
    assert not list(tmp_path.iterdir())


def test_a_build_that_is_stopped_before_its_manifest_continues(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(parts, "add_to_manifest", stop)
    with pytest.raises(KeyboardInterrupt):
        build(FakeBuilder(), tmp_path / "stopped")
    monkeypatch.undo()
    assert build(FakeBuilder(), tmp_path / "stopped").samples == 38
    build(FakeBuilder(), tmp_path / "whole")
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


def test_an_unfinished_build_with_other_settings_is_refused(tmp_path: Path) -> None:
    interrupt(tmp_path, 6)
    with pytest.raises(UsageError, match=r"unfinished build .* records was 40, is now 50"):
        build(FakeBuilder(records=50), tmp_path)


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
    error = nothing_built("row", [Problem("a.txt", "it is cut")], [Skip(str(number), "unlucky") for number in range(9)])
    assert str(error) == "No row could be built: a.txt: it is cut; 9 x unlucky"


def test_one_build_at_a_time(tmp_path: Path) -> None:
    with filelock.FileLock(tmp_path / ".lock"), pytest.raises(UsageError, match="another process"):
        build(FakeBuilder(), tmp_path)


def test_a_full_disk_ends_with_the_file_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, write_bytes = iter(range(30)), Path.write_bytes

    def to_disk(path: Path, data: bytes) -> int:
        if next(room, None) is None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", to_disk)
    with pytest.raises(ResumableError, match=r"\.png: No space left on device"):
        build(FakeBuilder(), tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.part"))
    assert build(FakeBuilder(), tmp_path).samples == 38


def test_an_output_path_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(ResumableError, match="out: "):
        build(FakeBuilder(), tmp_path / "out")


def building(folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process of its own that builds with two workers and never comes to an end."""
    script = folder.with_name("script.py")
    script.write_text(
        "import sys; from pathlib import Path; from tests.builders.test_pipeline import FakeBuilder, build\n"
        "if __name__ == '__main__': build(FakeBuilder(stalls=True), Path(sys.argv[1]), workers=2)\n"
    )
    places = {"PYTHONPATH": str(ROOT)}
    return started([sys.executable, script, folder], variables=places)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_process_takes_its_workers_along_and_loses_nothing(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "out"
    journal = folder / ".QuickDraw.journal"
    with building(folder) as process:
        wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 9, process)
        process.send_signal(how)
        process.communicate(timeout=PATIENCE)  # the workers hold the pipe too: it ends when they have ended
    assert process.returncode == -how
    build(FakeBuilder(), folder)
    build(FakeBuilder(), tmp_path / "whole")
    assert content(folder) == content(tmp_path / "whole")


def test_workers_that_are_still_starting_leave_ctrl_c_to_the_process(tmp_path: Path) -> None:
    with building(tmp_path / "out") as process:
        wait_until((tmp_path / "out" / ".QuickDraw.journal").exists, process)
        time.sleep(0.1)  # most often they are still starting by then; later they have to leave it alone as well
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert said.count("Traceback") <= 1  # the process's own


def end_abruptly(shared: int, item: int) -> int:
    if item == shared:
        os._exit(1)
    return item


def test_a_worker_that_is_ended_from_outside_is_an_error() -> None:
    with Workers(2, 30) as workers:
        assert list(workers.map(end_abruptly, range(30))) == list(range(30))
        with pytest.raises(WorkerError, match="memory"):
            list(workers.map(end_abruptly, range(40)))
