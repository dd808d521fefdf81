"""A build's journal, as it may be found after an accident."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from builders.pipeline.journal import Finished, Journal
from proactivebench.errors import ResumableError


@pytest.mark.parametrize(
    "damage",
    [
        "[]",
        "1",
        "null",
        "{}",
        '{"key": "c"}',
        '{"number": 1, "key": ["c"]}',
        '{"number": 1, "key": "c", "files": [1]}',
        "{",
    ],
)
def test_lines_of_another_shape_are_dropped_and_redone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.start({"build": 1})
        journal.add(msgspec.json.encode(Finished(number=0, key="a", skipped="too small")))
    sound = path.read_bytes()
    path.write_bytes(sound + damage.encode() + b"\n")
    with Journal(path) as journal:
        finished = list(journal.finished())
        assert (journal.header, [one.key for one in finished]) == ({"build": 1}, ["a"])
        journal.keep(len(finished))
    assert path.read_bytes() == sound
    path.write_bytes(damage.encode() + b"\n")
    with Journal(path) as journal:
        assert not list(journal.finished())


@pytest.mark.parametrize("harm", ["a line torn in the middle", "a line gone", "all gone"])
def test_a_build_does_not_end_with_less_than_it_has_made(tmp_path: Path, harm: str) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.start({"build": 1})
        for number in range(3):
            journal.add(msgspec.json.encode(Finished(number=number, key=f"{number}", skipped="too small")))
        assert len(list(journal.all_finished())) == 3
        lines = path.read_bytes().splitlines(keepends=True)
        if harm == "a line torn in the middle":
            lines[2] = lines[2][:9] + b"\n"
        path.write_bytes(b"".join({"a line gone": lines[:-1], "all gone": []}.get(harm, lines)))
        with pytest.raises(ResumableError, match=r"journal was changed during the build: it holds \d of 3 lines"):
            list(journal.all_finished())
