"""The table of SECURITY.md: made by `make attack`, without a line that was not tried or not survived."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.attack.__main__ import LINES, ROOMS, by_tests, read_results, table
from tests.attack.kills import torn

ROOT = Path(__file__).resolve().parents[2]


def test_what_was_tried_was_survived() -> None:
    results = read_results()
    assert results
    assert not {name for name, result in results.items() if not 0 < result["tried"] == result["survived"]}


def test_what_was_never_tried_is_said() -> None:
    assert table({}).count("| 0 | 0 | not yet |") == len(LINES)


def test_security_shows_the_table_as_it_was_printed() -> None:
    assert table(read_results()) in (ROOT / "SECURITY.md").read_text(encoding="utf-8")


def test_the_tests_of_the_table_are_there() -> None:
    assert all((ROOT / file).is_file() for files in ROOMS.values() for file in files)


def test_records_cut_anywhere_end_in_the_same_scores() -> None:
    assert torn(4) == (4, 4, "")


def test_what_fails_or_is_skipped_was_not_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "test_three.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): assert 0\ndef test_c(): pytest.skip('no browser')\n"
    )
    monkeypatch.chdir(tmp_path)
    assert by_tests(["test_three.py"], 1) == (3, 1, "test_b failed; test_c skipped")
