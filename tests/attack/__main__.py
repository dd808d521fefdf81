"""`make attack`: everything that was ever tried against this toolkit, tried again; prints the table of SECURITY.md.

    python -m tests.attack [--quick] [LINE...]

A line says what was tried, how often, and how often it was survived: nothing lost, mixed, leaked or let out, no
traceback, and the same bytes as without the attack. Some lines are kills and mutated files, which are as many as one
likes; the others are groups of tests, each case of which is one attempt, and a skipped one was not survived.
`results.jsonl` keeps the last result of each line, since all of them together take hours; `--quick` tries each line a
few times and keeps nothing. The exit code is 1 where something was not survived, or never tried.
"""

from __future__ import annotations

import argparse
import datetime
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.attack.kills import COMMANDS, Result, killed, torn, twice
from tests.raw_sources.fuzz_formats import FORMATS
from tests.raw_sources.fuzz_readers import fuzz

RESULTS = Path(__file__).with_name("results.jsonl")

ROOMS = {
    "archives that are hostile, damaged or too large": [
        "tests/raw_sources/test_archives.py",
        "tests/raw_sources/test_archives_refused.py",
    ],
    "pickles that would run code, lists and tables that are damaged": [
        "tests/raw_sources/test_pickles.py",
        "tests/raw_sources/test_mvpn_source.py",
        "tests/raw_sources/test_changeit_source.py",
    ],
    "videos and pictures that are odd": ["tests/raw_sources/test_video.py", "tests/core/test_images.py"],
    "downloads that break, change, lie or never end": [
        "tests/raw_sources/test_download.py",
        "tests/raw_sources/test_download_stops.py",
        "tests/raw_sources/test_fetch.py",
    ],
    "a Hub that breaks, lies or repeats the key": [
        "tests/builders/hub/test_pull.py",
        "tests/builders/hub/test_pull_strange.py",
        "tests/builders/hub/test_publish.py",
    ],
    "servers that fail, abort, hang, flood or send elsewhere": [
        "tests/models/test_openai_model.py",
        "tests/models/test_openai_failures.py",
        "tests/models/test_completions.py",
    ],
    "model folders with code, pickles or missing weights": ["tests/models/test_model_files.py"],
    "replies kept by damaged caches": ["tests/models/test_cache.py"],
    "samples of strangers": ["tests/core/test_check.py", "tests/scenarios/test_samples.py"],
    "runs of strangers, pictures that changed": ["tests/evaluation/test_data_identity.py"],
    "runs that are killed, interrupted or joined": [
        "tests/evaluation/test_reliability.py",
        "tests/evaluation/test_ranks.py",
        "tests/builders/test_resuming.py",
    ],
    "shards that are missing, torn or of another build or run": [
        "tests/builders/test_shards.py",
        "tests/evaluation/test_run_shards.py",
    ],
    "plans whose tasks fail, and that say something else": ["tests/commands/test_launch.py"],
    "journals and tables of records that are damaged": ["tests/builders/test_journal.py"],
    "pages: injected texts, loads from elsewhere": ["tests/reports/test_report_page.py"],
    "the local server: other hosts, other pages, traversal, odd requests": [
        "tests/reports/test_play.py",
        "tests/reports/test_labelling.py",
    ],
    "a full disk, a folder that may not be written": ["tests/commands/test_disk.py"],
    "keys, escapes, markup and formulas in what is printed or written": ["tests/commands/test_plain_text.py"],
}
"""What is tried -> the files of tests that do it."""

Attack = Callable[[int], Result]


class _Outcomes:
    """Counts what became of tests."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or report.outcome != "passed":
            self.of[report.nodeid] = report.outcome


def by_tests(files: list[str], _: int) -> Result:
    """Runs tests."""
    outcomes = _Outcomes()
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", "--disable-warnings", *files], plugins=[outcomes])
    lost = [f"{name.rpartition('::')[2]} {outcome}" for name, outcome in outcomes.of.items() if outcome != "passed"]
    return Result(len(outcomes.of), len(outcomes.of) - len(lost), "; ".join(lost[:3]))


def fuzzed(name: str, count: int) -> Result:
    """Reads mutated files of a format."""
    found: dict[str, Any] = fuzz(name, count)
    return Result(found["tried"], found["survived"], "; ".join(found["failures"][:3]))


LINES: dict[str, tuple[Attack, int, int]] = {
    **{f"SIGKILL: {name}": (partial(killed, name), 30, 2) for name in COMMANDS},
    **{f"twice at once: {name}": (partial(twice, name), 4, 1) for name in COMMANDS if name != "train"},
    "records of a run cut anywhere": (torn, 600, 6),
    **{name: (partial(by_tests, files), 1, 1) for name, files in ROOMS.items()},
    **{f"mutated files: {name}": (partial(fuzzed, name), 10_000, 20) for name in FORMATS},
}
"""What is tried -> the attack, how often, and how often when in a hurry."""


def read_results() -> dict[str, dict[str, Any]]:
    """The last results of the lines, in their order; without those that were never tried."""
    kept = RESULTS.read_text(encoding="utf-8").splitlines() if RESULTS.exists() else []
    last = {result["attack"]: result for result in map(json.loads, kept)}
    return {name: last[name] for name in LINES if name in last}


def table(results: dict[str, dict[str, Any]]) -> str:
    """Results as a Markdown table; it also has the lines that were never tried."""
    rows = ["| attack | tried | survived | on |", "|---|---:|---:|---|"]
    for name in LINES:
        if name not in results:
            rows.append(f"| {name} | 0 | 0 | not yet |")
            continue
        result = results[name]
        lost = f" ({result['note']})".replace("|", "/") if result["note"] else ""
        rows.append(f"| {name} | {result['tried']:,} | {result['survived']:,}{lost} | {result['date']} |")
    return "\n".join(rows) + "\n"


def main() -> int:
    """Tries the lines that are named, by default all; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lines", nargs="*", metavar="LINE", help="beginnings of lines of the table")
    parser.add_argument("--quick", action="store_true", help="try each line a few times")
    options = parser.parse_args()
    results = {} if options.quick else read_results()
    for name, (attack, often, quick) in LINES.items():
        if not options.lines or name.startswith(tuple(options.lines)):
            result = attack(quick if options.quick else often)
            today = datetime.datetime.now(datetime.UTC).date().isoformat()
            results[name] = {"attack": name, **result._asdict(), "date": today}
            print(json.dumps(results[name]), file=sys.stderr, flush=True)
            if not options.quick:
                RESULTS.write_text("".join(f"{json.dumps(one)}\n" for one in results.values()), encoding="utf-8")
    print(table(results))
    return int(not all(name in results and 0 < results[name]["tried"] == results[name]["survived"] for name in LINES))


if __name__ == "__main__":
    sys.exit(main())
