"""`build`: from raw data to a benchmark."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from click.core import ParameterSource

from commands.shared import EXISTING_FOLDER, FOLDER, console, progress, shard_option

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from rich.console import Console

    from builders.options import Option
    from builders.pipeline.report import BuildReport
    from builders.pipeline.stores import Storage
    from proactivebench.scenarios import Scenario
    from proactivebench.work.shards import Shard

EXISTING_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
NEW_FILE = click.Path(path_type=Path, dir_okay=False)


class Build(click.Command):
    """Has the options of all builders, which are looked up when they are needed: no other command waits for them."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        from builders.registry import builder_options

        *own, plugin, help_ = super().get_params(ctx)
        return [*own, *map(_click_option, builder_options()), plugin, help_]


def _click_option(option: Option) -> click.Option:
    from builders.options import Folder

    kinds: Mapping[Any, Any] = {int: click.IntRange(option.least), Path: EXISTING_FILE, Folder: EXISTING_FOLDER}
    return click.Option(
        [option.flag],
        type=kinds.get(option.type, option.type),
        default=option.default,
        is_flag=option.type is bool,
        show_default=option.default is not None,
        help=option.help,
    )


class _Task(NamedTuple):
    """Where to build, and how."""

    out: Path
    workers: int
    strict: bool
    shard: Shard | None

    def run(self, build: Callable[..., BuildReport], what: object, **more: object) -> None:
        """Builds something with progress, and tells what it gave."""
        with progress() as bars:
            how = {"workers": self.workers, "strict": self.strict, "shard": self.shard, **more}
            report = build(what, self.out, progress=bars, **how)
        build_table(report, console())
        if self.shard is not None:
            done = f"That is shard {self.shard}. When all are there, put them together: proactivebench merge {self.out}"
            console().print(done, soft_wrap=True, markup=False)


@click.command(cls=Build)
@click.argument("scenarios", nargs=-1, required=True, metavar="SCENARIO...|all|train")
@click.option(
    "--raw", type=EXISTING_FOLDER, required=True, help="Folder that holds the raw data, up to 6 folders deep."
)
@click.option("--out", type=FOLDER, help="Folder of the benchmark, outside of RAW; several scenarios share one.")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes that plan and render.")
@click.option("--strict", is_flag=True, help="Fail at the first broken raw record instead of leaving it out.")
@shard_option("Build only")
@click.option(
    "--storage",
    type=click.Choice(["files", "shards"]),
    default="files",
    show_default=True,
    help="A file for each frame of a scenario, or a few large tars: for millions of frames.",
)
@click.option(
    "--propose", type=NEW_FILE, help="Scenarios that need labels by a person: only write the table to fill in."
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
    shard: Shard | None,
    storage: Storage,
    propose: Path | None,
    **options: Any,
) -> None:
    """Build scenarios of the benchmark from raw data: ROD, VSOD, MVP-N, IN-C, QD, CIT, COCO, and those of plug-ins.

    The names of their data sets, as in `sources`, also work. `all` builds those whose raw data are there and
    says what the others are missing. `train` builds the training split: single turns from drawings and photos that
    the benchmark does not have.

    The same raw data and seed give the same bytes, whatever the number of workers and of shards. Run the same command
    again to resume an interrupted build.
    """
    from proactivebench.scenarios import SCENARIOS, get_scenario

    named = [get_scenario(name) for name in scenarios if name not in ("all", "train")]
    chosen = list(SCENARIOS.values()) if "all" in scenarios else named
    parts = [scenario.name for scenario in chosen] + ["train"] * ("train" in scenarios)
    if propose is not None:
        _require_one_that_proposes(parts)
    _refuse_misplaced(context, parts)
    if not chosen and context.get_parameter_source("storage") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--storage does not apply to train: its rows hold their pictures.")
    if propose is not None:
        return _propose(chosen[0], raw, propose, out)
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    if out.resolve().is_relative_to(raw.resolve()):
        raise click.UsageError(f"{out} lies in {raw}, where its frames would be taken for raw data. Choose another.")
    said = {**options, "keep": out / ".similarity"}
    task = _Task(out, workers, strict, shard)
    _build_scenarios(chosen, named, raw, said, task, storage)
    if "train" in scenarios:
        from builders.registry import builders, make_train_split
        from builders.train.files import build_train

        rows = {name: options[builder.TRAIN_ROWS.name] for name, builder in builders().items() if builder.TRAIN_ROWS}
        task.run(build_train, make_train_split(raw, rows, **said))
    return None


