"""Plots with a point for every model: a run in ink, with how sure its scores are, the paper's models in grey."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.settings import MULTIPLE_CHOICE, derive_seed
from proactivebench.evaluation.statistics import average, estimate
from proactivebench.reports.plot_style import Theme, add_legend, label, marker_of_run, new_figure, short
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import SCALES, Row
from proactivebench.reports.spots import add_spot, label_spots

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Paper = Mapping[str, Sequence[Row]]
"""Setting -> the paper's models in it."""

_CHI2_95 = 5.991  # 95% quantile of the chi-squared distribution with two degrees of freedom
_PAPER_MARKERS = "o^sDv"


def joint_draws(run: Run) -> NDArray[np.float64]:
    """Bootstrap draws of a run's average accuracy in percent and psr, shape (2000, 2); both from the same samples."""
    by_scenario: dict[str, list[Episode]] = {}
    for episode in sorted(run.episodes, key=lambda episode: episode.key):
        if episode.error is None:
            by_scenario.setdefault(episode.scenario, []).append(episode)
    seed = run.identity["settings"]["seed"]
    sources = {name: [episode.source for episode in group] for name, group in by_scenario.items()}
    seeds = {name: derive_seed(seed, name) for name in by_scenario}  # scenarios are drawn independently of each other
    accs = [
        estimate([100.0 * episode.correct for episode in group], sources[name], seeds[name])
        for name, group in by_scenario.items()
    ]
    psrs = [
        estimate([len(episode.turns) - 1.0 for episode in group], sources[name], seeds[name])
        for name, group in by_scenario.items()
    ]
    return np.column_stack([average(accs).draws, average(psrs).draws])


def _scatter_paper(
    axes: Axes,
    points: Mapping[str, tuple[float, float]],
    theme: Theme,
    name_of_all: str = "paper's models",
    marker: str = "o",
) -> None:
    for number, (name, at) in enumerate(points.items()):
        look = {"color": theme.soft, "marker": marker, "markersize": 3.5, "markeredgewidth": 0, "alpha": 0.7}
        add_spot(axes, name, at, label=name_of_all if number == 0 else None, **look)


def _scatter_paper_averages(
    axes: Axes, runs: Sequence[Run], paper: Paper, measures: tuple[str, str], theme: Theme
) -> None:
    """The paper's models in the settings of the runs, a marker for each setting."""
    settings = [setting for setting in dict.fromkeys(run.setting for run in runs) if paper.get(setting)]
    for setting, marker in zip(settings, _PAPER_MARKERS, strict=False):
        said = "paper's models" if len(settings) == 1 else f"paper: {setting}"
        averages = {row.name: tuple(row.average(measure) or 0.0 for measure in measures) for row in paper[setting]}
        points = {name: (x, y) for name, (x, y) in averages.items()}
        _scatter_paper(axes, points, theme, short(said), marker)


def _add_point(axes: Axes, run: Run, position: int, measures: tuple[str, str], theme: Theme) -> tuple[float, float]:
    """Marks a run at its averages of two measures, with bars for their 95% intervals; returns where."""
    scores = run.metrics["average"]
    x, y = (SCALES[name] * scores[name] for name in measures)
    bars = [
        np.abs(SCALES[name] * np.array(scores[f"{name}_ci95"]) - at)[:, None]
        for name, at in zip(measures, (x, y), strict=True)
    ]
    axes.errorbar([x], [y], xerr=bars[0], yerr=bars[1], color=theme.ink, fmt="none", linewidth=1, zorder=2)
    look = {"color": theme.ink, "marker": marker_of_run(position), "markersize": 6.5, "zorder": 3}
    add_spot(axes, run.name, (x, y), label=label(run), **look)
    return x, y


