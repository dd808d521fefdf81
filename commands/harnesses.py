"""`import-inspect`, `leaderboard`, `submit` and `export`: runs come from other harnesses, and go where others look."""

from __future__ import annotations

from pathlib import Path

import click

from commands.shared import EXISTING_FOLDER, FOLDER, HUB, console, local_data, output, progress

_DATA = click.option("--data", type=EXISTING_FOLDER, help="Folder of the benchmark, where it is not where it was.")


@click.command("import-inspect")
@click.argument("log", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--out", type=FOLDER, required=True, help="Folder of the run; one that holds it gets what is missing.")
def import_inspect(log: Path, out: Path) -> None:
    """Make a run folder of LOG, which inspect_ai wrote of the task proactivebench/proactivebench.

    The log holds the record of every episode, so report, compare and leaderboard then have it like any other run.
    """
    from commands.terminal import metrics_table
    from proactivebench.errors import require_extra
    from proactivebench.evaluation.measured import run_measured_on

    with require_extra("Reading logs of inspect_ai", "inspect"):
        from proactivebench.harnesses.inspect_log import import_log
    metrics = import_log(log, out)
    metrics_table({out.name: metrics}, output(), run_measured_on(out))
    console().print(f"The run is in {out}.", markup=False, soft_wrap=True)


def _data_of(run: Path, data: Path | None) -> Path:
    """The folder of the benchmark that a run was played on: as named, as it was, or from the Hub."""
    from proactivebench.errors import UsageError
    from proactivebench.evaluation.run_log import read_run, read_where

    described = read_run(run)
    if data is not None:
        return data
    noted = read_where(run)
    if noted is not None and noted.is_dir():
        return noted
    if described.data.source:
        return local_data(described.data.source, described.scenarios)
    raise UsageError(f"{run}: its data are no longer where they were. Name their folder with --data.")


@click.command()
@click.argument("runs", nargs=-1, required=True, metavar="RUNS_OR_REPOS...")
@click.option("--out", type=FOLDER, required=True, help="Folder of the leaderboard.")
@_DATA
def leaderboard(runs: tuple[str, ...], out: Path, data: Path | None) -> None:
    """Make a leaderboard of runs that are checked: a page that needs no server, with the episodes behind every number.

    RUNS_OR_REPOS are folders of runs, or hub:USER/NAME for a data set repository of the Hub that holds some.
    Each run is played again with its recorded replies, against its benchmark: data, prompts, the reading of every
    answer, and scores must come out as it says. One that is not what it claims gets no rank, and the reason.
    """
    from commands.report import require_libraries
    from proactivebench.reports.leaderboard import check_runs, write_leaderboard
    from proactivebench.reports.report import PAGE
    from proactivebench.reports.runs import load_runs

    require_libraries()
    folders = [folder for one in runs for folder in _run_folders(one)]
    loaded = load_runs(folders, list(dict.fromkeys(_data_of(folder, data) for folder in folders)))
    with progress() as bars:
        problems = check_runs(loaded, bars)
        write_leaderboard(loaded, problems, out, bars)
    for run in loaded:
        for problem in problems[run.folder]:
            console().print(f"{run.folder}: {problem}", style="yellow", markup=False, soft_wrap=True)
    sound = sum(not found for found in problems.values())
    console().print(f"{sound} of {len(loaded)} runs are what they claim. Open {out / PAGE}", soft_wrap=True)


def _run_folders(name: str) -> list[Path]:
    """The folders of runs that an argument names."""
    from proactivebench.errors import UsageError
    from proactivebench.evaluation.run_log import RUN

    if name.startswith(HUB):
        from builders.hub.client import connect
        from builders.hub.runs import fetch_runs

        place = fetch_runs(connect(), name.removeprefix(HUB))
    else:
        place = Path(name)
    found = sorted(path.parent for path in ([place / RUN] if (place / RUN).is_file() else place.rglob(RUN)))
    if not found:
        raise UsageError(f"{name} does not contain a run: expected {RUN} there, or in a folder of it.")
    return found


@click.command()
@click.argument("run", type=EXISTING_FOLDER)
@click.option("--model-repo", "repo", required=True, metavar="USER/MODEL", help="The model's repository on the Hub.")
@click.option("--source", metavar="URL", help="Where the run is published.")
@click.option("--dry-run", is_flag=True, help="Check the run and show the file, without network.")
@_DATA
def submit(run: Path, repo: str, source: str | None, dry_run: bool, data: Path | None) -> None:
    """Enter RUN on the leaderboard of its benchmark on the Hub: a pull request in the model's repository.

    The run is checked first, as `leaderboard` does it. The file, .eval_results/proactivebench.yaml, has its accuracy in
    percent and its suggestions per episode, on average and for each scenario. The token is that of `hf auth login`.
    """
    from builders.hub.client import connect
    from proactivebench.benchmark import Benchmark
    from proactivebench.harnesses.hub_results import PATH, prepare_submission
    from proactivebench.harnesses.hub_results import submit as open_request

    submission = prepare_submission(run, Benchmark.open(_data_of(run, data)), repo, source)
    if dry_run:
        output().print(submission.text, markup=False, soft_wrap=True, end="")
        console().print(f"Nothing was sent. {repo} would be asked to take this as {PATH}.", soft_wrap=True)
        return
    address = open_request(connect(), submission)
    console().print(f"Asked for in {address}", markup=False, soft_wrap=True)


@click.command()
@click.argument("run", type=EXISTING_FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder of the data store, which gets two files.")
@click.option("--organization", required=True, help="Who evaluated.")
def export(run: Path, out: Path, organization: str) -> None:
    """Write RUN in the form of Every Eval Ever: scores with their uncertainty, and every episode."""
    from proactivebench.harnesses.every_eval_ever import export_run

    for path in export_run(run, out, organization):
        console().print(f"Written: {path}", markup=False, soft_wrap=True)
