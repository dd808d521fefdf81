"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from builders.pipeline import BuildReport
    from proactivebench.checking import CheckReport


_ANSWERS = {"suggestion": "asks", "abstention": "abst.", "category": "names", "unreadable": "none"}


def _percent(value: float) -> str:
    return f"{100 * value:.0f}%"


def _with_interval(scores: Mapping[str, Any], name: str, scale: float, digits: int) -> str:
    low, high = scores[f"{name}_ci95"]
    return f"{scale * scores[name]:.{digits}f} [dim]±{scale * (high - low) / 2:.{digits}f}[/dim]"


def metrics_table(runs: Mapping[str, Mapping[str, Any]], console: Console) -> None:
    """Prints the scores of some runs, a row per run and scenario; ± is half of the 95% interval.

    Args:
        runs: Name -> metrics as `compute_metrics` gives them.
        console: Where to print.
    """
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("model", "scenario") if len(runs) > 1 else ("scenario",):
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "err.", "acc %", "psr", *_ANSWERS.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, metrics in runs.items():
        label = [name] if len(runs) > 1 else []
        for scenario, scores in metrics["scenarios"].items():
            cells = [*label, scenario, str(scores["n"]), str(scores["errors"])]
            if scores["n"]:
                cells += [_with_interval(scores, "acc", 100, 1), _with_interval(scores, "psr", 1, 2)]
                cells += [_percent(scores["answers"][kind]) for kind in _ANSWERS]
            table.add_row(*cells)
        average = metrics["average"]
        if len(metrics["scenarios"]) > 1 and average["acc"] is not None:
            both = _with_interval(average, "acc", 100, 1), _with_interval(average, "psr", 1, 2)
            table.add_row(*label, "average", "", "", *both, style="bold")
    console.print(table)


def check_table(report: CheckReport, console: Console, shown: int = 20) -> None:
    """Prints what a check found: counts per scenario, and the first problems."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario")
    for heading in ("samples", "frames", "categories"):
        table.add_column(heading, justify="right")
    for name, counts in report.counts.items():
        table.add_row(name, *(f"{counts[heading]:,}" for heading in ("samples", "frames", "categories")))
    console.print(table)
    for problem in report.problems[:shown]:
        console.print(problem, style="red", markup=False)
    if not report.problems:
        console.print("No problems.", style="green")
    else:
        more = len(report.problems) - shown
        console.print(f"{len(report.problems)} problems" + (f", {more} more than shown." if more > 0 else "."))


def build_table(report: BuildReport, console: Console, shown: int = 10) -> None:
    """Prints what a build gave: counts, what was left out and why, and the first problems of the raw data."""
    done = "was there already" if report.up_to_date else "built"
    console.print(f"{report.scenario} {done}: {report.samples:,} samples, {report.frames:,} frames.", style="bold")
    for reason, count in report.skip_reasons.most_common(shown):
        console.print(f"  left out: {count:,} x {reason}", markup=False)
    for problem in report.problems[:shown]:
        console.print(f"  {problem}", style="yellow", markup=False)
    if len(report.problems) > shown:
        console.print(f"  and {len(report.problems) - shown:,} more problems in the raw data")
