"""Digests of files: right whatever is remembered, and remembered where that is safe."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from proactivebench import digests
from proactivebench.digests import file_digests, memory_file

LONG_AGO = time.time_ns() - 10**12


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "a cache?#" / "digests.sqlite"
    monkeypatch.setattr(digests, "memory_file", lambda: file)
    return file


@pytest.fixture
def hour_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of a moment ago have been left alone for long."""
    monkeypatch.setattr("proactivebench.digests.time.time", lambda: time.time_ns() / 1e9 + 3600)


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def read_bytes(*files: Path) -> int:
    """How many bytes must be read for the digests of some files, which must be right."""
    reports: list[tuple[int, int]] = []
    found = file_digests(files, lambda done, total: reports.append((done, total)))
    assert found == {file: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    assert [done for done, _ in reports] == sorted(done for done, _ in reports)
    assert not reports or {total for _, total in reports} == {reports[-1][0]}
    return reports[-1][0] if reports else 0


@pytest.mark.usefixtures("hour_later")
def test_a_file_is_read_once(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{n}.bin", bytes([n]) * 3_000_000) for n in range(3)]
    empty = write(tmp_path / "empty", b"")
    assert read_bytes(*files, empty) == 9_000_000
    assert read_bytes(*files, files[0], empty) == 0
    more = write(tmp_path / "more.bin", b"more")
    assert read_bytes(*files, more) == 4


@pytest.mark.usefixtures("hour_later")
def test_a_change_is_seen_whatever_is_done_to_hide_it(tmp_path: Path) -> None:
    file = write(tmp_path / "a", b"one")
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    assert (read_bytes(file), read_bytes(file)) == (3, 0)
    write(file, b"two")
    os.utime(file, ns=(LONG_AGO, LONG_AGO))
    assert read_bytes(file) == 3, "same path, inode, size and time of change"
    other = write(tmp_path / "b", b"six")
    os.utime(other, ns=(LONG_AGO, LONG_AGO))
    other.replace(file)
    assert read_bytes(file) == 3


@pytest.mark.usefixtures("hour_later")
def test_a_link_counts_as_what_it_leads_to(tmp_path: Path) -> None:
    one, two = write(tmp_path / "one", b"1"), write(tmp_path / "two", b"2")
    link = tmp_path / "link"
    link.symlink_to(one)
    assert (read_bytes(link), read_bytes(link)) == (1, 0)
    link.unlink()
    link.symlink_to(two)
    assert read_bytes(link) == 1


def test_what_changed_a_moment_ago_is_not_remembered(tmp_path: Path) -> None:
    file = write(tmp_path / "a", b"one")
    assert (read_bytes(file), read_bytes(file)) == (3, 3)


@pytest.mark.usefixtures("hour_later")
def test_without_a_usable_memory_files_are_read(tmp_path: Path, memory: Path) -> None:
    file = write(tmp_path / "a", b"one")
    memory.parent.mkdir()
    memory.write_bytes(b"no database, and longer than its header would be" * 40)
    assert read_bytes(file) == 3
    assert (read_bytes(file), read_bytes(file)) == (3, 0), "what is damaged is begun anew"
    memory.unlink()
    memory.mkdir()
    assert (read_bytes(file), read_bytes(file)) == (3, 3)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        file_digests([tmp_path / "none"])
    assert caught.value.filename == str(tmp_path / "none")


def test_the_memory_lies_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert memory_file() == Path("/x/proactivebench/digests.sqlite")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert memory_file() == Path.home() / ".cache/proactivebench/digests.sqlite"
