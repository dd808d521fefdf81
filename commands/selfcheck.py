"""`selfcheck`: whether a model's numbers are sound on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.model_options import MODEL_HELP, model_options
from commands.shared import DataFolder, console, local_data, output, quieten_loading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from proactivebench.evaluation.selfcheck import Finding
    from proactivebench.models.load import ModelOptions


@click.command()
@click.option("--model", "spec", required=True, help=MODEL_HELP)
@click.option("--data", type=DataFolder(), required=True, help="Folder of a benchmark, or hub:USER/NAME[@REVISION].")
@click.option("--scenario", "names", multiple=True, help="Take only this scenario; may be repeated.")
@click.option("--samples", type=click.IntRange(2), default=64, show_default=True, help="Samples to ask about.")
@model_options
def selfcheck(spec: str, data: Path | str, names: tuple[str, ...], samples: int, model_options: ModelOptions) -> None:
    """Ask a model whether its numbers are sound on this machine, before a long run.

    Do single requests and batches get the same replies? Does a grey picture of the same size change any? Does a run
    that was killed and continued end like an undisturbed one? Ends with exit code 1 where fewer than 90% of the replies
    are the same in the first or the last, or where the model does not look at pictures.
    """
    from rich.text import Text

    from proactivebench.benchmark import Benchmark
    from proactivebench.errors import ProactiveBenchError, UsageError
    from proactivebench.evaluation.selfcheck import selfcheck as check
    from proactivebench.models.load import load_model

    if model_options.cache is not None:
        raise UsageError("With --cache a reply would be compared with itself; leave it out.")
    benchmark = Benchmark.open(local_data(data, names))
    quieten_loading(spec)
    with console().status(Text(f"Loading {spec}")) as status:

        def say(text: str) -> None:
            status.update(Text(text))

        findings = check(benchmark, benchmark.chosen(names), lambda: load_model(spec, model_options), samples, say)
    _selfcheck_table(findings, output())
    if faults := [finding.reason for finding in findings if finding.verdict == "bad"]:
        raise ProactiveBenchError(f"{spec} fails: {'; '.join(faults)}.")


def _selfcheck_table(findings: Sequence[Finding], console: Console) -> None:
    """Prints what a model's check of itself has found."""
    from rich.table import Table
    from rich.text import Text

    table = Table("replies", "the same", "of", "share", "verdict", "because", box=None, header_style="bold")
    for column in table.columns[1:4]:
        column.justify = "right"
    colours = {"good": "green", "mind": "yellow", "bad": "red", "not asked": "dim"}
    for one in findings:
        share = f"{one.equal / one.of:.1%}" if one.of else ""
        counts = (f"{one.equal:,}", f"{one.of:,}") if one.of else ("", "")
        table.add_row(one.question, *counts, share, Text(one.verdict, colours[one.verdict]), one.reason)
    console.print(table)
