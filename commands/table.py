"""`table`: the scores of runs as a table for a paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import EXISTING_FOLDER, console, output

if TYPE_CHECKING:
    from collections.abc import Sequence

_FORMATS = ("tex", "md", "csv", "json")


def _names(context: click.Context, option: click.Parameter, said: Sequence[str]) -> dict[Path, str]:
    """Folder of a run -> what it is called."""
    names = {}
    for words in said:
        folder, sign, name = words.partition("=")
        if not (sign and folder and name.strip()):
            raise click.BadParameter(f"{words!r} is not of the form RUN=NAME, with the folder of a run.")
        names[Path(folder).resolve()] = name.strip()
    return names


@click.command()
@click.argument("runs", nargs=-1, required=True, type=EXISTING_FOLDER)
@click.option("--format", "ending", type=click.Choice(_FORMATS), help="By default as --out ends, or tex.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="File for the table; else it is printed.")
@click.option(
    "--name",
    "names",
    metavar="RUN=NAME",
    multiple=True,
    callback=_names,
    help="What a run is called; may be repeated. Runs of one name (seeds) become one row: mean and standard deviation.",
)
@click.option("--scenario", "scenarios", multiple=True, help="Show only this scenario; may be repeated.")
@click.option("--measure", "measures", multiple=True, help="Show only this score (acc, psr ...); may be repeated.")
@click.option("--average-only", is_flag=True, help="Leave out the scenarios and show their macro average alone.")
@click.option("--side-by-side", is_flag=True, help="Put settings (hint, history ...) beside each other in one table.")
@click.option(
    "--interval",
    type=click.Choice(["plus-minus", "range", "none"]),
    default="plus-minus",
    show_default=True,
    help="How 95% intervals are printed.",
)
@click.option("--caption", default="", help="What stands in front of the caption.")
@click.option("--label", default="tab:proactivebench", show_default=True, help="What the table is called in LaTeX.")
@click.option("--compare", type=click.Choice(["paper"]), help="Place the runs among the paper's 22 models.")
@click.option(
    "--data",
    type=EXISTING_FOLDER,
    multiple=True,
    help="Folder of a benchmark, for runs whose data have moved; may be repeated.",
)
def table(
    runs: tuple[Path, ...],
    ending: str | None,
    out: Path | None,
    scenarios: tuple[str, ...],
    compare: str | None,
    data: tuple[Path, ...],
    **style: Any,
) -> None:
    """Print the scores of one or several RUNS as a table for a paper, or to compute with.

    LaTeX needs the package booktabs. The best of a column is bold where it is better than every other run in it by a
    paired test. The caption says what was measured on which data, and why scores of the paper do not compare where that
    is so.
    """
    from dataclasses import replace

    from proactivebench.errors import UsageError
    from proactivebench.reports.runs import load_runs
    from proactivebench.reports.score_files import WRITERS
    from proactivebench.reports.scores import score_tables
    from proactivebench.reports.sheets import Style
    from proactivebench.work.files import write_whole

    ending = ending or (out.suffix.removeprefix(".") if out else "tex")
    if ending not in _FORMATS:
        raise UsageError(f"{out}: the ending says the format, one of {', '.join(_FORMATS)}; or use --format.")
    names = style["names"]
    if strange := [folder for folder in names if folder not in {run.resolve() for run in runs}]:
        raise UsageError(f"--name calls {strange[0]} something, which is not one of the runs.")
    loaded = [run.only(scenarios) for run in load_runs(runs, data)]
    called = [replace(run, name=names.get(run.folder.resolve(), run.name)) for run in loaded]
    text = WRITERS[ending](score_tables(called, compare_paper=compare == "paper"), Style(**style))
    if out is None:
        output().print(text, end="", soft_wrap=True)
    else:
        write_whole(out, [text.encode()])
        console().print(f"Written to {out}.", soft_wrap=True)
