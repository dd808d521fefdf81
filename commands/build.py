"""`build`: from raw data to a benchmark."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from commands.shared import EXISTING_FOLDER, FOLDER, console, progress

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from rich.console import Console

    from builders.pipeline.parts import BuildReport
    from builders.registry import BuildOptions
    from proactivebench.scenarios import Scenario

EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)

_MEANT_FOR: Mapping[str, tuple[str, ...]] = {
    "per_category": ("QD", "IN-C", "train"),
    "categories": ("QD", "train"),
    "class_names": ("MVP-N",),
    "labels": ("VSOD",),
    "max_pixels": ("ROD",),
    "from_imagenet": ("IN-C",),
    "negatives": ("COCO", "train"),
    "quickdraw": ("train",),
    "coco": ("train",),
}
"""Option -> what it is for; the others are for everything."""


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
@click.option(
    "--max-pixels",
    type=click.IntRange(1),
    help="ROD: scale photos down to this many pixels, width times height (default: full size, as the paper).",
)
@click.option("--class-names", type=EXISTING_FILE, help="MVP-N: table of the products' names (class id, name).")
@click.option("--propose", type=NEW_FILE, help="VSOD: only write this table of occlusions to fill in.")
@click.option(
    "--labels",
    type=EXISTING_FILE,
    help="VSOD: the table, filled in: kind is speaker, people or event, strong_occlusions yes or no.",
)
@click.option("--from-imagenet", type=EXISTING_FOLDER, help="ImageNet-C: generate from these validation pictures.")
@click.option(
    "--negatives",
    default="supercategories",
    show_default=True,
    help="COCO: wrong categories from its supercategories, random, clip:MODEL (as the paper) or a file.",
)
@click.option(
    "--quickdraw", type=click.IntRange(0), default=17_000, show_default=True, help="Train: rows from Quick, Draw!."
)
@click.option(
    "--coco", type=click.IntRange(0), default=10_000, show_default=True, help="Train: rows from COCO's training photos."
)
@click.pass_context
def build(
    context: click.Context,
    /,
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
    """Build scenarios of the benchmark from raw data: ROD, VSOD, MVP-N, IN-C, QD, CIT, COCO.

    The names of their data sets, as in `sources`, will do as well. `all` builds those whose raw data are there and
    says of the others what they lack. `train` builds the training split: single turns from drawings and photos that
    the benchmark does not have.

    The same raw data and seed give the same bytes, whatever the number of workers. An interrupted build is continued
    by the same command.
    """
    from builders.registry import BuildOptions
    from proactivebench.scenarios import SCENARIOS, VSOD, get_scenario

    named = [get_scenario(name) for name in scenarios if name not in ("all", "train")]
    chosen = list(SCENARIOS.values()) if "all" in scenarios else named
    parts = [scenario.name for scenario in chosen] + ["train"] * ("train" in scenarios)
    if propose is not None and parts != [VSOD.name]:
        raise click.UsageError("--propose is for VSOD alone: build vsod --propose TABLE.")
    _refuse_misplaced(context, parts)
    if propose is not None:
        return _propose(raw, propose, out)
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    if out.resolve().is_relative_to(raw.resolve()):
        raise click.UsageError(f"{out} lies in {raw}, where its frames would be taken for raw data. Choose another.")
    names = None if categories is None else [name.strip() for name in categories.split(",")]
    said = BuildOptions(categories=names, keep=out / ".similarity", **options)
    how = {"workers": workers, "strict": strict}
    _build_scenarios(chosen, named, raw, said, out, how)
    if "train" in scenarios:
        from builders.registry import make_train_split
        from builders.train.files import build_train

        _run(build_train, make_train_split(raw, said, quickdraw, coco), out, how)
    return None


def _refuse_misplaced(context: click.Context, parts: Sequence[str]) -> None:
    """Refuses options that mean nothing for what is built."""
    for option, meant_for in _MEANT_FOR.items():
        given = context.get_parameter_source(option) is ParameterSource.COMMANDLINE
        if given and not set(meant_for) & set(parts):
            raise click.UsageError(
                f"--{option.replace('_', '-')} has no meaning for {', '.join(parts)}: it is for "
                f"{' and '.join(meant_for)}."
            )


def _build_scenarios(
    chosen: Sequence[Scenario],
    named: Collection[Scenario],
    raw: Path,
    options: BuildOptions,
    out: Path,
    how: Mapping[str, Any],
) -> None:
    """Builds scenarios; those that nobody named are left out where they cannot be built, and say why."""
    from builders.pipeline.build import build
    from builders.pipeline.parts import NothingBuiltError
    from builders.registry import NeedsMoreError, make_builder
    from proactivebench.errors import UsageError
    from raw_sources.base import SourceError, SourceNotFoundError

    unusable = SourceNotFoundError if how["strict"] else SourceError

    @contextmanager
    def attempt(scenario: Scenario) -> Iterator[None]:
        try:
            yield
        except (unusable, NeedsMoreError, NothingBuiltError) as error:
            if scenario in named:
                raise
            console().print(f"{scenario.name} left out: {error}", style="yellow", markup=False, soft_wrap=True)

    builders = []
    for scenario in chosen:
        with attempt(scenario):
            builders.append(make_builder(scenario, raw, options))
    built = 0
    for builder in builders:
        with attempt(builder.scenario):
            _run(build, builder, out, how)
            built += 1
    if chosen and not built:
        raise UsageError(f"Nothing can be built from {raw}.")


def _run(build: Callable[..., BuildReport], what: object, out: Path, how: Mapping[str, Any]) -> None:
    with progress() as bars:
        report = build(what, out, progress=bars, **how)
    build_table(report, console())


def build_table(report: BuildReport, console: Console, shown: int = 10) -> None:
    """Prints what a build gave: counts, what was left out and why, and the first problems of the raw data."""
    done = "was there already" if report.up_to_date else "built"
    console.print(f"{report.scenario} {done}: {report.samples:,} samples, {report.frames:,} frames.", style="bold")
    for reason, count in report.skip_reasons.most_common(shown):
        console.print(f"  left out: {count:,} x {reason}", markup=False)
    for problem in report.problems[:shown]:
        console.print(f"  {problem}", style="yellow", markup=False)
    if (more := len(report.problems) - shown) > 0:
        console.print(f"  and {more:,} more problem{'s' * (more > 1)} in the raw data")


def _propose(raw: Path, table: Path, out: Path | None) -> None:
    import shlex

    from builders.vsod_labels import FILL_IN
    from builders.vsod_proposals import propose
    from raw_sources.vsod import Vsod

    with progress() as bars:
        report = propose(Vsod.locate(raw), table, bars)
    command = ["proactivebench", "build", "vsod", "--raw", raw, "--out", out or "data", "--labels", table]
    for line in (
        f"{report.rows:,} proposals in {table}, and their contact sheets beside it. Fill in the rows you want to use:",
        *(f"  {column}: {expected}" for column, expected in FILL_IN.items()),
        "Then:",
        f"  {shlex.join(map(str, command))}",
    ):
        console().print(line, soft_wrap=True, markup=False)
    for problem in report.problems:
        console().print(f"  {problem}", style="yellow", markup=False, soft_wrap=True)
