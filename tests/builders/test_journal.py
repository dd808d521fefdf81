"""A build's journal, as it may be found after an accident."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from builders.pipeline.journal import Finished, Journal


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
