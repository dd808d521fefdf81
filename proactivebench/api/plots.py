"""The plots of a report, for notebooks and papers."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from proactivebench.api.html import as_html
from proactivebench.api.runs import Run
from proactivebench.errors import UsageError, require_extra
from proactivebench.reports.plot_style import PAPER, encode
from proactivebench.reports.plots import make_plots
from proactivebench.work.files import write_whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Plot:
    """A plot; a notebook shows it.

    Attributes:
        title: What it is called.
        about: What it shows.
        figure: The figure of matplotlib, which may be changed.
    """

    title: str
    about: str
    figure: Figure

    def save(self, path: str | Path) -> None:
        """Writes it to a file.

        Args:
            path: Ends in `.svg` or `.png`; the same plot gives the same bytes.

        Raises:
            UsageError: It has another ending.
        """
        kind = Path(path).suffix.removeprefix(".")
        if kind not in ("svg", "png"):
            raise UsageError(f"{path}: a plot is saved as .svg or .png.")
        write_whole(Path(path), [encode(self.figure, kind)])

    def _repr_html_(self) -> str | None:
        uri = f"data:image/svg+xml;base64,{base64.b64encode(encode(self.figure, 'svg')).decode()}"
        return as_html("plot", self.title, self.about, uri)


def plot(name: str, *runs: Run, paper: bool = False) -> Plot:
    """One of a report's plots of some runs.

    Args:
        name: `acc_psr` (accuracy and asking), `turns` (accuracy per number of turns), `actions` (what the model
            answers), `reference` (accuracy against that on the reference frame), `open_ended` (free replies).
        runs: At least one.
        paper: Add the paper's models, where it has the runs' setting.

    Raises:
        UsageError: There is no such plot, or the runs have nothing that it could show.
    """
    with require_extra("A plot", "notebook"):
        import matplotlib  # noqa: F401
    plots = {one.stem: one for one in make_plots([run.loaded for run in runs], compare_paper=paper)}
    if name not in plots:
        raise UsageError(f"There is no plot {name!r}. There are: {', '.join(plots)}.")
    figure = plots[name].draw(PAPER)
    if figure is None:
        raise UsageError(f"These runs have nothing that the plot {name!r} could show.")
    return Plot(plots[name].title, plots[name].about, figure)
