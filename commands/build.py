"""`build`, `check` and `stats`: from raw data to a benchmark that can be trusted."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import EXISTING_FOLDER, FOLDER, DataFolder, console, local_data, output

if TYPE_CHECKING:
    from collections.abc import Sequence

    from builders.base import Builder
    from builders.registry import BuildOptions
    from proactivebench.scenarios import Scenario

EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...|all|train")
@click.option("--raw", type=EXISTING_FOLDER, required=True, help="Folder that holds the raw data, at any depth.")
@click.option("--out", type=FOLDER, help="Folder of the benchmark, outside of RAW; several scenarios share one.")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that plan and render.")
@click.option("--strict", is_flag=True, help="Fail at the first broken raw record instead of leaving it out.")
@click.option(
    "--per-category",
    type=click.IntRange(1),
    help="Drawings per category of Quick, Draw! (default 10), pictures per class of ImageNet-C (default 5).",
)
@click.option("--categories", help="Quick, Draw!: only these categories, separated by commas.")
@click.option("--class-names", type=EXISTING_FILE, help="MVP-N: table of the products' names (class id, name).")
@click.option("--propose", type=NEW_FILE, help="VSOD: only write this table of occlusions for a person to fill in.")
@click.option("--labels", type=EXISTING_FILE, help="VSOD: the table that a person has filled in.")
@click.option("--from-imagenet", type=EXISTING_FOLDER, help="ImageNet-C: generate from these validation pictures.")
@click.option(
    "--negatives", default="random", show_default=True, help="COCO: wrong categories from random, clip:MODEL or a file."
)
@click.option(
    "--quickdraw", type=click.IntRange(0), default=17_000, show_default=True, help="Train: rows from Quick, Draw!."
)
@click.option(
    "--coco", type=click.IntRange(0), default=10_000, show_default=True, help="Train: rows from COCO's training photos."
)
def build(
    scenarios: tuple[str, ...],
    raw: Path,
    out: Path | None,
    workers: int,
    strict: bool,
    categories: str | None,
    propose: Path | None,
    quickdraw: int,
    coco: int,
    **options: Any,
) -> None:
    """Build scenarios of the benchmark from raw data; `all` builds those whose raw data are there.

    `train` builds the training split: single turns from drawings and photos that the benchmark does not have.

    The same raw data and seed give the same bytes, whatever the number of workers. An interrupted build is continued
    by the same command.
    """
    from rich.progress import Progress

    from builders import pipeline
    from builders.registry import BuildOptions
    from proactivebench.reports.tables import build_table
    from proactivebench.scenarios import SCENARIOS, VSOD, get_scenario

    everything = "all" in scenarios
    named = [get_scenario(name) for name in scenarios if name not in ("all", "train")]
    if propose is not None:
        if len(scenarios) > 1 or named != [VSOD]:
            raise click.UsageError("--propose is for VSOD alone: build vsod --propose TABLE.")
        return _propose(raw, propose)
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    if out.resolve().is_relative_to(raw.resolve()):
        raise click.UsageError(f"{out} lies in {raw}, where its frames would be taken for raw data. Choose another.")
    names = None if categories is None else [name.strip() for name in categories.split(",")]
    said = BuildOptions(categories=names, keep=out / ".similarity", **options)
    chosen = list(SCENARIOS.values()) if everything else named
    for builder in _builders(chosen, raw, said, skip_missing=everything):
        with Progress(console=console(), transient=True) as progress:
            report = pipeline.build(builder, out, workers=workers, strict=strict, progress=progress)
        build_table(report, console())
    if "train" in scenarios:
        from builders.registry import make_train_split
        from builders.train_files import build_train

        split = make_train_split(raw, said, quickdraw, coco)
        with Progress(console=console(), transient=True) as progress:
            report = build_train(split, out, workers=workers, strict=strict, progress=progress)
        build_table(report, console())
    return None


def _builders(
    scenarios: Sequence[Scenario], raw: Path, options: BuildOptions, skip_missing: bool
) -> list[Builder[Any, Any]]:
    """Makes the builders; with `skip_missing`, those that lack something are left out and say what."""
    from builders.registry import NeedsMoreError, make_builder
    from raw_sources.base import SourceNotFoundError

    made = []
    for scenario in scenarios:
        try:
            made.append(make_builder(scenario, raw, options))
        except (SourceNotFoundError, NeedsMoreError) as error:
            if not skip_missing:
                raise
            console().print(f"{scenario.name} left out: {error}", style="yellow", markup=False, soft_wrap=True)
    if not made and scenarios:
        from proactivebench.errors import UsageError

        raise UsageError(f"Nothing can be built from {raw}.")
    return made


def _propose(raw: Path, table: Path) -> None:
    from rich.progress import Progress

    from builders.vsod_proposals import propose
    from raw_sources.vsod import Vsod

    with Progress(console=console(), transient=True) as progress:
        report = propose(Vsod.locate(raw), table, progress)
    console().print(
        f"{report.rows:,} proposals in {table}, and their contact sheets beside it. Fill in the table, then: "
        f"proactivebench build vsod --labels {table} ...",
        soft_wrap=True,
    )
    for problem in report.problems:
        console().print(f"  {problem}", style="yellow", markup=False, soft_wrap=True)


@click.command()
@click.argument("data", type=DataFolder())
def check(data: Path | str) -> None:
    """Check a benchmark, built or downloaded: samples, frames, environments, files against the manifest.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    """
    from rich.progress import Progress

    from proactivebench.checking import check_benchmark
    from proactivebench.reports.tables import check_table

    folder = local_data(data)
    with Progress(console=console(), transient=True) as progress:
        report = check_benchmark(folder, progress)
    check_table(report, output())
    sys.exit(1 if report.problems else 0)


@click.command()
@click.argument("data", type=DataFolder())
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def stats(data: Path | str, as_json: bool) -> None:
    """Count a benchmark beside the paper's: samples, images, categories, actions.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    """
    import json
    from dataclasses import asdict

    from rich.progress import Progress

    from builders.statistics import compare_with_paper
    from proactivebench.reports.tables import statistics_table

    folder = local_data(data)
    with Progress(console=console(), transient=True) as progress:
        comparisons = compare_with_paper(folder, progress)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in comparisons], indent=2))
    else:
        statistics_table(comparisons, output())
