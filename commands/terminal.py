"""What several commands show on the terminal: how far a run is, and the scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from proactivebench.evaluation.watcher import Finished, Watcher

if TYPE_CHECKING:
    from proactivebench.evaluation.judging import JudgedReply
    from proactivebench.evaluation.records import Episode


_ANSWERS = {"suggestion": "asks", "abstention": "abst.", "category": "names", "unreadable": "none"}
SCORES = {
    "acc": ("acc %", 100, 1),
    "psr": ("psr", 1, 2),
    "when": ("when", 1, 2),
    "cost": ("cost", 1, 2),
    "cc": ("cc %", 100, 1),
    "ps": ("ps %", 100, 1),
    "agg": ("agg %", 100, 1),
}
"""Score -> its heading, what it is multiplied with, and decimals."""


MANY = 0.1
"""Share of the episodes with a cut reply above which the table says so."""


def plain_table(left: Iterable[str], right: Iterable[str], no_wrap: bool = False) -> Table:
    """An empty table without lines; texts stand on the left, numbers on the right of their columns."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in left:
        table.add_column(Text(heading), no_wrap=no_wrap)
    for heading in right:
        table.add_column(Text(heading), justify="right", no_wrap=no_wrap)
    return table


def _percent(value: float) -> str:
    return "<1%" if 0 < value < 0.005 else f"{100 * value:.0f}%"


def _score(scores: Mapping[str, Any], name: str) -> Text:
    if scores.get(name) is None:
        return Text("")
    _, scale, digits = SCORES[name]
    low, high = scores[f"{name}_ci95"]
    known = high > low or scores[f"{name}_se"] is not None
    half = f"{scale * (high - low) / 2:.{digits}f}" if known else f"{'-':>{digits + 2}}"
    return Text.assemble(f"{scale * scores[name]:.{digits}f} ", (f"±{half}", "dim"))


def _rows(name: str, metrics: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """The rows of one run: name, scenario and scores; the last one for the average of those that have scores."""
    for scenario, scores in metrics["scenarios"].items():
        yield name, scenario, scores
    scored = sum(any(score in scores for score in SCORES) for scores in metrics["scenarios"].values())
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
    shown = [score for score in SCORES if any(scores.get(score) is not None for _, _, scores in rows)]
    answers = _ANSWERS if any("answers" in scores for _, _, scores in rows) else {}
    headings = ("n", "err.", "ref.", "cut", *(SCORES[score][0] for score in shown), *answers.values())
    table = plain_table(["model", "scenario"] if len(runs) > 1 else ["scenario"], headings, no_wrap=True)
    for name, scenario, scores in rows:
        errors = scores.get("errors", 0) + scores.get("judge_errors", 0)
        counts = [scores["n"], errors, scores["refused"], scores["cut"]] if "n" in scores else []
        cells: list[str | Text] = [scenario, *([f"{count:,}" for count in counts] or [""] * 4)]
        cells += [_score(scores, score) for score in shown]
        cells += [_percent(scores["answers"][kind]) if "answers" in scores else "" for kind in answers]
        table.add_row(*([name] if len(runs) > 1 else []), *cells, style=None if "n" in scores else "bold")
    console.print(table)
    console.print(f"Measured on {measured}.", style="dim", markup=False, soft_wrap=True)
    for name, metrics in runs.items():
        _tell_other_models(name, metrics, console)
        _warn_of_unreadable(name, metrics, console)
        _warn_of_cut(name, metrics, console)
        _tell_published_reading(name, metrics, console)


def _total(metrics: Mapping[str, Any], count: str) -> int:
    return sum(scores.get(count, 0) for scores in metrics["scenarios"].values())


def _tell_other_models(name: str, metrics: Mapping[str, Any], console: Console) -> None:
    """Says which models answered where a server names others than the one that was asked."""
    for key, whose in (("answered_by", ""), ("judge_answered_by", "judge's ")):
        if others := metrics.get(key):
            named = ", ".join(f"{model} ({replies:,} replies)" for model, replies in others.items())
            said = f"{name}: the {whose}server says who answered: {named}."
            console.print(said, style="yellow", markup=False, soft_wrap=True)


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


def _warn_of_cut(name: str, metrics: Mapping[str, Any], console: Console) -> None:
    """Says that replies had no room, where they are many."""
    cut, played = _total(metrics, "cut"), _total(metrics, "n")
    if cut > MANY * played:
        said = f"{name}: {cut:,} of {played:,} episodes hold a reply that was cut at the limit of tokens and scored as "
        console.print(f"{said}far as it goes. --max-new-tokens allows longer ones.", style="yellow", markup=False)


def _tell_published_reading(name: str, metrics: Mapping[str, Any], console: Console) -> None:
    """Gives the scores of a judged run as the published package counts them, where that makes a difference."""
    unreadable = _total(metrics, "judge_unreadable")
    if not unreadable:
        return
    said = f"{name}: {unreadable:,} outputs of the judge could not be read and are left out above. With the published "
    console.print(f"{said}reading, which takes them for 0, 0, 0:", markup=False)
    for _, scenario, scores in _rows(name, metrics):
        published = scores.get("published_reading", {})
        values = (f"{SCORES[score][0]} {_score(published, score)}" for score in SCORES if score in published)
        console.print(f"  {scenario}: {', '.join(values)}")


class _CountingProgress(Progress, Watcher[Finished]):
    """A bar that first says what is going on, and then how far it is; not even an empty line where nobody watches."""

    def __init__(self, console: Console):
        super().__init__(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=not console.is_interactive,
        )
        self._bar = self.add_task("", total=None)
        self._done = self._errors = 0

    def say(self, text: str) -> None:
        """Shows what is going on before the first piece is done."""
        self.update(self._bar, description=text)

    def check(self, done: int, total: int) -> None:
        """Shows how much of the pictures was read to tell them from others."""
        self.say(f"Checking pictures: {done / total:.0%}")

    def begin(self, total: int, done: int) -> None:
        """Begins with `done` of `total` pieces finished earlier."""
        self.update(self._bar, description="", total=total, completed=done)

    def note(self, said: str) -> None:
        """Prints a sentence that stays."""
        self.console.print(said, style="yellow", markup=False, soft_wrap=True)

    def _count(self, failed: bool, scores: str) -> None:
        self._errors += failed
        self._done += not failed
        errors = f"  errors {self._errors}" if self._errors else ""
        self.update(self._bar, advance=1, description=scores + errors)


class RunProgress(_CountingProgress["Episode"]):
    """The progress of a run, with the scores so far."""

    _correct = _suggestions = 0

    def count(self, finished: Episode) -> None:
        """Counts an episode that has ended."""
        failed = finished.error is not None
        if not failed:
            self._correct += finished.correct
            self._suggestions += len(finished.turns) - 1
        played = max(1, self._done + (not failed))
        psr = "" if finished.forced else f"  psr {self._suggestions / played:.2f}"
        self._count(failed, f"acc {self._correct / played:.1%}{psr}")


class JudgeProgress(_CountingProgress["JudgedReply"]):
    """The progress of a judge, with the scores so far."""

    _categories = _suggestions = 0

    def count(self, finished: JudgedReply) -> None:
        """Counts a reply that was judged."""
        failed = finished.error is not None
        self._categories += finished.category
        self._suggestions += finished.suggestion
        judged = max(1, self._done + (not failed))
        self._count(failed, f"cc {self._categories / judged:.1%}  ps {self._suggestions / judged:.1%}")
