"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from builders.pipeline.parts import BuildReport
    from proactivebench import counting as statistics
    from proactivebench.checking import CheckReport
    from proactivebench.evaluation.comparison import Comparison
    from proactivebench.evaluation.leak_filter import FilteredScenario
    from proactivebench.evaluation.selfcheck import Finding


_ANSWERS = {"suggestion": "asks", "abstention": "abst.", "category": "names", "unreadable": "none"}
_SCORES = {
    "acc": ("acc %", 100, 1),
    "psr": ("psr", 1, 2),
    "cc": ("cc %", 100, 1),
    "ps": ("ps %", 100, 1),
    "agg": ("agg %", 100, 1),
}
"""Score -> its heading, what it is multiplied with, and decimals."""


def _percent(value: float) -> str:
    return "<1%" if 0 < value < 0.005 else f"{100 * value:.0f}%"


def _score(scores: Mapping[str, Any], name: str) -> str:
    if scores.get(name) is None:
        return ""
    _, scale, digits = _SCORES[name]
    low, high = scores[f"{name}_ci95"]
    known = high > low or scores[f"{name}_se"] is not None
    half = f"{scale * (high - low) / 2:.{digits}f}" if known else f"{'-':>{digits + 2}}"
    return f"{scale * scores[name]:.{digits}f} [dim]±{half}[/dim]"


