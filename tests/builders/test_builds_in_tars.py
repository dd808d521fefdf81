"""Builds that keep their frames in tars: the same bytes however they came about, and nothing half that looks whole."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.pipeline import stores
from builders.pipeline.build import build
from builders.pipeline.merge import merge_part
from proactivebench import tars
from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.errors import ResumableError, UsageError
from proactivebench.frame_bytes import find_frame
from proactivebench.manifest import read_manifest
from proactivebench.work.quiet import QUIET
from proactivebench.work.shards import Shard
from tests.support.fake_builder import FakeBuilder, SharingBuilder, StoppingBuilder, content, wait_for_workers
from tests.support.full_disk import full


@pytest.fixture(autouse=True)
def small_tars(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine frames of the fake builder fill a tar."""
    monkeypatch.setattr(tars, "MOST_BYTES", 10_000)


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, bytes]:
    build(FakeBuilder(), tmp_path / "whole", storage="shards")
    return content(tmp_path / "whole")


def frames(folder: Path) -> Path:
    return folder / "test" / "QuickDraw"


def interrupt(folder: Path, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(StoppingBuilder(stop_at=after), folder, storage="shards")


@pytest.mark.parametrize("builder", [FakeBuilder(), SharingBuilder()])
def test_only_where_the_frames_lie_differs_from_a_build_of_files(builder: FakeBuilder, tmp_path: Path) -> None:
    assert build(builder, tmp_path / "files") == build(builder, tmp_path / "tars", storage="shards")
    files, there = content(tmp_path / "files"), content(tmp_path / "tars")
    pictures = {path: data for path, data in files.items() if path.endswith(".png")}
    inside = {path: data for path, data in there.items() if path.startswith("test/QuickDraw/")}
    assert len(inside) == len(list(frames(tmp_path / "tars").glob("*.tar"))) + 1 >= 5
    assert {path: find_frame(tmp_path / "tars" / path).read() for path in pictures} == pictures
    assert files.items() - pictures.items() == there.items() - inside.items()


def test_any_tar_program_gives_the_published_layout(whole: dict[str, bytes], tmp_path: Path) -> None:
    if shutil.which("tar") is None:
        pytest.skip("needs tar")
    build(FakeBuilder(), tmp_path / "files")
    for tar in sorted(frames(tmp_path / "whole").glob("*.tar")):
        subprocess.run(["tar", "-xf", tar, "-C", tmp_path / "whole" / "test"], check=True)
        tar.unlink()
    (frames(tmp_path / "whole") / "frames.tsv").unlink()
    assert content(tmp_path / "whole") == content(tmp_path / "files") != whole
    assert build(FakeBuilder(), tmp_path / "whole").up_to_date


def test_workers_change_nothing(whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wait_for_workers(monkeypatch)
    build(FakeBuilder(), tmp_path / "two", workers=2, storage="shards")
    assert content(tmp_path / "two") == whole


@pytest.mark.parametrize("stops", [[0], [1, 5, 22], [14, 14, 39]])
def test_a_build_that_is_killed_continues(stops: list[int], whole: dict[str, bytes], tmp_path: Path) -> None:
    for stop in stops:
        interrupt(tmp_path / "stopped", stop)
        there = sorted(path.name for path in frames(tmp_path / "stopped").glob("*"))
        names = [name for name in there if name.endswith(".tar")]
        growing = [f".{len(names):05}.tar.part"] if stop else []
        assert there == [*growing, *names]
        complete = {name: (frames(tmp_path / "stopped") / name).read_bytes() for name in names}
        assert complete == {name: whole[f"test/QuickDraw/{name}"] for name in names}
    assert build(FakeBuilder(), tmp_path / "stopped", storage="shards").samples == 38
    assert content(tmp_path / "stopped") == whole
    assert build(FakeBuilder(), tmp_path / "stopped", storage="shards").up_to_date


def cut(tar: Path, size: int) -> None:
    tar.write_bytes(tar.read_bytes()[:size])


def spoil(tar: Path, place: int) -> None:
    data = bytearray(tar.read_bytes())
    data[place] ^= 255
    tar.write_bytes(data)


LOSSES: dict[str, Callable[[Path], object]] = {
    "a byte of a frame": lambda folder: spoil(folder / "00001.tar", 3 * 1024 + 515),
    "a byte of a header": lambda folder: spoil(folder / "00000.tar", 2),
    "a tail": lambda folder: cut(folder / ".00003.tar.part", 1500),
    "the middle": lambda folder: cut(folder / "00001.tar", 2000),
    "the end": lambda folder: cut(folder / "00002.tar", -600),
    "a tar": lambda folder: (folder / "00001.tar").unlink(),
    "the one that grew": lambda folder: (folder / ".00003.tar.part").unlink(),
    "everything": shutil.rmtree,
    "a rename": lambda folder: (folder / "00002.tar").rename(folder / ".00002.tar.part"),
    "no room for strange ones": lambda folder: (folder / "00044.tar").write_bytes(b"strange"),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_what_was_lost_is_made_again(loss: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    interrupt(tmp_path / "stopped", 17)
    LOSSES[loss](frames(tmp_path / "stopped"))
    build(FakeBuilder(), tmp_path / "stopped", storage="shards")
    assert content(tmp_path / "stopped") == whole


@pytest.mark.parametrize("lost", ["frames.tsv", "00000.tar", "00004.tar"])
def test_a_complete_build_that_lost_something_is_made_again(lost: str, whole: dict[str, bytes], tmp_path: Path) -> None:
    (frames(tmp_path / "whole") / lost).unlink()
    assert not build(FakeBuilder(), tmp_path / "whole", storage="shards").up_to_date
    assert content(tmp_path / "whole") == whole


def test_a_full_disk_loses_nothing(whole: dict[str, bytes], tmp_path: Path) -> None:
    with full(4096), pytest.raises(ResumableError, match="File too large"):
        build(FakeBuilder(), tmp_path / "stopped", storage="shards")
    assert not (frames(tmp_path / "stopped") / "00000.tar").exists()
    build(FakeBuilder(), tmp_path / "stopped", storage="shards")
    assert content(tmp_path / "stopped") == whole


def test_a_disk_that_is_full_at_the_end_of_a_tar_loses_nothing(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    interrupt(tmp_path / "stopped", 17)
    LOSSES["a rename"](frames(tmp_path / "stopped"))
    with monkeypatch.context() as patch, pytest.raises(ResumableError, match="No space left"):
        patch.setattr(os, "fsync", refuse)
        build(FakeBuilder(), tmp_path / "stopped", storage="shards")
    build(FakeBuilder(), tmp_path / "stopped", storage="shards")
    assert content(tmp_path / "stopped") == whole


@pytest.mark.parametrize("builder", [FakeBuilder(), SharingBuilder()])
@pytest.mark.parametrize("of", [1, 2, 7])
def test_merged_shards_are_the_build_of_one(builder: FakeBuilder, of: int, tmp_path: Path) -> None:
    report = build(builder, tmp_path / "whole", storage="shards")
    for number in range(1, of + 1):
        build(builder, tmp_path / "merged", shard=Shard(number, of), storage="shards")
        assert build(builder, tmp_path / "merged", shard=Shard(number, of), storage="shards").up_to_date
    assert merge_part(tmp_path / "merged", "QD") == report
    assert content(tmp_path / "merged") == content(tmp_path / "whole")
    assert build(builder, tmp_path / "merged", storage="shards").up_to_date


def in_two(folder: Path, *storages: stores.Storage) -> Path:
    for number, storage in enumerate(storages, start=1):
        build(FakeBuilder(), folder, shard=Shard(number, 2), storage=storage)
    return folder / "shards" / "QD"


def test_a_merge_that_was_killed_is_repeated(
    whole: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_two(tmp_path / "merged", "shards", "shards")
    monkeypatch.setattr(stores, "index_lines", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        merge_part(tmp_path / "merged", "QD")
    monkeypatch.undo()
    monkeypatch.setattr(tars, "MOST_BYTES", 10_000)
    with pytest.raises(UsageError, match="is not a benchmark"):
        Benchmark.open(tmp_path / "merged")
    merge_part(tmp_path / "merged", "QD")
    assert content(tmp_path / "merged") == whole


def test_shards_of_both_kinds_are_not_put_together(tmp_path: Path) -> None:
    in_two(tmp_path, "files", "shards")
    with pytest.raises(UsageError, match=r"1-of-2 keeps its frames as files, .*2-of-2 in tars"):
        merge_part(tmp_path, "QD")


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    shards = in_two(tmp_path, "shards", "shards")
    spoil(frames(shards / "2-of-2") / "00000.tar", 515)
    with pytest.raises(UsageError, match=r"2-of-2.*00000\.tar is damaged .*Delete .*2-of-2, and build that shard"):
        merge_part(tmp_path, "QD")


@pytest.mark.parametrize("stop", [17, None])
@pytest.mark.parametrize(("first", "then"), [("files", "shards"), ("shards", "files")])
def test_one_folder_has_one_storage(
    first: stores.Storage, then: stores.Storage, stop: int | None, tmp_path: Path
) -> None:
    with pytest.raises(KeyboardInterrupt):
        build(StoppingBuilder(stop_at=-1 if stop is None else stop), tmp_path, storage=first)
        raise KeyboardInterrupt
    before = content(tmp_path)
    with pytest.raises(UsageError, match=f"Repeat the command with --storage {first}, or choose another folder"):
        build(FakeBuilder(), tmp_path, storage=then)
    assert content(tmp_path) == before


def test_check_compares_every_frame_with_the_manifest(whole: dict[str, bytes], tmp_path: Path) -> None:
    def about_files() -> list[str]:
        said = check_benchmark(tmp_path / "whole", QUIET).problems
        return [one for one in said if "not readable as" not in one]  # the frames are texts

    assert about_files() == []
    first, *_ = read_manifest(tmp_path / "whole")["QD"].stored(tmp_path / "whole")
    spoil(frames(tmp_path / "whole") / "00000.tar", 515)
    assert about_files() == [f"{first.path}: differs from what manifest.json says; was it changed after the build?"]


def test_a_path_that_no_index_can_have_is_refused(tmp_path: Path) -> None:
    class Tab(FakeBuilder):
        def render(self, planned):  # type: ignore[no-untyped-def]
            yield from (frame._replace(path=frame.path.replace("3/", "\t3/")) for frame in super().render(planned))

    build(Tab(), tmp_path, storage="shards")
    left_out = json.loads((tmp_path / "manifest.json").read_text())["scenarios"]["QD"]["left_out"]
    assert sum(count for why, count in left_out.items() if "has a tab" in why) == 3
