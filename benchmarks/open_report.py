"""How long a report of a whole benchmark (7,557 episodes) takes to open, from the disk, in a real browser.

    python benchmarks/open_report.py

Makes a benchmark of repeated bundled drawings in a temporary folder, plays it with the scripted model `random`, writes
the report and opens it. Prints one JSON line: seconds to write the report, to open it until the first episode is shown
with its picture, and, as baseline, to the same point when every entry is loaded first, as one file would have to.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from rich.progress import Progress

from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.report import PAGE, write_report
from proactivebench.reports.runs import load_runs
from proactivebench.samples import read_samples, write_samples
from proactivebench.scenarios import QD
from raw_sources.quickdraw import QuickDraw

EPISODES = 7557
DRAWINGS = Path(__file__).parent.parent / "raw_sources" / "bundled" / "quickdraw"


def play(folder: Path) -> Path:
    """Plays a benchmark of that many samples and returns the run."""
    build(QuickDrawBuilder(QuickDraw.locate(DRAWINGS)), folder / "data")
    benchmark = Benchmark.open(folder / "data")
    path = benchmark.path(QD)
    samples = list(read_samples(path, QD))
    repeated = (samples[i % len(samples)].model_copy(update={"id": i}) for i in range(EPISODES))
    write_samples(path, repeated)
    engine.evaluate(benchmark, [QD], ScriptedModel("random"), Settings(), folder / "run")
    return folder / "run"


def seconds_to_open(page: Page, address: str, *, load_everything: bool) -> float:
    """Seconds until an episode and its picture are shown."""
    start = time.perf_counter()
    page.goto(address)
    if load_everything:
        page.locator("input[name=search]").fill("quickdraw/apple")
        page.locator("#count", has_text=" of ").wait_for()
    page.locator("#entry .turn img").first.scroll_into_view_if_needed()
    return time.perf_counter() - start


def main() -> None:
    """Prints the measurements."""
    browser_path = shutil.which("chromium") or sys.exit("needs Chromium (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        runs = load_runs([play(folder)])
        start = time.perf_counter()
        with Progress(disable=True) as progress:
            write_report(runs, folder / "report", progress)
        result: dict[str, object] = {
            "benchmark": "open_report",
            "episodes": EPISODES,
            "write_s": round(time.perf_counter() - start, 2),
        }
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=browser_path)
            for label, everything in (("open_s", False), ("open_with_everything_s", True)):
                page = browser.new_page()
                result[label] = round(
                    seconds_to_open(page, (folder / "report" / PAGE).as_uri(), load_everything=everything), 2
                )
                page.close()
            browser.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