def asking_plane(runs: Sequence[Run], paper: Paper, theme: Theme) -> Figure | None:
    """Accuracy over suggestions per episode, with 95% confidence regions; runs of several turns alone.

    A region shrinks to a line where one score is the same in all episodes; bars show the interval of each score.
    """
    from matplotlib.patches import Ellipse

    scored = [run for run in runs if run.metrics["average"]["acc"] is not None]
    if not scored:
        return None
    figure, axes = new_figure(theme)
    _scatter_paper_averages(axes, scored, paper, ("psr", "acc"), theme)
    for run in scored:
        draws = joint_draws(run)
        at = _add_point(axes, run, runs.index(run), ("psr", "acc"), theme)
        variances, directions = np.linalg.eigh(np.cov(draws[:, ::-1].T))
        width, height = 2 * np.sqrt(_CHI2_95 * np.clip(variances, 0, None))
        angle = float(np.degrees(np.arctan2(directions[1, 0], directions[0, 0])))
        axes.add_patch(Ellipse(at, width, height, angle=angle, color=theme.soft, alpha=0.18, linewidth=0))
    axes.set(xlabel="suggestions per episode (psr)", ylabel="accuracy, %", ylim=(-3, 103))
    axes.set_xlim(left=min(-0.1, axes.get_xlim()[0]))
    add_legend(axes, theme)
    label_spots(axes, theme)
    return figure


def open_ended_plane(runs: Sequence[Run], paper: Paper, theme: Theme) -> Figure | None:
    """Right categories over valid suggestions in free replies, with 95% intervals; runs of mode `oeg` alone."""
    judged = [run for run in runs if "agg" in run.metrics["average"]]
    if not judged:
        return None
    figure, axes = new_figure(theme)
    _scatter_paper_averages(axes, judged, paper, ("ps", "cc"), theme)
    for run in judged:
        _add_point(axes, run, runs.index(run), ("ps", "cc"), theme)
    axes.set(xlabel="replies with a valid suggestion (ps), %", ylabel="with the right category (cc), %")
    axes.set(xlim=(-3, 103), ylim=(-3, 103))
    add_legend(axes, theme)
    label_spots(axes, theme)
    return figure


def _who_played_what(run: Run) -> tuple[Any, ...]:
    return run.weights, run.played, *run.parts.items()


def _reference_pairs(
    runs: Sequence[Run], with_turns: Sequence[Run], paper: Paper
) -> Iterator[tuple[str, float, float, Run | None]]:
    """Models with both accuracies: name, on the reference frame, on the benchmark, the run (None for the paper's)."""
    reference = {_who_played_what(run): run for run in runs if run.setting == "reference"}
    for run in with_turns:
        other = reference.get(_who_played_what(run))
        if other is None:
            continue
        accs = [one.metrics["average"].get("acc") for one in (other, run)]
        if None not in accs:
            yield run.name, 100 * accs[0], 100 * accs[1], run
    on_reference = {row.name: row.average("acc") for row in paper.get("reference", ())}
    for row in paper.get(MULTIPLE_CHOICE, ()):
        x, y = on_reference.get(row.name), row.average("acc")
        if x is not None and y is not None:
            yield row.name, x, y, None


def against_reference(runs: Sequence[Run], with_turns: Sequence[Run], paper: Paper, theme: Theme) -> Figure | None:
    """Accuracy over that on the reference frame, for models that have both."""
    pairs = list(_reference_pairs(runs, with_turns, paper))
    if not pairs:
        return None
    figure, axes = new_figure(theme)
    axes.plot([0, 100], [0, 100], color=theme.grid, linewidth=1, zorder=1)
    published = {name: (x, y) for name, x, y, run in pairs if run is None}
    if published:
        _scatter_paper(axes, published, theme)
    names = [run.name for run in with_turns]
    for name, x, y, run in pairs:
        if run is None:
            continue
        look = {"color": theme.ink, "marker": marker_of_run(names.index(name)), "markersize": 6, "zorder": 3}
        add_spot(axes, name, (x, y), label=label(run), **look)
    axes.set(xlabel="accuracy on the reference frame, %", ylabel="accuracy, %", xlim=(-3, 103), ylim=(-3, 103))
    add_legend(axes, theme)
    label_spots(axes, theme)
    return figure
