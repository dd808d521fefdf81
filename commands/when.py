"""`when`: does a model know when to ask? A run beside the forced answers of the same model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import EXISTING_FOLDER, console, output

if TYPE_CHECKING:
    from rich.console import Console

_COLUMNS = {
    "acc": ("acc %", 100, 1),
    "psr": ("psr", 1, 2),
    "coin": ("coin", 100, 1),
    "threshold": ("threshold", 100, 1),
    "foresight": ("foresight", 100, 1),
    "when": ("when", 1, 2),
    "asks_where_right": ("asks, right", 100, 0),
    "asks_where_wrong": ("wrong", 100, 0),
    "break_even": ("pays below", 1, 2),
}
"""Number -> its heading, what it is multiplied with, and decimals."""


@click.command()
@click.argument("run", type=EXISTING_FOLDER)
@click.option("--forced", type=EXISTING_FOLDER, required=True, help="Run of the same model with --mode forced.")
def when(run: Path, forced: Path) -> None:
    """Does the model of RUN know when to ask? Hold its run against its own forced answers.

    Beside accuracy stands what others would reach with the same answers and as many suggestions: a coin that asks at
    random, a threshold on the model's confidence where it gives one, and foresight, which knows where the answer is
    right. `when` is 0 for a coin and 1 for foresight. docs/when.md has the definitions. The numbers are also in RUN,
    as when.json.
    """
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.evaluation.run_log import read_run
    from proactivebench.evaluation.when import WHEN, measure_run
    from proactivebench.evaluation.who import called, weights

    found = measure_run(run, forced)
    _table(found, output())
    _utility_table(found["average"], output())
    output().print(f"Measured on {run_measured_on(run)}.", style="dim", markup=False, soft_wrap=True)
    mine, theirs = (read_run(folder).model for folder in (run, forced))
    if weights(mine) != weights(theirs):
        names = called(mine), called(theirs)
        which = "" if names[0] != names[1] else " with other weights"
        said = f"The forced answers are those of {names[1]}{which}, not of {names[0]}: this is not a measure of it."
        console().print(said, style="yellow", markup=False, soft_wrap=True)
    console().print(f"Everything, with all intervals, is in {run / WHEN}.", markup=False, soft_wrap=True)


def _table(found: Mapping[str, Any], console: Console) -> None:
    """Prints the numbers of every scenario and their averages; the interval of `when` stands beside it."""
    from commands.terminal import plain_table

    shown = [name for name in _COLUMNS if name in found["average"]]
    headings = [heading for name in shown for heading in [_COLUMNS[name][0], *["95%"] * (name == "when")]]
    table = plain_table(["scenario"], ["n", *headings])
    rows = dict(found["scenarios"])
    if len(rows) > 1:
        rows[f"macro average of {len(rows)}"] = found["average"]
    for scenario, scores in rows.items():
        cells = [f"{scores['n']:,}" if "n" in scores else ""]
        for name in shown:
            _, scale, digits = _COLUMNS[name]
            cells.append("-" if scores[name] is None else f"{scale * scores[name]:.{digits}f}")
            if name == "when":
                low_high = scores["when_ci95"]
                cells.append("-" if low_high is None else f"{low_high[0]:.2f} to {low_high[1]:.2f}")
        table.add_row(scenario, *cells)
    console.print(table)


def _utility_table(found: Mapping[str, Any], console: Console) -> None:
    """Prints what is left of the accuracy when suggestions cost something, averaged over scenarios."""
    from commands.terminal import plain_table

    names = [name for name in found["utility"][0] if name != "cost"]
    table = plain_table(["a suggestion costs"], names)
    for row in found["utility"]:
        table.add_row(f"{row['cost']:g}", *(f"{100 * row[name]:.1f}" for name in names))
    console.print("\nacc - cost x psr, in percent:")
    console.print(table)
    if (even := found["break_even"]) is not None:
        low, high = found["break_even_ci95"]
        said = (
            "guessing is better at any cost"
            if even <= 0
            else f"the run beats guessing while one costs less than {even:.2f}"
        )
        console.print(f"{said[0].upper()}{said[1:]} (95%: {low:.2f} to {high:.2f}).", soft_wrap=True)
