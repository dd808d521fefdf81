"""Frames in tars: found as files are, wherever they stand, and nothing else is ever read."""

from __future__ import annotations

import io
import random
import shutil
import tarfile
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from proactivebench import tars
from proactivebench.benchmark import Benchmark
from proactivebench.digests import file_digests
from proactivebench.errors import UsageError
from proactivebench.evaluation.verify import verify_run
from proactivebench.frame_bytes import find_frame, is_frame
from proactivebench.images import Picture, PictureError, load_picture
from proactivebench.tars import Indexed, Place, Walk, find_line, header, index_lines, padding
from tests.support.tars import move_to_tars

PARTS = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/"), min_size=1, max_size=150)
PATHS = st.lists(PARTS, min_size=1, max_size=3).map("/".join)


@pytest.fixture(scope="module")
def tarred(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The benchmark of `small_runs` with its frames in tars."""
    folder = tmp_path_factory.mktemp("tarred") / "data"
    shutil.copytree(small_runs / "data", folder)
    move_to_tars(folder / "test" / "QuickDraw")
    return folder


@pytest.fixture
def copy(tarred: Path, tmp_path: Path) -> Path:
    """The folder of the frames, which may be damaged."""
    return Path(shutil.copytree(tarred, tmp_path / "data")) / "test" / "QuickDraw"


def test_every_frame_is_what_it_was_as_a_file(small_runs: Path, tarred: Path) -> None:
    files = sorted((small_runs / "data" / "test" / "QuickDraw").rglob("*.png"))
    there = {file: tarred / file.relative_to(small_runs / "data") for file in files}
    assert len(files) > 20
    assert not any(path.exists() for path in there.values())
    assert [find_frame(path).read() for path in there.values()] == [file.read_bytes() for file in files]
    assert [*file_digests(there.values()).values()] == [*file_digests(files).values()]
    assert not is_frame(tarred / "test" / "QuickDraw" / "cat" / "none.png")
    with pytest.raises(PictureError, match=r"none\.png: there is no such file"):
        load_picture(Picture(tarred / "test" / "QuickDraw" / "none.png"))


def test_a_run_on_files_is_one_on_tars(small_runs: Path, tarred: Path) -> None:
    assert verify_run(small_runs / "ask", Benchmark.open(tarred)) == []


@settings(max_examples=25)
@given(st.dictionaries(PATHS, st.integers(0, 10**15 - 1), max_size=30))
def test_a_line_is_found_whatever_paths_there_are(
    tmp_path_factory: pytest.TempPathFactory, sizes: dict[str, int]
) -> None:
    index = tmp_path_factory.getbasetemp() / "frames.tsv"
    frames = [Indexed(path, Place(size % 7, size // 2), size) for path, size in sizes.items()]
    index.write_bytes(b"".join(index_lines(frames, index.parent)))
    assert [find_line(index, path) for path in sizes] == frames
    assert find_line(index, "absent") is None or "absent" in sizes


def test_a_long_index_is_searched_and_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "_SORTED_TOGETHER", 700)
    rng, index = random.Random(1), tmp_path / "frames.tsv"
    paths = sorted(f"QuickDraw/{rng.choice(['cat', 'é' * 90])}/{number}.png" for number in range(3000))
    rng.shuffle(paths)
    frames = [Indexed(path, Place(0, number), number) for number, path in enumerate(paths)]
    index.write_bytes(b"".join(index_lines(frames, tmp_path)))
    assert index.stat().st_size > 10 * tars.MAX_LINE_BYTES
    assert all(find_line(index, frame.path) == frame for frame in islice(frames, 0, None, 10))
    assert [find_line(index, path) for path in ("A", "QuickDraw/cat/", "z", paths[0] + "x", paths[0][:-1])] == [
        None
    ] * 5


@settings(max_examples=25)
@given(st.dictionaries(PATHS, st.binary(max_size=1500), min_size=1, max_size=8))
def test_any_tar_program_reads_what_we_write(frames: dict[str, bytes]) -> None:
    stream, ends = io.BytesIO(), []
    for path, data in frames.items():
        stream.write(header(path, len(data)) + data + padding(len(data)))
        ends.append(stream.tell())
    stream.write(tars.END)
    stream.seek(0)
    with tarfile.open(fileobj=stream) as tar:
        assert {one.name: (tar.extractfile(one) or stream).read() for one in tar.getmembers()} == frames
    walk = Walk()
    assert [walk.step(path, len(data)) for path, data in frames.items()] == [
        Place(0, start) for start in [0, *ends[:-1]]
    ]


def test_tars_are_of_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tars, "MOST_BYTES", 3000)
    walk = Walk()
    found = [walk.step(*frame) for frame in [("a", 512), ("b", 512), ("c", 512), ("d", 9000), ("e", 1)]]
    assert found == [Place(0, 0), Place(0, 1024), Place(1, 0), Place(2, 0), Place(3, 0)]


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "a cut tar": (lambda frames: (frames / "00000.tar").write_bytes(b""), r"00000\.tar is damaged \(it ends before"),
    "no tar": (lambda frames: (frames / "00000.tar").unlink(), r"00000\.tar is listed in .*frames\.tsv, but is not"),
    "another tar": (
        lambda frames: (frames / "00000.tar").write_bytes((frames / "00001.tar").read_bytes() * 2),
        "belongs to another one",
    ),
    "no number": (lambda frames: replace(frames, "\t0\t", "\t-1\t"), "is not a line of an index"),
    "a far number": (lambda frames: replace(frames, "\t0\t", "\t" + "9" * 9 + "\t"), "is not a line of an index"),
    "a far place": (lambda frames: replace(frames, "\t0\t", "\t0\t9999999999"), "it ends before"),
    "a folder": (lambda frames: instead(frames / "00000.tar"), "it ends before"),
    "a link": (lambda frames: outside(frames / "00000.tar"), r"00000\.tar is a link, so it is not read"),
    "a linked index": (lambda frames: outside(frames / "frames.tsv"), r"frames\.tsv is a link, so it is not read"),
    "bytes": (lambda frames: (frames / "frames.tsv").write_bytes(bytes(range(256)) * 999), "is damaged"),
}


def replace(frames: Path, old: str, new: str) -> None:
    index = frames / "frames.tsv"
    index.write_text(index.read_text().replace(old, new))


def instead(file: Path) -> None:
    """Puts a folder in the place of a file."""
    file.unlink()
    file.mkdir()


def outside(file: Path) -> None:
    """Moves a file out of the benchmark, and puts a link in its place."""
    moved = file.rename(file.parents[3] / file.name)
    file.symlink_to(moved)


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_said_and_never_read(damage: str, copy: Path) -> None:
    first = min(line.split("\t")[0] for line in (copy / "frames.tsv").read_text().splitlines() if "\t0\t0\t" in line)
    harm, said = DAMAGES[damage]
    harm(copy)
    path = copy.parent / first
    with pytest.raises(UsageError, match=said):
        find_frame(path).read()
    with pytest.raises(UsageError, match=said):
        load_picture(Picture(path))


def test_a_changed_tar_is_another_frame(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proactivebench.digests.QUIET_SECONDS", -1e9)
    path = next(copy.parent / line.split("\t")[0] for line in (copy / "frames.tsv").open() if "\t0\t0\t" in line)
    before = file_digests([path])
    assert file_digests([path], lambda done, total: pytest.fail("read again")) == before
    tar = copy / "00000.tar"
    data = bytearray(tar.read_bytes())
    data[600] ^= 1
    tar.write_bytes(data)
    assert file_digests([path]) != before
