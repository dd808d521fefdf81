"""A report on disk: the page, its entries and pictures, the tables and the plots.

Everything is written before the page, and an old page goes first, so that a page is never beside half of its data. What
is there already is used: writing an interrupted report again draws only the pictures that are missing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

from rich.progress import Progress

from proactivebench.errors import UsageError
from proactivebench.models.base import PictureError
from proactivebench.reports.album import Album
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.page import runs_page
from proactivebench.reports.plot_style import PAPER, encode
from proactivebench.reports.plots import Plot, make_plots
from proactivebench.reports.runs import Run
from proactivebench.reports.score_files import WRITERS
from proactivebench.reports.scores import score_tables
from proactivebench.reports.sheets import Style
from proactivebench.work.files import write_whole
from proactivebench.work.folder import locked

PAGE = "index.html"


def chunk_script(album: Album, name: str) -> bytes:
    """A chunk as the script that hands it to the page.

    Raises:
        IndexError: There is no such chunk.
    """
    part, _, number = name.partition("-")
    value = json.dumps(album.chunk(int(part), int(number)), ensure_ascii=False, separators=(",", ":"))
    return f'album.receive("{name}",{value});\n'.encode()


def _claim(folder: Path) -> None:
    strange = any(not path.name.startswith(".") for path in folder.iterdir())
    if strange and not (folder / "pictures").is_dir():
        raise UsageError(f"{folder} contains something other than a report. Choose a new folder.")
    (folder / "pictures").mkdir(parents=True, exist_ok=True)
    (folder / PAGE).unlink(missing_ok=True)


def _write_pictures(album: Album, folder: Path, progress: Progress) -> int:
    """Draws the pictures that are missing; returns how many cannot be read."""

    def draw(name: str) -> bool:
        path = folder / name[:2] / f"{name}.webp"
        if not path.exists():
            try:
                write_whole(path, [album.pictures.draw(name)])
            except PictureError:
                return False
        return True

    bar = progress.add_task("Pictures", total=len(album.pictures))
    unreadable = 0
    with ThreadPoolExecutor(cpu_count()) as pool:
        for done in pool.map(draw, album.pictures):
            unreadable += not done
            progress.advance(bar)
    return unreadable


def write_plots(plots: Sequence[Plot], folder: Path) -> None:
    """Writes plots into `plots` below a folder; of one without data, what an earlier report left there goes."""
    for plot in plots:
        figure = plot.draw(PAPER)
        for kind in ("svg", "png"):
            path = folder / "plots" / f"{plot.stem}.{kind}"
            if figure is None:
                path.unlink(missing_ok=True)
            else:
                write_whole(path, [encode(figure, kind)])


def write_report(runs: Sequence[Run], folder: Path, progress: Progress, *, compare_paper: bool = False) -> int:
    """Writes the report of some runs.

    Args:
        runs: The runs, in order.
        folder: Where it goes: `index.html`, `data` and `pictures` for it, `tables` and `plots`.
        progress: Told how far it is.
        compare_paper: Place the runs among the paper's models.

    Returns:
        How many pictures could not be read, or are not what the runs saw; the page says so where they belong.

    Raises:
        UsageError: The folder holds something else, or another process writes there.
    """
    with locked(folder):
        return _write(runs, folder, progress, compare_paper)


def _write(runs: Sequence[Run], folder: Path, progress: Progress, compare_paper: bool) -> int:
    _claim(folder)
    runs = [run.in_order() for run in runs]
    tables = score_tables(runs, compare_paper=compare_paper)
    for ending, write in WRITERS.items():
        write_whole(folder / "tables" / f"scores.{ending}", [write(tables, Style()).encode()])
    write_plots(make_plots(runs, compare_paper=compare_paper), folder)
    album = EpisodeAlbum(runs)
    for name in progress.track(album.chunk_names(), description="Episodes"):
        write_whole(folder / "data" / f"{name}.js", [chunk_script(album, name)])
    unreadable = _write_pictures(album, folder / "pictures", progress) + len(album.refused)
    write_whole(folder / PAGE, [runs_page(album, runs, compare_paper=compare_paper).encode()])
    return unreadable
