"""`compare`: two runs, sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.shared import EXISTING_FOLDER, console, output

if TYPE_CHECKING:
    from rich.console import Console

    from proactivebench.evaluation.comparison import Comparison


@click.command()
@click.argument("first", type=EXISTING_FOLDER)
@click.argument("second", type=EXISTING_FOLDER)
@click.option(
    "--forced",
    type=EXISTING_FOLDER,
    multiple=True,
    help="Forced run of FIRST's model, then that of SECOND's, to compare `when`; given once, it is that of both.",
)
def compare(first: Path, second: Path, forced: tuple[Path, ...]) -> None:
    """Compare two runs sample by sample: the difference SECOND - FIRST, its interval and a test.

    The difference is the mean over the samples that both runs played. Samples that are made of one thing (a video, an
    object) are not independent, so the interval is a bootstrap over sources, and p is that of a permutation test that
    flips the signs of whole sources at random: how often would the difference be at least as large by chance?

    Runs with free replies (evaluate --mode oeg) are compared by what their judges say.
    """
    from proactivebench.evaluation.comparison import compare_runs
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.work.folder import shown

    if len(forced) > 2:
        raise click.UsageError("--forced is given once, or once for each of the two runs.")
    answers = (forced[0], forced[-1]) if forced else None
    comparison = compare_runs(first, second, forced=answers)
    one, other = first.resolve().name, second.resolve().name
    if one == other:
        one, other = str(first), str(second)
    _comparison_table(comparison, one, other, output())
    measured = run_measured_on(first), run_measured_on(second)
    for name, place in (("", measured[0]),) if measured[0] == measured[1] else zip((one, other), measured, strict=True):
        said = f"{name}: measured on {place}." if name else f"Measured on {place}."
        output().print(said, style="dim", markup=False, soft_wrap=True)
    if comparison.settings:
        settings = (f"{name}: {shown(before)} / {shown(after)}" for name, before, after in comparison.settings)
        said = f"The runs differ in {'; '.join(settings)}"
        console().print(said, style="yellow", markup=False, soft_wrap=True)
    played = " and ".join(f"{n:,}" for n in comparison.played)
    said = f"{comparison.shared:,} episodes have a score in both runs, of {played}."
    console().print(said, markup=False, soft_wrap=True)


def _comparison_table(comparison: Comparison, first: str, second: str, console: Console) -> None:
    """Prints the paired differences between two runs of some names."""
    from commands.terminal import SCORES, plain_table

    table = plain_table(["scenario", "score"], ["n", first, second, "difference", "95% interval", "p"])
    for one in comparison.differences:
        heading, scale, digits = SCORES[one.score]
        heading += ", published reading" * one.published
        low, high = one.change.interval
        values = (f"{scale * value:.{digits}f}" for value in (one.first, one.second))
        change = f"{scale * one.change.mean:+.{digits}f}"
        interval = f"{scale * low:+.{digits}f} to {scale * high:+.{digits}f}"
        table.add_row(one.scenario, heading, f"{one.n:,}", *values, change, interval, f"{one.p_value:.4f}")
    console.print(table)
