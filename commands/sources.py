"""`sources` and `fetch`: which raw data there are, and how to get them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.shared import EXISTING_FOLDER, FOLDER, download_progress, output

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from raw_sources.catalog import CatalogEntry


WIDTH = 110
"""Columns of the table of sources, also where no terminal limits them: longer texts are broken."""


@click.command()
@click.option("--raw", type=EXISTING_FOLDER, help="Verify which sources are present in this folder.")
@click.option(
    "--problems",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Show at most this many problems per source.",
)
def sources(raw: Path | None, problems: int) -> None:
    """Show the raw data sets: licence, size, how to get each; with --raw also what is there and what is missing."""
    from rich.table import Table

    from proactivebench.scenarios import SCENARIOS
    from raw_sources.registry import sources_table

    if raw is None:
        table = Table(box=None, pad_edge=False, header_style="bold", width=min(output().width, WIDTH))
        makes = {source: one.name for one in SCENARIOS.values() for source in one.sources}
        for heading in ("source", "scenario", "licence", "size", "fetch"):
            table.add_column(heading, overflow="fold", no_wrap=heading in ("source", "scenario", "fetch"))
        for row in sources_table():
            said = (row.entry.licence, row.entry.size or "not known", row.how)
            table.add_row(row.entry.name, makes.get(row.entry.name, ""), *said)
        output().print(table)
        output().print("`proactivebench fetch SOURCE --raw RAW` downloads a source or shows the steps to get it.")
        return
    for row in sources_table(raw):
        output().print(row.entry.name, style="bold", end=": ")
        if row.found is None:
            output().print(row.error or "not found", markup=False, soft_wrap=True)
            continue
        output().print(", ".join(f"{count:,} {name}" for name, count in row.found.counts.items()), soft_wrap=True)
        for problem in row.found.problems[:problems]:
            output().print(f"  {problem}", style="yellow", markup=False, soft_wrap=True)
        if (more := len(row.found.problems) - problems) > 0:
            output().print(f"  and {more:,} more problem{'s' * (more > 1)}", style="yellow")


@click.command()
@click.argument("source")
@click.argument("parts", nargs=-1)
@click.option("--raw", type=FOLDER, required=True, help="Folder of the raw data; created if missing.")
def fetch(source: str, parts: tuple[str, ...], raw: Path) -> None:
    """Get a raw SOURCE, or the steps to get it; PARTS are some of its files (val2014, cat).

    SOURCE is a name that `proactivebench sources` lists, or the scenario that is made from it (QD).
    Downloads resume where they stopped, are verified, and are unpacked safely.
    """
    from raw_sources.fetch import fetch as fetch_source

    with download_progress() as bars:
        fetched = fetch_source(find_entry(source), raw, parts, _Screen(bars))
    for path in fetched.ready:
        output().print(f"{path} is there.", soft_wrap=True, markup=False)
    if fetched.steps:
        output().print("Remaining manual steps:")
        for number, step in enumerate(fetched.steps, start=1):
            output().print(f"{number}. {step}", soft_wrap=True, markup=False)


class _Screen:
    """Shows on the terminal what `fetch` tells."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._task: TaskID | None = None
        self._what = ""

    def moved(self, what: str, done: int, total: int | None) -> None:
        if what != self._what:
            if self._task is not None:
                self._bars.remove_task(self._task)
            self._what, self._task = what, self._bars.add_task(what, total=total)
        if self._task is not None:
            self._bars.update(self._task, completed=done, total=total)

    def waits(self, why: str, seconds: float) -> None:
        said = f"{why} Trying again in {seconds:.0f} s."
        self._bars.console.print(said, style="yellow", markup=False, soft_wrap=True)


def find_entry(name: str) -> CatalogEntry:
    """The catalogue's entry of a source, by its name or that of the scenario made from it.

    Raises:
        UnknownNameError: There is no source of that name.
    """
    from proactivebench.errors import UsageError
    from proactivebench.scenarios import get_scenario
    from raw_sources.registry import get_entry

    with suppress(UsageError, ValueError):  # some sources have no scenario, and some scenarios several sources
        [name] = get_scenario(name).sources
    return get_entry(name)
