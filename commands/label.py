"""`label`: fill in the labels that a person has to give, in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from commands.report import PORT, require_libraries, serve_until_interrupted
from commands.shared import EXISTING_FOLDER

_TABLE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.argument("scenario")
@click.argument("table", type=_TABLE)
@click.option("--raw", type=EXISTING_FOLDER, required=True, help="Folder that holds the raw data, at any depth.")
@click.option("--beside", type=_TABLE, help="The table of a second person, who labelled a copy: shows the agreement.")
@PORT
def label(scenario: str, table: Path, raw: Path, beside: Path | None, port: int) -> None:
    """Fill in the TABLE that `build SCENARIO --propose TABLE` has made, in the browser.

    Every change is written to TABLE at once; `build` reads it as it would from a spreadsheet. Two people label a copy
    each.
    """
    require_libraries()
    from builders.registry import builders, proposing
    from proactivebench.reports.labelling import LabelSite
    from proactivebench.scenarios import get_scenario

    chosen = get_scenario(scenario)
    if chosen.name not in proposing():
        raise click.UsageError(f"{chosen.name} needs no labels by a person; {' and '.join(proposing())} does.")
    desk = builders()[chosen.name].desk(raw, table, beside)
    serve_until_interrupted(LabelSite(desk, f"{chosen.name}: {chosen.title}"), port)
