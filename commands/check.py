"""`check` and `stats`: whether a benchmark can be trusted, and how large it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.shared import DataFolder, local_data, mention_filter, output, progress

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from proactivebench.checking import CheckReport
    from proactivebench.counting import Comparison, Counts


@click.command()
@click.argument("data", type=DataFolder())
def check(data: Path | str) -> None:
    """Check a benchmark, built or downloaded: samples, frames, environments, files against the manifest.

    Frames are counted as files, each once, whatever crops of it samples show; `stats` counts views.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    """
    from proactivebench.checking import check_benchmark

    folder = local_data(data)
    with progress() as bars:
        report = check_benchmark(folder, bars)
    _check_table(report, output())
    mention_filter(folder)
    sys.exit(1 if report.problems else 0)


def _check_table(report: CheckReport, console: Console, shown: int = 20) -> None:
    """Prints what a check found: counts per scenario, and the first problems."""
    from commands.terminal import plain_table

    table = plain_table(["scenario"], ["samples", "frames", "categories"])
    for name, counts in report.counts.items():
        table.add_row(name, *(f"{counts[heading]:,}" for heading in ("samples", "frames", "categories")))
    console.print(table)
    for problem in report.problems[:shown]:
        console.print(problem, style="red", markup=False)
    if not report.problems:
        console.print("No problems.", style="green")
    else:
        more = len(report.problems) - shown
        said = f"{len(report.problems)} problem{'s' * (len(report.problems) > 1)}"
        console.print(said + (f", {more} more than shown." if more > 0 else "."))


@click.command()
@click.argument("data", type=DataFolder())
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def stats(data: Path | str, as_json: bool) -> None:
    """Count a benchmark beside the paper's: samples, images, categories, actions.

    Images are counted as the paper counts them, as views that a sample can show, so every crop of a photo is one;
    `check` counts files.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    """
    import json
    from dataclasses import asdict

    from proactivebench.counting import compare_with_paper

    folder = local_data(data)
    with progress() as bars:
        comparisons = compare_with_paper(folder, bars)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in comparisons], indent=2))
    else:
        _statistics_table(comparisons, output())
        _mention_first_views(comparisons)
        mention_filter(folder)


def _statistics_table(comparisons: Sequence[Comparison], console: Console) -> None:
    """Prints the size of a benchmark beside the paper's."""
    from rich.text import Text

    from commands.terminal import plain_table

    headings = ("samples", "images", "categories", "actions")
    table = plain_table(["built / paper"], headings, no_wrap=True)

    def shown(counts: Counts | None, heading: str) -> str:
        number = getattr(counts, heading) if counts else None
        return "-" if number is None else f"{number:,}"

    for one in comparisons:
        pairs = (
            Text.assemble(shown(one.built, heading), (f" / {shown(one.paper, heading)}", "dim")) for heading in headings
        )
        table.add_row(one.part, *pairs)
    console.print(table)


def _mention_first_views(comparisons: Iterable[Comparison]) -> None:
    """Says how much of the object the first views give away."""
    for one in comparisons:
        if one.first_views:
            views = one.first_views
            said = f"{one.part}: {views.none:.0%} of the first views show nothing of the object's box"
            said += f", half at most {views.median:.1%}, nine tenths at most {views.ninth_decile:.1%} of it"
            output().print(f"{said}, and none more than {views.most:.1%}.", soft_wrap=True)
