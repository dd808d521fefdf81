"""`import-inspect`: runs that other harnesses played come home."""

from __future__ import annotations

from pathlib import Path

import click

from commands.shared import FOLDER, console, output


@click.command("import-inspect")
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=FOLDER, required=True, help="Folder of the run; one that holds it gets what is missing.")
def import_inspect(log: Path, out: Path) -> None:
    """Make a run folder of LOG, which inspect_ai wrote of the task proactivebench/proactivebench.

    The log holds the record of every episode, so report, compare and leaderboard then have it like any other run.
    """
    from commands.terminal import metrics_table
    from proactivebench.errors import UsageError
    from proactivebench.evaluation.measured import run_measured_on

    try:
        from proactivebench.harnesses.inspect_log import import_log
    except ModuleNotFoundError as error:
        raise UsageError(
            f"Logs of inspect_ai need {error.name}: install it with pip install 'proactivebench-toolkit[inspect]'."
        ) from None
    metrics = import_log(log, out)
    metrics_table({out.name: metrics}, output(), run_measured_on(out))
    console().print(f"The run is in {out}.", markup=False, soft_wrap=True)
