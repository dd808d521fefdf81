"""How plots look: one small figure, restrained lines, a ground for light, dark and print.

Colours are those of Okabe and Ito, which people with any kind of colour vision tell apart; runs differ by marker too.
The same figure gives the same bytes.
"""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

RUN_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
MARKERS = "osD^vPX*"
_COLUMN = 26  # characters of a name beside which another one fits
_LINE = 0.16  # inches


class Theme(NamedTuple):
    """Colours of a plot's ground, text and lines."""

    ink: str
    soft: str
    grid: str
    ground: str


LIGHT = Theme("#1d1d1f", "#6e6e73", "#e3e3e8", "none")
DARK = Theme("#f2f2f5", "#a1a1a8", "#3a3a40", "none")
PAPER = LIGHT._replace(ground="white")


def new_figure(theme: Theme, height: float = 3.4) -> tuple[Figure, Axes]:
    """An empty figure, 4.8 inches wide, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, height), layout="constrained", facecolor=theme.ground)
    axes = figure.add_subplot(facecolor="none")
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.grid)
    axes.tick_params(colors=theme.soft, length=0, labelsize=9)
    axes.xaxis.label.set_color(theme.soft)
    axes.yaxis.label.set_color(theme.soft)
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def look_of_run(position: int) -> tuple[str, str]:
    """Colour and marker of a run."""
    return RUN_COLOURS[position % len(RUN_COLOURS)], MARKERS[position % len(MARKERS)]


def add_legend(axes: Axes, theme: Theme) -> None:
    """A legend above the axes, in two columns where the names are short; the figure grows by its lines."""
    labels = axes.get_legend_handles_labels()[1]
    columns = 2 if max(map(len, labels)) <= _COLUMN else 1
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(figure.get_figheight() + _LINE * (math.ceil(len(labels) / columns) - 1))
    axes.legend(
        frameon=False, fontsize=8, labelcolor=theme.ink, ncols=columns, loc="lower left", bbox_to_anchor=(-0.02, 1.0),
        handletextpad=0.4, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip


def short(name: str) -> str:
    """A name that fits into a legend."""
    return name if len(name) <= 38 else f"{name[:37]}…"


def encode(figure: Figure, kind: str) -> bytes:
    """A figure as a file, the same bytes every time.

    Args:
        figure: The figure.
        kind: `svg` or `png`.
    """
    import matplotlib as mpl

    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "proactivebench"}):
        figure.savefig(file, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return file.getvalue()
