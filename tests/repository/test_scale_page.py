"""docs/scale.md says what was measured, and what follows from that."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import estimate, storage
from benchmarks.scale import exponents, line_of_page

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")


def test_the_tables_follow_from_what_was_measured() -> None:
    for line in (*estimate.rebuild(), *estimate.table_1()):
        assert line in PAGE, line
    assert f"{estimate.turns():,.0f} turns" in PAGE


def test_the_page_has_every_size_that_was_measured() -> None:
    measured = [json.loads(line) for line in (ROOT / "benchmarks" / "scale.jsonl").read_text().splitlines()]
    sizes = [line for line in measured if "what" in line]
    for line in sizes:
        assert line_of_page(line) in PAGE, line_of_page(line)
    [printed] = [line["exponents"] for line in measured if "exponents" in line]
    assert printed == exponents(sizes)


def test_the_page_has_every_archive_that_was_measured() -> None:
    for line in map(json.loads, (ROOT / "benchmarks" / "archives.jsonl").read_text().splitlines()):
        ours, plain = line["ours"], line["plain"]
        row = f"| {line['archive']} | {line['members']:,} | {ours['seconds']:.1f} | {ours['peak_mb']} | "
        row += f"{plain['seconds']:.1f} | {plain['peak_mb']} |"
        assert row in PAGE, row


def test_builds_from_any_number_of_shards_had_the_same_checksum() -> None:
    lines = [json.loads(line) for line in (ROOT / "benchmarks" / "shards.jsonl").read_text().splitlines()]
    for what in ("demo", "drawings", "changeit"):
        built = [line for line in lines if line["what"] == what]
        assert {line["shards"] for line in built} == {None, 1, 2, 7}
        assert len({line["sha256"] for line in built}) == 1


def test_the_page_has_both_storages_as_they_were_measured() -> None:
    for line in map(json.loads, (ROOT / "benchmarks" / "storage.jsonl").read_text().splitlines()):
        assert storage.line_of_page(line) in PAGE, storage.line_of_page(line)