def _rows(name: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The rows of one run: name, scenario and scores; the last one for the average of those that have scores."""
    for scenario, scores in metrics["scenarios"].items():
        yield name, scenario, scores
    scored = sum(any(score in scores for score in _SCORES) for scores in metrics["scenarios"].values())
    if scored > 1:
        yield name, f"macro average of {scored}", metrics["average"]


def metrics_table(runs: Mapping[str, Mapping[str, Any]], console: Console, measured: str) -> None:
    """Prints the scores of some runs, a row per run and scenario.

    ± is half of the 95% interval; `-` where a single source says nothing about it. Below the table stands what a reader
    of the scores must know: that most replies were unreadable, with some of them, and what unreadable judgements do.

    Args:
        runs: Name -> metrics as `compute_metrics` gives them.
        console: Where to print.
        measured: What they were measured on.
    """
    rows = [row for name, metrics in runs.items() for row in _rows(name, metrics)]
    shown = [score for score in _SCORES if any(scores.get(score) is not None for _, _, scores in rows)]
    answers = _ANSWERS if any("answers" in scores for _, _, scores in rows) else {}
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in (["model"] if len(runs) > 1 else []) + ["scenario"]:
        table.add_column(heading, no_wrap=True)
    for heading in ("n", "err.", "ref.", *(_SCORES[score][0] for score in shown), *answers.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, scenario, scores in rows:
        errors = scores.get("errors", 0) + scores.get("judge_errors", 0)
        refused = scores.get("refused", 0)
        cells = [scenario, *([f"{scores['n']:,}", f"{errors:,}", f"{refused:,}"] if "n" in scores else [""] * 3)]
        cells += [_score(scores, score) for score in shown]
        cells += [_percent(scores["answers"][kind]) if "answers" in scores else "" for kind in answers]
        table.add_row(*([name] if len(runs) > 1 else []), *cells, style=None if "n" in scores else "bold")
    console.print(table)
    console.print(f"Measured on {measured}.", style="dim", markup=False, soft_wrap=True)
    for name, metrics in runs.items():
        _tell_other_models(name, metrics, console)
        _warn_of_unreadable(name, metrics, console)
        _tell_published_reading(name, metrics, console)


def _total(metrics: Mapping[str, Any], count: str) -> int:
    return sum(scores.get(count, 0) for scores in metrics["scenarios"].values())


def _tell_other_models(name: str, metrics: Mapping[str, Any], console: Console) -> None:
    """Says which models answered where a server names others than the one that was asked."""
    if others := metrics.get("answered_by"):
        named = ", ".join(f"{model} ({replies:,} replies)" for model, replies in others.items())
        console.print(f"{name}: the server says who answered: {named}.", style="yellow", markup=False, soft_wrap=True)


def _warn_of_unreadable(name: str, metrics: Mapping[str, Any], console: Console) -> None:
    """Says that the scores of a run mean little, where most of its episodes ended with an unreadable reply."""
    unreadable, played = _total(metrics, "unreadable"), _total(metrics, "n")
    if 2 * unreadable <= played:
        return
    said = f"{name}: {unreadable:,} of {played:,} episodes ended with a reply that names no option, so the scores say "
    console.print(f"{said}little about what the model knows. Such replies are:", style="bold red", markup=False)
    for one in metrics["unreadable_replies"]:
        reply = ascii(one["reply"]) if one["reply"].strip() else "(empty)"
        console.print(f"  {one['scenario']} {one['id']}: {reply}", style="red", markup=False)


def _tell_published_reading(name: str, metrics: Mapping[str, Any], console: Console) -> None:
    """Gives the scores of a judged run as the published package counts them, where that makes a difference."""
    unreadable = _total(metrics, "judge_unreadable")
    if not unreadable:
        return
    said = f"{name}: {unreadable:,} outputs of the judge could not be read and are left out above. With the published "
    console.print(f"{said}reading, which counts them as 0, 0, 0:", markup=False)
    for _, scenario, scores in _rows(name, metrics):
        published = scores.get("published_reading", {})
        values = (f"{_SCORES[score][0]} {_score(published, score)}" for score in ("cc", "ps", "agg"))
        console.print(f"  {scenario}: {', '.join(values)}")


def filter_table(report: Sequence[FilteredScenario], console: Console) -> None:
    """Prints what the leak filter did."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("scenario")
    for heading in ("samples", "kept", "right in turn 1, before", "after"):
        table.add_column(heading, justify="right")
    for one in report:
        after = "" if one.accuracy_after is None else f"{one.accuracy_after:.1%}"
        table.add_row(one.name, f"{one.samples:,}", f"{len(one.kept):,}", f"{one.accuracy_before:.1%}", after)
    console.print(table)


def comparison_table(comparison: Comparison, first: str, second: str, console: Console) -> None:
    """Prints the paired differences between two runs of some names."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("scenario", "score"):
        table.add_column(heading)
    for heading in ("n", first, second, "difference", "95% interval", "p"):
        table.add_column(Text(heading), justify="right")
    for one in comparison.differences:
        heading, scale, digits = _SCORES[one.score]
        low, high = one.change.interval
        values = (f"{scale * value:.{digits}f}" for value in (one.first, one.second))
        change = f"{scale * one.change.mean:+.{digits}f}"
        interval = f"{scale * low:+.{digits}f} to {scale * high:+.{digits}f}"
        table.add_row(one.scenario, heading, f"{one.n:,}", *values, change, interval, f"{one.p_value:.4f}")
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
    if (more := len(report.problems) - shown) > 0:
        console.print(f"  and {more:,} more problem{'s' * (more > 1)} in the raw data")


def statistics_table(comparisons: Sequence[statistics.Comparison], console: Console) -> None:
    """Prints the size of a benchmark beside the paper's."""
    headings = ("samples", "images", "categories", "actions")
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("built / paper")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)

    def shown(counts: statistics.Counts | None, heading: str) -> str:
        number = getattr(counts, heading) if counts else None
        return "-" if number is None else f"{number:,}"

    for one in comparisons:
        pairs = (f"{shown(one.built, heading)} [dim]/ {shown(one.paper, heading)}[/dim]" for heading in headings)
        table.add_row(one.part, *pairs)
    console.print(table)


def selfcheck_table(findings: Sequence[Finding], console: Console) -> None:
    """Prints what a model's check of itself has found."""
    table = Table("replies", "the same", "of", "share", "verdict", "because", box=None, header_style="bold")
    for column in table.columns[1:4]:
        column.justify = "right"
    colours = {"good": "green", "mind": "yellow", "bad": "red", "not asked": "dim"}
    for one in findings:
        share = f"{one.equal / one.of:.1%}" if one.of else ""
        counts = (f"{one.equal:,}", f"{one.of:,}") if one.of else ("", "")
        table.add_row(one.question, *counts, share, Text(one.verdict, colours[one.verdict]), one.reason)
    console.print(table)
