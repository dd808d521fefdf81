"""An interrupted build: what is finished is kept, and the rest is the same as if nothing had happened."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec
import pytest

from builders.pipeline import parts
from builders.pipeline.build import build
from builders.pipeline.journal import Finished, Journal
from proactivebench.errors import ResumableError, UsageError
from tests.support.fake_builder import (
    FakeBuilder,
    content,
    interrupt,
)


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


@pytest.mark.parametrize("first", [b"{", b'{"settings": {}}'])
def test_a_journal_that_does_not_say_what_it_is_of_is_begun_anew(tmp_path: Path, first: bytes) -> None:
    interrupt(tmp_path / "stopped", 6)
    journal = tmp_path / "stopped" / ".QuickDraw.journal"
    journal.write_bytes(first + b"\n" + journal.read_bytes().partition(b"\n")[2])
    build(FakeBuilder(), tmp_path / "stopped")
    build(FakeBuilder(), tmp_path / "whole")
    assert content(tmp_path / "stopped") == content(tmp_path / "whole")


def line(number: int) -> bytes:
    return msgspec.json.encode(Finished(number=number, key="record"))


def test_a_torn_line_of_the_journal_hides_nothing_that_follows(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.start({"build": "this one"})
        journal.add(line(0))
    with path.open("ab") as torn:
        torn.write(b'{"key": "2", "fi')
    with Journal(path) as journal:
        journal.keep(len(list(journal.finished())))
        journal.add(line(1))
    with Journal(path) as journal:
        assert [finished.number for finished in journal.finished()] == [0, 1]


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


def test_a_full_disk_ends_with_the_file_and_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    room, replace = iter(range(30)), os.replace

    def to_disk(part: str, path: str) -> None:
        if next(room, None) is None:
            os.truncate(part, 1)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        replace(part, path)

    monkeypatch.setattr(os, "replace", to_disk)
    with pytest.raises(ResumableError, match=r"\.png: No space left on device"):
        build(FakeBuilder(), tmp_path)
    monkeypatch.undo()
    assert not list(tmp_path.rglob("*.part"))
    assert build(FakeBuilder(), tmp_path).samples == 38
