"""Points of a plot with names: some are written beside them, all are said where the pointer is.

A picture on a page cannot answer to a pointer, so the page lays invisible circles over it, at the places found here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from proactivebench.reports.plot_style import Theme, lay_out, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

SIZE = 6.0
"""Points of the letters beside a spot."""

_LETTER = 0.56  # mean width of a letter in letter sizes


class Spot(NamedTuple):
    """A named point of a picture: where it is from left and top, 0 to 1, and what it is."""

    left: float
    top: float
    name: str


def add_spot(axes: Axes, name: str, at: tuple[float, float], *, label: str | None, **look: Any) -> None:
    """Draws a named point; `label` is for the legend."""
    x, y = at
    axes.plot([x], [y], linestyle="", label=label, gid=f"{name}: {x:.3g}, {y:.3g}", **look)


def _spots(axes: Axes) -> list[Line2D]:
    return [line for line in axes.lines if line.get_gid()]


def _place(line: Line2D) -> tuple[float, float]:
    x, y = np.asarray(line.get_xydata(), dtype=np.float64)[0]
    return float(x), float(y)


def find_spots(figure: Figure) -> list[Spot]:
    """The named points of a figure; those on top come last."""
    lay_out(figure)
    found = []
    for axes in figure.axes:
        for line in sorted(_spots(axes), key=lambda line: line.get_zorder()):
            left, bottom = figure.transFigure.inverted().transform(axes.transData.transform(_place(line)))
            found.append(Spot(float(left), 1 - float(bottom), str(line.get_gid())))
    return found


def label_spots(axes: Axes, theme: Theme) -> None:
    """Writes names beside the spots that have no label, as far as they have room: away from all points and names."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    lay_out(figure)
    scale = figure.dpi / 72
    places = {line: axes.transData.transform(_place(line)) for line in _spots(axes)}
    taken = [(x - 3 * scale, y - 3 * scale, x + 3 * scale, y + 3 * scale) for x, y in places.values()]
    right = axes.bbox.x1
    for line, (x, y) in places.items():
        if line.get_marker() != "o" or line.get_color() != theme.soft:
            continue
        name = short(str(line.get_gid()).rpartition(":")[0])
        width, height = len(name) * SIZE * _LETTER * scale, SIZE * scale
        box = (x + 4 * scale, y - height / 2, x + 4 * scale + width, y + height / 2)
        if box[2] < right and not any(_overlap(box, other) for other in taken):
            taken.append(box)
            axes.annotate(
                name,
                _place(line),
                (4, 0),
                textcoords="offset points",
                fontsize=SIZE,
                color=theme.soft,
                va="center",
            )


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
