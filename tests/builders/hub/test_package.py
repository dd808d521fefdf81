from __future__ import annotations

import os
import shutil
import zipfile
from pathlib import Path

import pytest
from rich.progress import Progress

from builders.hub.build import Build
from builders.hub.package import Archive, PackageError, package
from proactivebench.errors import ResumableError, UsageError
from proactivebench.record_table import read_table
from raw_sources.archives import unpack
from tests.support.example_benchmark import build_examples
from tests.support.small_benchmark import build_small


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("built"))


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "data"))


def pack(folder: Path) -> list[Archive]:
    return package(Build.open(folder), Progress(disable=True))


def frames(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.png")}


def test_an_archive_holds_the_frames_where_the_samples_look_for_them(data: Path, tmp_path: Path) -> None:
    [archive] = pack(data)
    assert archive.path == data / "test" / "QuickDraw.zip"
    with zipfile.ZipFile(archive.path) as container:
        assert all(name.startswith("QuickDraw/") for name in container.namelist())
        assert len(container.namelist()) == archive.frames == len(frames(data / "test" / "QuickDraw"))
    unpack(archive.path, tmp_path / "QuickDraw")
    assert frames(tmp_path / "QuickDraw") == frames(data / "test" / "QuickDraw")


def test_equal_frames_give_equal_bytes(data: Path, tmp_path: Path) -> None:
    other = build_small(tmp_path / "other")
    for path in other.rglob("*.png"):
        os.utime(path, (1, 1))
        path.chmod(0o600)
    [one], [two] = pack(data), pack(other)
    assert one.path.read_bytes() == two.path.read_bytes()


def test_an_archive_that_is_up_to_date_is_left_alone(data: Path) -> None:
    [first] = pack(data)
    written = first.path.stat().st_mtime_ns
    [again] = pack(data)
    assert (first.up_to_date, again.up_to_date) == (False, True)
    assert again.path.stat().st_mtime_ns == written


@pytest.mark.parametrize("damage", [b"", b"not a zip archive", None])
def test_an_archive_that_is_not_whole_is_made_again(data: Path, damage: bytes | None) -> None:
    [first] = pack(data)
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    assert not pack(data)[0].up_to_date
    assert first.path.read_bytes() == whole


def test_an_archive_that_was_damaged_inside_is_made_again(data: Path) -> None:
    [first] = pack(data)
    whole = first.path.read_bytes()
    damaged = bytearray(whole)
    damaged[len(whole) // 2] ^= 1  # in the bytes of a frame: the directory and the comment are as they were
    first.path.write_bytes(damaged)
    assert not pack(data)[0].up_to_date
    assert first.path.read_bytes() == whole


def test_scenarios_that_join_later_leave_the_others_alone(data: Path) -> None:
    pack(data)
    build_examples(data, "COCO")
    assert {archive.path.name: archive.up_to_date for archive in pack(data)} == {
        "QuickDraw.zip": True,
        "coco2014.zip": False,
    }


def test_a_changed_frame_is_refused(data: Path) -> None:
    frame = sorted((data / "test" / "QuickDraw").rglob("*.png"))[3]
    frame.write_bytes(frame.read_bytes() + b"x")
    with pytest.raises(PackageError, match=rf"{frame.name} differs from what manifest\.json says"):
        pack(data)
    assert [path.name for path in (data / "test").iterdir() if path.is_file()] == ["QuickDraw_preprocessed.jsonl"]


def test_a_missing_frame_is_refused(data: Path) -> None:
    frame = sorted((data / "test" / "QuickDraw").rglob("*.png"))[-1]
    frame.unlink()
    with pytest.raises(PackageError, match=rf"{frame.name} is listed in manifest\.json, but No such file"):
        pack(data)


def test_edited_samples_are_refused(data: Path) -> None:
    samples = data / "test" / "QuickDraw_preprocessed.jsonl"
    samples.write_text(samples.read_text().replace("Cat.", "Dog."))
    with pytest.raises(PackageError, match=r"QuickDraw_preprocessed\.jsonl differs"):
        pack(data)


def test_what_was_not_built_here_is_refused(data: Path) -> None:
    manifest = data / "manifest.json"
    manifest.write_text('{"format": 2, "scenarios": {}}')
    with pytest.raises(UsageError, match=r"manifest\.json lists no scenario"):
        pack(data)
    manifest.unlink()
    with pytest.raises(UsageError, match=r"has no manifest\.json"):
        pack(data)


@pytest.mark.parametrize(
    ("found", "written", "said"),
    [
        (
            b'"dataset": "QuickDraw"',
            b'"dataset": "../QuickDraw"',
            r"expected manifest/\.\./QuickDraw\.jsonl among the files",
        ),
        (b'"test/QuickDraw_', b'"test/../../QuickDraw_', "expected a path below test/ or manifest/"),
        (b'"counts"', b'"number"', "scenarios: QD: counts: Field required"),
        (b'"sha256": "', b'"sha256": "/', "sha256: String should match"),
        (b'"files": {', b'"files": 3, "more": {', "files: Input should be an object"),
    ],
    ids=["dataset", "path", "counts", "checksum", "files"],
)
def test_a_manifest_of_another_form_is_refused(data: Path, found: bytes, written: bytes, said: str) -> None:
    manifest = data / "manifest.json"
    assert found in manifest.read_bytes()
    manifest.write_bytes(manifest.read_bytes().replace(found, written))
    with pytest.raises(UsageError, match=rf"manifest\.json is not a manifest .*{said}"):
        pack(data)


@pytest.mark.parametrize(
    ("found", "written"),
    [
        (b'"path":"test/', b'"path":"test/../../'),
        (b'"path":"test/', b'"path":"/test/'),
        (b'"path":"test/', b'"path":"manifest/'),
        (b'"bytes":', b'"bytes":-'),
        (b'"sha256":"', b'"sha256":"/'),
        (b'"key":', b'"kex":'),
        (b"{", b"{" * 100_000),
    ],
)
def test_a_table_of_another_form_is_refused(data: Path, found: bytes, written: bytes) -> None:
    table = data / "manifest" / "QuickDraw.jsonl"
    lines = table.read_bytes().splitlines(keepends=True)
    assert found in lines[2]
    table.write_bytes(b"".join([*lines[:2], lines[2].replace(found, written, 1), *lines[3:]]))
    with pytest.raises(UsageError, match=r"QuickDraw\.jsonl, line 3: not what became of a record"):
        list(read_table(table))
    with pytest.raises(PackageError, match=r"manifest/QuickDraw\.jsonl differs"):
        pack(data)


def test_a_disk_that_refuses_is_named(data: Path) -> None:
    target = data / "test" / "QuickDraw.zip"
    target.mkdir()
    with pytest.raises(ResumableError, match=r"QuickDraw\.zip"):
        pack(data)
