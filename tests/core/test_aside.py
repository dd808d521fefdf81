"""What is put aside on disk."""

from __future__ import annotations

import pytest

from proactivebench.errors import ResumableError
from proactivebench.work.aside import Seen, Table, different


def test_a_key_is_new_once() -> None:
    seen = Seen()
    assert [seen.add(key) for key in (("QD", 1, 0), ("QD", 10), "QD", b"QD", ("QD", 1, 0))] == [True] * 4 + [False]
    assert "QD" in seen
    assert "RO" not in seen


def test_lines_that_repeat_come_once_in_their_order() -> None:
    assert list(different([b"b", b"a", b"b", b"", b"a"])) == [b"b", b"a", b""]


def test_a_full_disk_is_said_and_may_be_resumed() -> None:
    table = Table("key INTEGER PRIMARY KEY, text TEXT")
    table.run("PRAGMA max_page_count = 3")
    with pytest.raises(ResumableError, match=r"temporary folder .* full.* TMPDIR"):
        table.run_all("INSERT INTO rows VALUES (?, ?)", ((number, "x" * 1000) for number in range(100)))
