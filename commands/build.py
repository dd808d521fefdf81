"""`build` and `check`: from raw data to a benchmark that can be trusted."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from commands.shared import EXISTING_FOLDER, FOLDER, console


@click.command()
@click.argument("scenario")
@click.option("--raw", type=EXISTING_FOLDER, required=True, help="Folder that holds the raw data, at any depth.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the benchmark; several scenarios share one.")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that plan and render.")
@click.option("--per-category", type=click.IntRange(1), default=10, show_default=True, help="Drawings per category.")
@click.option("--categories", help="Only these categories, separated by commas.")
@click.option("--strict", is_flag=True, help="Fail at the first broken raw record instead of leaving it out.")
def build(
    scenario: str,
    raw: Path,
    out: Path,
    seed: int,
    workers: int,
    per_category: int,
    categories: str | None,
    strict: bool,
) -> None:
    """Build a SCENARIO of the benchmark (quickdraw) from raw data.

    The same raw data and seed give the same bytes, whatever the number of workers. An interrupted build is continued
    by the same command.
    """
    from rich.progress import Progress

    from builders import pipeline
    from builders.quickdraw import QuickDrawBuilder
    from proactivebench.errors import UsageError
    from proactivebench.reports.tables import build_table
    from proactivebench.scenarios import QD, get_scenario
    from raw_sources.quickdraw import QuickDraw

    if get_scenario(scenario) is not QD:
        raise UsageError(f"There is no builder for {scenario} yet.")
    names = [name.strip() for name in categories.split(",")] if categories else None
    builder = QuickDrawBuilder(QuickDraw.locate(raw), seed=seed, per_category=per_category, categories=names)
    with Progress(console=console()) as progress:
        report = pipeline.build(builder, out, workers=workers, strict=strict, progress=progress)
    build_table(report, console())


@click.command()
@click.argument("data", type=EXISTING_FOLDER)
def check(data: Path) -> None:
    """Check a benchmark in DATA, built or downloaded: samples, frames, environments, files against the manifest."""
    from rich.progress import Progress

    from proactivebench.checking import check_benchmark
    from proactivebench.reports.tables import check_table

    with Progress(console=console(), transient=True) as progress:
        report = check_benchmark(data, progress)
    check_table(report, console())
    sys.exit(1 if report.problems else 0)
