"""A leaderboard: one page of runs that were checked, each number with its episodes behind it.

`index.html` has a table for each setting that runs were played in, best first, and needs neither server nor network;
`episodes` beside it is the report of the same runs. A run that is not what it claims stands below the others, without a
rank, with what is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path

from rich.progress import Progress

from proactivebench.errors import UsageError
from proactivebench.evaluation.verify import verify_run
from proactivebench.reports.page import render
from proactivebench.reports.report import PAGE, write_report
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import AVERAGE, score_tables
from proactivebench.work.files import write_whole
from proactivebench.work.folder import locked

EPISODES = "episodes"


def check_runs(runs: Sequence[Run], progress: Progress) -> dict[Path, list[str]]:
    """What is wrong with each run, by its folder; an empty list where it is what it claims."""
    found = {}
    for run in progress.track(runs, description="Checking"):
        found[run.folder] = verify_run(run.folder, run.benchmark)
    return found


def write_leaderboard(
    runs: Sequence[Run], problems: Mapping[Path, Sequence[str]], folder: Path, progress: Progress
) -> None:
    """Writes a leaderboard.

    Args:
        runs: The runs.
        problems: What `check_runs` found.
        folder: Where it goes: `index.html`, and the report of the runs in `episodes`.
        progress: Told how far it is.

    Raises:
        UsageError: The folder holds something else, or another process writes there.
    """
    with locked(folder):
        _write(runs, problems, folder, progress)


def _write(runs: Sequence[Run], problems: Mapping[Path, Sequence[str]], folder: Path, progress: Progress) -> None:
    if any(not path.name.startswith(".") for path in folder.iterdir()) and not (folder / EPISODES).is_dir():
        raise UsageError(f"{folder} contains something other than a leaderboard. Choose a new folder.")
    (folder / PAGE).unlink(missing_ok=True)
    write_report(runs, folder / EPISODES, progress)
    checked = {table.setting: table for table in score_tables([run for run in runs if not problems[run.folder]])}
    tables = []
    for table in score_tables(runs):
        shown = checked.get(table.setting, replace(table, rows=()))  # what a false run claims decides nothing
        false = [row for row in table.rows if row.run and problems[row.run.folder]]
        tables.append((shown, list(zip_longest([*shown.rows, *false], shown.ranks))))
    page = render(
        "leaderboard.html",
        ("leaderboard.js",),
        title="Leaderboard",
        tables=tables,
        problems={str(path): list(found) for path, found in problems.items()},
        average=AVERAGE,
        number={run.folder: number for number, run in enumerate(runs)},
        episodes=f"{EPISODES}/{PAGE}",
    )
    write_whole(folder / PAGE, [page.encode()])
