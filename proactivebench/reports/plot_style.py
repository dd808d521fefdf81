"""How plots look: one small figure, restrained lines, a ground for light, dark and print.

A colour means what became of an episode or an answer, as everywhere on the page, whose style says which; runs are ink
and differ by marker. The curves of a training have no outcomes beside them; their colours are those of Okabe and Ito,
which people with any kind of colour vision tell apart. The same figure gives the same bytes.
"""

from __future__ import annotations

import io
import math
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from proactivebench.reports.runs import Run

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


@cache
def _outcome_colours() -> tuple[dict[str, str], dict[str, str]]:
    """The colours of the page, light and dark, by name."""
    style = resources.files("proactivebench.reports").joinpath("assets", "page.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    return dict(re.findall(r"--(\w+): (#\w{6})", light)), dict(re.findall(r"--(\w+): (#\w{6})", dark))


def outcome_colour(name: str) -> str:
    """The colour of an outcome on light ground, by the name that it has in the page's style."""
    return _outcome_colours()[0][name]


def darkened(svg: bytes) -> bytes:
    """A plot that was drawn for light ground, with the colours for dark ground."""
    light, dark = _outcome_colours()
    colours = {colour: dark[name] for name, colour in light.items()} | dict(zip(LIGHT, DARK, strict=True))
    return re.sub(r"#[0-9a-f]{6}", lambda found: colours.get(found[0], found[0]), svg.decode()).encode()


def new_figure(theme: Theme, height: float = 3.4) -> tuple[Figure, Axes]:
    """An empty figure, 4.8 inches wide, and its axes."""
    figure, [axes] = new_panels(theme, 1, height)
    return figure, axes


def new_panels(theme: Theme, count: int, height: float = 3.4) -> tuple[Figure, list[Axes]]:
    """A figure of some panels: one is 4.8 inches wide and as high as is said, several share 9.6 inches."""
    from matplotlib.figure import Figure

    columns = min(count, 2 if count <= 2 else 4)
    rows = math.ceil(count / columns)
    size = (4.8, height) if count == 1 else (9.6, rows * (2.9 if columns == 2 else 2.1))
    figure = Figure(figsize=size, layout="constrained", facecolor=theme.ground)
    panels = [figure.add_subplot(rows, columns, place + 1, facecolor="none") for place in range(count)]
    for axes in panels:
        _style(axes, theme)
    return figure, panels


def _style(axes: Axes, theme: Theme) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(theme.grid)
    axes.tick_params(colors=theme.soft, length=0, labelsize=9)
    axes.xaxis.label.set_color(theme.soft)
    axes.yaxis.label.set_color(theme.soft)
    axes.grid(color=theme.grid, linewidth=0.6)
    axes.set_axisbelow(True)


def marker_of_run(position: int) -> str:
    """The marker of a run, by its place among the runs."""
    return MARKERS[position % len(MARKERS)]


def add_legend(axes: Axes, theme: Theme) -> None:
    """A legend above the axes, in two columns where the names are short; the figure grows by its lines."""
    labels = axes.get_legend_handles_labels()[1]
    if not labels:
        return
    columns = 2 if max(map(len, labels)) <= _COLUMN else 1
    figure = axes.get_figure(root=True)
    assert figure is not None
    figure.set_figheight(figure.get_figheight() + _LINE * (math.ceil(len(labels) / columns) - 1))
    axes.legend(
        frameon=False, fontsize=8, labelcolor=theme.ink, ncols=columns, loc="lower left", bbox_to_anchor=(-0.02, 1.0),
        handletextpad=0.4, columnspacing=1.2, borderaxespad=0.2,
    )  # fmt: skip


def short(name: str) -> str:
    """A name that fits into a legend: of a long one both ends, for runs of one model differ in their folders."""
    return name if len(name) <= 38 else f"{name[:18]}…{name[-19:]}"


def label(run: Run) -> str:
    """What a run is called in a plot, which says so where not all of it is there."""
    return f"{short(run.name)}{' (part)' * run.is_part}"


def lay_out(figure: Figure) -> None:
    """Gives everything in a finished figure its place, once: what is encoded afterwards keeps it."""
    if figure.get_layout_engine() is not None:
        figure.draw_without_rendering()
        figure.set_layout_engine("none")


def encode(figure: Figure, kind: str) -> bytes:
    """A figure as a file, the same bytes every time.

    Args:
        figure: The figure.
        kind: `svg` or `png`.
    """
    import matplotlib as mpl

    lay_out(figure)
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "proactivebench"}):
        figure.savefig(file, format=kind, dpi=200, metadata={"Date": None} if kind == "svg" else {"Software": None})
    return file.getvalue()
