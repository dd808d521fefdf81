"""`make attack`: everything that was ever tried against this toolkit, tried again; prints the table of SECURITY.md.

    python -m tests.attack [--quick] [LINE...]

A line says what was tried, how often, and how often it was survived: nothing lost, mixed, leaked or let out, no
traceback, and the same bytes as without the attack. Some lines are kills and mutated files, which are as many as one
likes; the others are groups of tests, each case of which is one attempt. `--quick` tries each line a few times. The
exit code is 1 where something was not survived, or not tried.
"""

from __future__ import annotations

import argparse
import datetime
import sys
from collections.abc import Callable
from functools import partial

import pytest

from tests.attack.kills import COMMANDS, Result, killed, torn, twice
from tests.raw_sources.fuzz_formats import FORMATS
from tests.raw_sources.fuzz_readers import fuzz

ROOMS = {
    "archives that are hostile, damaged or too large": ["tests/raw_sources/test_archives.py"],
    "pickles that would run code, lists and tables that are damaged": [
        "tests/raw_sources/test_pickles.py",
        "tests/raw_sources/test_mvpn_source.py",
        "tests/raw_sources/test_changeit_source.py",
    ],
    "videos and pictures that are odd": ["tests/raw_sources/test_video.py", "tests/core/test_images.py"],
    "downloads that break, change, lie or never end": [
        "tests/raw_sources/test_download.py",
        "tests/raw_sources/test_fetch.py",
    ],
    "a Hub that breaks, lies or repeats the key": [
        "tests/builders/hub/test_pull.py",
        "tests/builders/hub/test_publish.py",
    ],
    "servers that fail, abort, hang, flood or send elsewhere": [
        "tests/models/test_openai_model.py",
        "tests/models/test_completions.py",
    ],
    "model folders with code, pickles or missing weights": ["tests/models/test_model_files.py"],
    "replies kept by damaged caches": ["tests/models/test_cache.py"],
    "samples of strangers": ["tests/core/test_check.py", "tests/scenarios/test_samples.py"],
    "runs of strangers, pictures that changed": ["tests/evaluation/test_data_identity.py"],
    "runs that are killed, interrupted or joined": [
        "tests/evaluation/test_reliability.py",
        "tests/evaluation/test_ranks.py",
    ],
    "pages: injected texts, loads from elsewhere": ["tests/reports/test_report_page.py"],
    "the local server: other hosts, other pages, traversal, odd requests": ["tests/reports/test_play.py"],
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


def tested(files: list[str], _: int) -> Result:
    """Runs tests; one that is skipped was not survived."""
    outcomes = _Outcomes()
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", "--disable-warnings", *files], plugins=[outcomes])
    lost = [f"{name.rpartition('::')[2]} {outcome}" for name, outcome in outcomes.of.items() if outcome != "passed"]
    return Result(len(outcomes.of), len(outcomes.of) - len(lost), "; ".join(lost[:3]))


def fuzzed(name: str, count: int) -> Result:
    """Reads mutated files of a format."""
    found = fuzz(name, count)
    failures = found["failures"]
    assert isinstance(failures, list)
    tried, survived = int(str(found["tried"])), int(str(found["survived"]))
    return Result(tried, survived, "; ".join(map(str, failures[:3])))


LINES: dict[str, tuple[Attack, int, int]] = {
    **{f"SIGKILL: {name}": (partial(killed, name), 20, 2) for name in COMMANDS},
    **{f"twice at once: {name}": (partial(twice, name), 8, 1) for name in COMMANDS if name != "train"},
    "records of a run cut anywhere": (torn, 600, 6),
    **{name: (partial(tested, files), 1, 1) for name, files in ROOMS.items()},
    **{f"mutated files: {name}": (partial(fuzzed, name), 10_000, 20) for name in FORMATS},
}
"""What is tried -> the attack, how often, and how often when in a hurry."""


def main() -> int:
    """Tries the lines that are named, by default all; returns the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("lines", nargs="*", metavar="LINE", help="beginnings of lines of the table")
    parser.add_argument("--quick", action="store_true", help="try each line a few times")
    options = parser.parse_args()
    rows = [f"Tried on {datetime.datetime.now(datetime.UTC):%Y-%m-%d}:", "", "| attack | tried | survived | lost |"]
    rows.append("|---|---:|---:|---|")
    fine = True
    for name, (attack, often, quick) in LINES.items():
        if options.lines and not name.startswith(tuple(options.lines)):
            continue
        result = attack(quick if options.quick else often)
        fine &= 0 < result.tried == result.survived
        rows.append(f"| {name} | {result.tried:,} | {result.survived:,} | {result.note.replace('|', '/')} |")
        print(rows[-1], file=sys.stderr, flush=True)
    print("\n".join(rows))
    return int(not fine)


if __name__ == "__main__":
    sys.exit(main())
