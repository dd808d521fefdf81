from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from raw_sources.archives import unpack
from raw_sources.base import SourceError
from tests.support.archives import FILES, MakeArchive, content


def test_everything_arrives_and_progress_is_told(tmp_path: Path, make: MakeArchive) -> None:
    told: list[int] = []
    unpack(make(tmp_path / "x", FILES), tmp_path / "out", report=told.append)
    assert content(tmp_path / "out") == FILES
    assert told == sorted(told)
    assert told[-1] == sum(map(len, FILES.values()))


def test_folders_and_leading_dots_are_fine(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x", "w") as container:
        for name in (".", "./a", "./a/empty"):
            info = tarfile.TarInfo(name)
            info.type = tarfile.DIRTYPE
            container.addfile(info)
        container.addfile(tarfile.TarInfo("./a/f"), io.BytesIO())
    unpack(tmp_path / "x", tmp_path / "out")
    assert (tmp_path / "out" / "a" / "empty").is_dir()
    assert content(tmp_path / "out") == {"a/f": b""}


def test_a_top_folder_of_the_same_name_is_not_repeated(tmp_path: Path, make: MakeArchive) -> None:
    unpack(make(tmp_path / "x", {"out/1": b"1", "out/out/2": b"2"}), tmp_path / "out")
    assert content(tmp_path / "out") == {"1": b"1", "out/2": b"2"}


def test_an_existing_folder_is_not_touched(tmp_path: Path, make: MakeArchive) -> None:
    (tmp_path / "out").mkdir()
    with pytest.raises(SourceError, match="exists already"):
        unpack(make(tmp_path / "x", FILES), tmp_path / "out")
    assert content(tmp_path / "out") == {}


def test_what_a_killed_attempt_left_is_replaced(tmp_path: Path, make: MakeArchive) -> None:
    left = tmp_path / ".out.unpacking"
    left.mkdir()
    (left / "half").write_bytes(b"half")
    unpack(make(tmp_path / "x", FILES), tmp_path / "out")
    assert content(tmp_path / "out") == FILES
    assert not left.exists()


def test_an_interrupt_leaves_nothing(tmp_path: Path, make: MakeArchive) -> None:
    def interrupt(written: int) -> None:
        raise KeyboardInterrupt

    archive = make(tmp_path / "x", FILES)
    with pytest.raises(KeyboardInterrupt):
        unpack(archive, tmp_path / "out", report=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    unpack(archive, tmp_path / "out")
    assert content(tmp_path / "out") == FILES
