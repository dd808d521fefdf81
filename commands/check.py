"""`check` and `stats`: whether a benchmark can be trusted, and how large it is."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from commands.shared import DataFolder, local_data, mention_filter, output, progress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from proactivebench.counting import Comparison


@click.command()
@click.argument("data", type=DataFolder())
def check(data: Path | str) -> None:
    """Check a benchmark, built or downloaded: samples, frames, environments, files against the manifest.

    Frames are counted as files, each once, whatever crops of it samples show; `stats` counts views.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    """
    from proactivebench.checking import check_benchmark
    from proactivebench.reports.tables import check_table

    folder = local_data(data)
    with progress() as bars:
        report = check_benchmark(folder, bars)
    check_table(report, output())
    mention_filter(folder)
    sys.exit(1 if report.problems else 0)


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
    from proactivebench.reports.tables import statistics_table

    folder = local_data(data)
    with progress() as bars:
        comparisons = compare_with_paper(folder, bars)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in comparisons], indent=2))
    else:
        statistics_table(comparisons, output())
        _mention_first_views(comparisons)
        mention_filter(folder)


def _mention_first_views(comparisons: Iterable[Comparison]) -> None:
    """Says how much of the object COCO's first views give away."""
    for one in comparisons:
        if one.first_views:
            views = one.first_views
            said = f"{one.part}: {views.none:.0%} of the first views show nothing of the object's box"
            said += f", half at most {views.median:.1%}, nine tenths at most {views.ninth_decile:.1%} of it"
            output().print(f"{said}, and none more than {views.most:.1%}.", soft_wrap=True)
