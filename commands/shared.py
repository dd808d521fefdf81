"""What several commands share: kinds of arguments, the console, and how errors become exit codes."""

from __future__ import annotations

import errno
import os
import signal
import sys
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from raw_sources.plugins import PluginError, using

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from rich.progress import Progress, ProgressColumn

    from commands.screen import Screen
    from proactivebench.work.shards import Shard

Command = TypeVar("Command", bound="Callable[..., Any]")

PIPED_WIDTH = 1000
"""Columns of results that go to a file or another program."""

EXISTING_FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)

HUB = "hub:"

RESUME = "What is finished is kept: run the same command again to resume."
"""What is said of all work that stopped in the middle."""

_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO)
"""Errors that say enough without the name of a file: no space, a limit, read-only, broken."""


class DataFolder(click.Path):
    """A folder that exists, or `hub:USER/NAME[@REVISION]` for a benchmark on the Hub; `local_data` takes either."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, exists=True, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if str(value).startswith(HUB) else super().convert(value, param, ctx)


class ShardType(click.ParamType["Shard"]):
    """One of several shards, such as `2/7`."""

    name = "k/n"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        from proactivebench.errors import UsageError
        from proactivebench.work.shards import read_shard

        try:
            return read_shard(value)
        except UsageError as error:
            self.fail(str(error), param, ctx)


def shard_option(done: str) -> Callable[[Command], Command]:
    """The option `--shard`: which part of the work is to be done."""
    return click.option("--shard", type=ShardType(), help=f"{done} the k-th of n shards, for `merge`: 1/n to n/n.")


class Commands(click.Group):
    """What all commands have in common.

    Each takes `--plugin`, which is read before the command itself: a plug-in may bring options and names. Errors that a
    user can mend are printed as messages without a traceback, and lead to their exit code.
    """

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        text = "A file or package that brings scenarios of your own; may be repeated."
        cmd.params.append(click.Option(["--plugin"], metavar="PATH", multiple=True, expose_value=False, help=text))
        super().add_command(cmd, name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, args = super().resolve_command(ctx, args)
        ctx.with_resource(using(map(Path, _plugins(args))))
        return name, command, args

    def invoke(self, ctx: click.Context) -> Any:
        from proactivebench.errors import ProactiveBenchError
        from raw_sources.base import SourceError

        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, TextIOWrapper):  # a terminal that has no letter for a character gets its number
                with suppress(OSError):  # a stream that was a file and is a pipe now
                    stream.reconfigure(errors="backslashreplace")
        try:
            with _kill_as_ctrl_c():
                return super().invoke(ctx)
        except (ProactiveBenchError, SourceError, PluginError) as error:
            _say_error(f"{error}" + f" {RESUME}" * error.resumes)
            ctx.exit(error.exit_code)
        except OSError as error:
            if error.filename is None and error.errno not in _OF_THE_DISK:  # nothing that a user could look at
                raise
            place = "" if error.filename is None else f"{error.filename}: "
            _say_error(f"{place}{error.strerror}.")
            ctx.exit(1)
        except KeyboardInterrupt:
            click.echo(f"Interrupted. {RESUME}", err=True)
            ctx.exit(130)


def _say_error(text: str) -> None:
    from proactivebench.plain_text import as_text, without_keys

    click.echo(f"Error: {as_text(without_keys(text))}", err=True)


@contextmanager
def _kill_as_ctrl_c() -> Iterator[None]:
    """Lets SIGTERM, from `kill` or a scheduler, end a command as Ctrl-C does, even where Ctrl-C itself is ignored."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        handler = signal.getsignal(signal.SIGINT)
        (handler if callable(handler) else signal.default_int_handler)(signal.SIGINT, frame)

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _plugins(args: Sequence[str]) -> Iterator[str]:
    """The values of `--plugin` among a command's arguments."""
    words = iter(args)
    for word in words:
        option, sign, value = word.partition("=")
        if word == "--":
            return
        if option == "--plugin" and (path := value if sign else next(words, "")):
            yield path


