"""`report`, `view`, `look` and `play`: what people look at, and a person as the model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import EXISTING_FOLDER, FOLDER, DataFolder, console, local_data, output, progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from proactivebench.reports.runs import Run
    from proactivebench.reports.server import Site

_DATA = click.option(
    "--data",
    type=EXISTING_FOLDER,
    multiple=True,
    help="Folder of a benchmark, for runs whose data have moved; may be repeated.",
)
PORT = click.option(
    "--port", type=click.IntRange(0, 65535), default=0, help="Port on this machine; by default a free one."
)
_COMPARE = click.option("--compare", type=click.Choice(["paper"]), help="Place the runs among the paper's 22 models.")


def require_libraries() -> None:
    """Makes sure that pages can be made.

    Raises:
        UsageError: A library is missing.
    """
    from proactivebench.errors import require_extra

    with require_extra("A report", "report"):
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401


def serve_until_interrupted(site: Site, port: int) -> None:
    """Shows a site in the browser until somebody stops the command."""
    from threading import Event

    from proactivebench.reports.server import Server

    with Server(site, port) as server:
        console().print(f"Open {server.url}\nStop with Ctrl-C.", soft_wrap=True)
        try:
            Event().wait()
        except KeyboardInterrupt:
            console().print("Stopped.")


def _training(folders: Sequence[Path]) -> Path | None:
    """The folder of a training, if one is named, which has a page to itself."""
    from proactivebench.errors import UsageError
    from proactivebench.reports.trainings import is_training

    trainings = list(filter(is_training, folders))
    if trainings and len(folders) > 1:
        raise UsageError(f"{trainings[0]} is a training, which has a page to itself; name it alone.")
    return trainings[0] if trainings else None


def _mention_other_frames(runs: Sequence[Run]) -> None:
    """Says whose pictures are not shown, and what to do about it."""
    for run in runs:
        if run.frames is None:
            said = (
                f"{run.folder} saw other pictures than those in {run.benchmark.folder}, so none of its pictures are "
                "shown. Name the folder that has them with --data."
            )
            console().print(said, style="yellow", markup=False, soft_wrap=True)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=EXISTING_FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder of the report.")
@_DATA
@_COMPARE
def report(runs: tuple[Path, ...], out: Path, data: tuple[Path, ...], compare: str | None) -> None:
    """Write the report of one or several RUNS: a page to leaf through, tables and plots for a paper.

    The page, OUT/index.html, needs no network and no server; it goes with the folders beside it. The folder of a
    training (alone) gives a page of its curves.
    """
    require_libraries()
    if training := _training(runs):
        from proactivebench.reports.report import PAGE
        from proactivebench.reports.trainings import Training, write_training_report

        write_training_report(Training.load(training), out)
        console().print(f"Open {out / PAGE}", soft_wrap=True)
        return
    from proactivebench.reports.report import PAGE, write_report
    from proactivebench.reports.runs import load_runs
    from proactivebench.reports.scores import score_tables

    loaded = load_runs(runs, data)
    _mention_other_frames(loaded)
    with progress() as bars:
        unreadable = write_report(loaded, out, bars, compare_paper=compare == "paper")
    if unreadable:
        console().print(f"{unreadable:,} pictures could not be shown; the page says where.", style="yellow")
    caveats = {table.caveat for table in score_tables(loaded, compare_paper=compare == "paper")} - {""}
    for caveat in caveats:
        console().print(caveat, style="yellow", soft_wrap=True)
    console().print(f"Tables are in {out / 'tables'}, plots in {out / 'plots'}.\nOpen {out / PAGE}", soft_wrap=True)


@click.command()
@click.argument("runs", nargs=-1, required=True, type=EXISTING_FOLDER)
@_DATA
@_COMPARE
@PORT
def view(runs: tuple[Path, ...], data: tuple[Path, ...], compare: str | None, port: int) -> None:
    """Show RUNS in the browser, on this machine alone; the page follows a run, or a training, in progress."""
    require_libraries()
    if training := _training(runs):
        from proactivebench.reports.trainings import Training, TrainingSite

        Training.load(training)
        serve_until_interrupted(TrainingSite(training), port)
        return
    from proactivebench.reports.runs import load_runs
    from proactivebench.reports.sites import RunsSite

    loaded = load_runs(runs, data)
    _mention_other_frames(loaded)
    serve_until_interrupted(RunsSite(loaded, compare_paper=compare == "paper"), port)


@click.command()
@click.argument("data", type=DataFolder())
@PORT
def look(data: Path | str, port: int) -> None:
    """Show the samples of a benchmark in the browser: frames in order, and what each option does.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    """
    require_libraries()
    from proactivebench.benchmark import Benchmark
    from proactivebench.reports.sites import SamplesSite

    serve_until_interrupted(SamplesSite(Benchmark.open(local_data(data))), port)


def _require_name(context: click.Context, option: click.Parameter, name: str) -> str:
    if not name.strip():
        raise click.BadParameter("who plays? Give a name that tells this run from those of others.")
    return name.strip()


@click.command()
@click.argument("data", type=DataFolder())
@click.option("--name", required=True, callback=_require_name, help="Who plays; the run's model is human:NAME.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the run; an interrupted run resumes.")
@click.option("--scenario", "names", multiple=True, help="Play only this scenario; may be repeated.")
@click.option("--mode", type=click.Choice(["mcqa", "reference"]), default="mcqa", show_default=True)
@click.option("--limit", type=click.IntRange(1), help="Play at most this many samples per scenario.")
@PORT
def play(data: Path | str, name: str, out: Path, names: tuple[str, ...], port: int, **settings: Any) -> None:
    """Be the model: answer the questions of a benchmark in the browser.

    DATA is a folder, or hub:USER/NAME for a benchmark on the Hub.
    You see what a model sees. The answers become a normal run, which can be scored and reported beside others.
    """
    require_libraries()
    from commands.terminal import metrics_table
    from proactivebench.benchmark import Benchmark
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.evaluation.settings import Settings
    from proactivebench.reports.play import play_in_browser

    benchmark = Benchmark.open(local_data(data, names))
    scenarios = benchmark.chosen(names)
    metrics = play_in_browser(
        benchmark,
        scenarios,
        name,
        Settings(**settings),
        out,
        port=port,
        on_ready=lambda url: console().print(f"Open {url}\nStop with Ctrl-C.", soft_wrap=True),
    )
    metrics_table({f"human:{name}": metrics}, output(), run_measured_on(out))
    console().print(
        f"Everything is in {out}. Look at it with: proactivebench report {out} --out REPORT", soft_wrap=True
    )