def _refuse_misplaced(context: click.Context, parts: Sequence[str]) -> None:
    """Refuses options that mean nothing for what is built."""
    from builders.registry import builder_options, meant_for

    for option in builder_options():
        given = context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
        if given and not set(meant_for(option)) & set(parts):
            raise click.UsageError(
                f"{option.flag} does not apply to {', '.join(parts)}: it is for {' and '.join(meant_for(option))}."
            )


def _build_scenarios(
    chosen: Sequence[Scenario],
    named: Collection[Scenario],
    raw: Path,
    said: Mapping[str, Any],
    task: _Task,
    storage: Storage,
) -> None:
    """Builds scenarios; those that nobody named are left out where they cannot be built, and say why."""
    from builders.base import NeedsMoreError
    from builders.pipeline.build import build
    from builders.pipeline.report import NothingBuiltError
    from builders.registry import make_builder
    from proactivebench.errors import UsageError
    from raw_sources.base import SourceError, SourceNotFoundError

    unusable = SourceNotFoundError if task.strict else SourceError

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
            builders.append(make_builder(scenario, raw, **said))
    built = 0
    for builder in builders:
        with attempt(builder.scenario):
            task.run(build, builder, storage=storage)
            built += 1
    if chosen and not built:
        raise UsageError(f"Nothing can be built from {raw}.")


def build_table(report: BuildReport, console: Console, shown: int = 10) -> None:
    """Prints what a build gave: counts, what was left out and why, and the first problems of the raw data."""
    done = "was there already" if report.up_to_date else "built"
    console.print(f"{report.scenario} {done}: {report.samples:,} samples, {report.frames:,} frames.", style="bold")
    for reason, count in report.left_out.most_common(shown):
        console.print(f"  left out: {f'{count:,} x ' * (count > 1)}{reason}", markup=False)
    if (more := len(report.left_out) - shown) > 0:
        console.print(f"  and for {more:,} more reason{'s' * (more > 1)}, all in manifest.json")
    for problem in report.problems[:shown]:
        console.print(f"  {problem}", style="yellow", markup=False)
    if (more := len(report.problems) - shown) > 0:
        console.print(f"  and {more:,} more problem{'s' * (more > 1)} in the raw data")


def _require_one_that_proposes(parts: Sequence[str]) -> None:
    """Refuses `--propose` unless one scenario is named that has something to propose."""
    from builders.registry import proposing

    names = proposing()
    if len(parts) != 1 or parts[0] not in names:
        raise click.UsageError(
            f"--propose is for {' and '.join(names)} alone: build {names[0].lower()} --propose TABLE."
        )


def _propose(scenario: Scenario, raw: Path, table: Path, out: Path | None) -> None:
    import shlex

    from builders.registry import builders

    with progress() as bars:
        report = builders()[scenario.name].propose(raw, table, bars)
    command = ["proactivebench", "build", scenario.name.lower(), "--raw", raw, "--out", out or "data"]
    beside = f", and {report.beside} beside it" if report.beside else ""
    for line in (
        f"{report.rows:,} proposals in {table}{beside}. Fill in the rows you want to use, in the browser with",
        f"  {shlex.join(map(str, ['proactivebench', 'label', scenario.name.lower(), table, '--raw', raw]))}",
        "or in a spreadsheet:",
        *(f"  {column}: {expected}" for column, expected in report.fill_in.items()),
        "Then:",
        f"  {shlex.join(map(str, [*command, f'--{report.option}', table]))}",
    ):
        console().print(line, soft_wrap=True, markup=False)
    for problem in report.problems:
        console().print(f"  {problem}", style="yellow", markup=False, soft_wrap=True)