def _is_silent() -> bool:
    """Of several processes that were launched together, only the first prints."""
    return os.environ.get("RANK", "0") != "0"


def console() -> Screen:
    """Where commands tell people what goes on: standard error, so that standard output has the results alone."""
    from commands.screen import Screen

    return Screen(stderr=True, quiet=_is_silent())


def output() -> Screen:
    """Where commands print the results that were asked for: standard output, in long lines where a program reads it."""
    from commands.screen import Screen

    return Screen(quiet=_is_silent(), width=None if sys.stdout.isatty() else PIPED_WIDTH)


def progress(*columns: ProgressColumn) -> Progress:
    """Progress of work, shown until it ends; nothing, not even an empty line, where nobody watches a terminal.

    Args:
        columns: What stands beside the description and the bar; by default the share and the time that is left.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    where = console()
    columns = columns or (TaskProgressColumn(), TimeRemainingColumn())
    text = TextColumn("{task.description}", markup=False)
    return Progress(text, BarColumn(), *columns, console=where, transient=True, disable=not where.is_interactive)


def download_progress() -> Progress:
    """Progress of downloads and of unpacking, in bytes."""
    from rich.progress import DownloadColumn, TransferSpeedColumn

    return progress(DownloadColumn(), TransferSpeedColumn())


def local_data(data: Path | str, parts: Sequence[str] = ()) -> Path:
    """The folder of a benchmark; one on the Hub is pulled into the cache first, to the folder of its commit.

    Args:
        data: What `DataFolder` gave.
        parts: Names of the scenarios that are needed; by default all.

    Raises:
        ProactiveBenchError: It cannot be pulled, and is not in the cache either.
    """
    if isinstance(data, Path):
        return data
    from builders.hub.cached import pull_to_cache
    from builders.hub.client import connect

    repo, _, revision = data.removeprefix(HUB).partition("@")
    with download_progress() as progress:
        folder, unreachable = pull_to_cache(connect(), repo, revision, parts=parts, progress=progress)
    if unreachable:
        said = f"{unreachable} Using what is in {folder}."
        console().print(said, style="yellow", markup=False, soft_wrap=True)
    return folder


def mention_filter(folder: Path) -> None:
    """Says which samples evaluate plays and why, where that is not plainly all."""
    from proactivebench.benchmark import Benchmark
    from proactivebench.layout import KEPT_IDS

    benchmark = Benchmark.open_build(folder)
    kept = {scenario.name: benchmark.kept_ids(scenario) for scenario in benchmark.scenarios}
    numbers = ", ".join(f"{name} {len(ids):,}" for name, ids in kept.items() if ids is not None)
    if numbers:
        own = (benchmark.folder / KEPT_IDS).is_file()
        whose = f"by {KEPT_IDS} beside them" if own else "by the published list: these are the published data"
        said = f"Of the samples, the leak filter keeps {numbers}, {whose} (evaluate --no-filter plays all)."
    elif benchmark.is_ours:
        return
    else:
        said = f"Nothing proves that {folder} is the published benchmark, so all its samples count. If it is, keep "
        said += f"what the published leak filter kept: proactivebench filter {folder} --published"
    console().print(said, soft_wrap=True, markup=False)


def quieten_loading(*specs: str | None) -> None:
    """Calls `quieten` where one of some models (`--model`, `--judge`) is one of transformers; it takes a second."""
    from importlib.util import find_spec

    kinds = {"hf" if ":" not in spec else spec.partition(":")[0] for spec in specs if spec}
    if kinds & {"hf", "demo", "paper", "newer"} and find_spec("transformers"):
        quieten()


def quieten() -> None:
    """Leaves the terminal to our own progress: the libraries' bars and advice to developers are switched off."""
    import warnings
    from importlib.util import find_spec

    from transformers.utils import logging

    if find_spec("datasets"):
        import datasets

        datasets.disable_progress_bars()
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    warnings.filterwarnings("ignore", category=FutureWarning)
