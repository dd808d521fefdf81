"""Files and folders appear complete or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from proactivebench.work.files import whole, write_soon, write_whole


def test_a_file_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "frame.png"
    write_whole(path, [b"as it was"])

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, [b"new"])
    assert [(there, there.read_bytes()) for there in tmp_path.iterdir()] == [(path, b"as it was")]


def test_a_frame_is_there_whole_or_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "frame.png"
    write_soon(str(path), b"as it was")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match=r"No space left.*frame\.png"):
        write_soon(str(path), b"new")
    assert [(there, there.read_bytes()) for there in path.parent.iterdir()] == [(path, b"as it was")]
    with pytest.raises(NotADirectoryError):
        write_soon(str(path / "below.png"), b"a file stands where its folder should be")


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
