"""A build's journal, as it may be found after an accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from builders.pipeline.journal import Finished, Journal


@pytest.mark.parametrize(
    "damage",
    ["[]", "1", "null", "{}", '{"key": "c"}', '{"key": ["c"], "files": [], "skipped": null}', '{"files": [1]}', "{"],
)
def test_lines_of_another_shape_are_dropped_and_redone(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "journal"
    with Journal(path) as journal:
        journal.start({"build": 1})
        journal.add("a", Finished(skipped="too small"))
    sound = path.read_bytes()
    path.write_bytes(sound + damage.encode() + b"\n")
    with Journal(path) as journal:
        assert (journal.header, set(journal.finished)) == ({"build": 1}, {"a"})
    assert path.read_bytes() == sound
    path.write_bytes(damage.encode() + b"\n")
    with Journal(path) as journal:
        assert not journal.finished
