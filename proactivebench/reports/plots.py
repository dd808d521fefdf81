"""The paper's plots of some runs: what each of them shows and how it is computed; `plot_style` says how they look."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.statistics import average, estimate
from proactivebench.reports.plot_style import Theme, add_legend, look_of_run, new_figure, short
from proactivebench.reports.runs import MULTIPLE_CHOICE, Run
from proactivebench.reports.scores import Row, score_tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ANSWERS = {
    "suggestion": ("asks", "#56b4e9"),
    "abstention": ("abstains", "#e69f00"),
    "category": ("names a category", "#0072b2"),
    "unreadable": ("unreadable", "#9aa0a6"),
}
_CHI2_95 = 5.991  # 95% quantile of the chi-squared distribution with two degrees of freedom
_Z_95 = 1.96
MIN_EPISODES = 5
"""Episodes that a point of accuracy per number of turns needs."""


def joint_draws(run: Run) -> NDArray[np.float64]:
    """Bootstrap draws of a run's average accuracy in percent and psr, shape (2000, 2); both from the same samples."""
    by_scenario: dict[str, list[Episode]] = {}
    for episode in sorted(run.episodes, key=lambda episode: episode.key):
        if episode.error is None:
            by_scenario.setdefault(episode.scenario, []).append(episode)
    seed = run.identity["settings"]["seed"]
    sources = {name: [episode.source for episode in group] for name, group in by_scenario.items()}
    accs = [
        estimate([100.0 * episode.correct for episode in group], sources[name], seed)
        for name, group in by_scenario.items()
    ]
    psrs = [
        estimate([len(episode.turns) - 1.0 for episode in group], sources[name], seed)
        for name, group in by_scenario.items()
    ]
    return np.column_stack([average(accs).draws, average(psrs).draws])


def _with_turns(runs: Sequence[Run]) -> list[Run]:
    """The runs whose episodes can have several turns; their order decides their colours in all plots."""
    return [run for run in runs if run.identity["settings"]["mode"] not in ("reference", "oeg")]


def _scatter_paper(axes: Axes, points: Sequence[tuple[float, float]], theme: Theme) -> None:
    x, y = np.array(points).T
    axes.scatter(x, y, s=14, color=theme.soft, alpha=0.6, linewidths=0, label="paper's models")


def _plane(runs: Sequence[Run], paper: Sequence[Row], theme: Theme) -> Figure | None:
    from matplotlib.patches import Ellipse

    scored = [run for run in runs if run.metrics["average"]["acc"] is not None]
    if not scored:
        return None
    figure, axes = new_figure(theme)
    if paper:
        points = [(row.average.psr or 0.0, row.average.acc) for row in paper]
        _scatter_paper(axes, points, theme)
    for run in scored:
        colour, marker = look_of_run(runs.index(run))
        draws = joint_draws(run)
        acc, psr = 100 * run.metrics["average"]["acc"], run.metrics["average"]["psr"]
        variances, directions = np.linalg.eigh(np.cov(draws[:, ::-1].T))
        width, height = 2 * np.sqrt(_CHI2_95 * np.clip(variances, 0, None))
        angle = float(np.degrees(np.arctan2(directions[1, 0], directions[0, 0])))
        axes.add_patch(Ellipse((psr, acc), width, height, angle=angle, color=colour, alpha=0.22, linewidth=0))
        axes.scatter([psr], [acc], s=34, color=colour, marker=marker, label=short(run.name), zorder=3)
    axes.set(xlabel="suggestions per episode (psr)", ylabel="accuracy, %", ylim=(-3, 103))
    axes.set_xlim(left=min(-0.1, axes.get_xlim()[0]))
    add_legend(axes, theme)
    return figure


def _reference_pairs(
    runs: Sequence[Run], paper: Mapping[str, Sequence[Row]]
) -> Iterator[tuple[str, float, float, bool]]:
    """Models with both accuracies: name, on the reference frame, on the benchmark, whether it is a run."""
    reference = {(run.model, run.fingerprint): run for run in runs if run.setting == "reference"}
    for run in runs:
        other = reference.get((run.model, run.fingerprint))
        if other is None or run is other:
            continue
        accs = [one.metrics["average"].get("acc") for one in (other, run)]
        if None not in accs:
            yield run.name, 100 * accs[0], 100 * accs[1], True
    on_reference = {row.name: row.average.acc for row in paper.get("reference", ())}
    for row in paper.get(MULTIPLE_CHOICE, ()):
        if row.name in on_reference:
            yield row.name, on_reference[row.name], row.average.acc, False


def _against_reference(runs: Sequence[Run], paper: Mapping[str, Sequence[Row]], theme: Theme) -> Figure | None:
    pairs = list(_reference_pairs(runs, paper))
    if not pairs:
        return None
    figure, axes = new_figure(theme)
    axes.plot([0, 100], [0, 100], color=theme.grid, linewidth=1, zorder=1)
    published = [(x, y) for _, x, y, is_run in pairs if not is_run]
    if published:
        _scatter_paper(axes, published, theme)
    names = [run.name for run in _with_turns(runs)]
    for name, x, y in ((name, x, y) for name, x, y, is_run in pairs if is_run):
        colour, marker = look_of_run(names.index(name))
        axes.scatter([x], [y], s=34, color=colour, marker=marker, label=short(name), zorder=3)
    axes.set(xlabel="accuracy on the reference frame, %", ylabel="accuracy, %", xlim=(-3, 103), ylim=(-3, 103))
    add_legend(axes, theme)
    return figure


def _actions(runs: Sequence[Run], theme: Theme) -> Figure | None:
    shares = {run.name: share for run in runs if (share := _answer_shares(run))}
    if not shares:
        return None
    figure, axes = new_figure(theme, height=0.9 + 0.34 * len(shares))
    left = np.zeros(len(shares))
    for kind, (label, colour) in _ANSWERS.items():
        widths = np.array([share.get(kind, 0.0) for share in shares.values()])
        axes.barh([short(name) for name in shares], widths, left=left, color=colour, label=label, height=0.62)
        left += widths
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set(xlabel="share of answers, %", xlim=(0, 100))
    axes.tick_params(axis="y", labelcolor=theme.ink)
    add_legend(axes, theme)
    return figure


def _answer_shares(run: Run) -> dict[str, float]:
    """Percent of the answers by kind, over all scenarios; kinds without answers are left out."""
    kinds = Counter(turn.kind for episode in run.episodes if episode.error is None for turn in episode.turns)
    return {kind: 100 * count / kinds.total() for kind, count in kinds.items()}


def accuracy_per_turns(run: Run) -> list[tuple[int, int, float, float, float]]:
    """Accuracy among the episodes of each number of turns.

    Returns:
        Number of turns, episodes, accuracy and its 95% Wilson interval in percent; only where there are `MIN_EPISODES`.
    """
    scored = [episode for episode in run.episodes if episode.error is None]
    points = []
    for turns in sorted({len(episode.turns) for episode in scored}):
        right = [episode.correct for episode in scored if len(episode.turns) == turns]
        n = len(right)
        if n < MIN_EPISODES:
            continue
        share, z2 = sum(right) / n, _Z_95**2
        middle = (share + z2 / (2 * n)) / (1 + z2 / n)
        half = _Z_95 * np.sqrt(share * (1 - share) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        points.append((turns, n, 100 * share, 100 * (middle - half), 100 * (middle + half)))
    return points


def _per_turns(runs: Sequence[Run], theme: Theme) -> Figure | None:
    from matplotlib.ticker import MaxNLocator

    figure, axes = new_figure(theme)
    drawn = False
    for position, run in enumerate(runs):
        points = accuracy_per_turns(run)
        if points:
            drawn = True
            turns, _, acc, low, high = zip(*points, strict=True)
            colour, marker = look_of_run(position)
            axes.fill_between(turns, low, high, color=colour, alpha=0.14, linewidth=0)
            axes.plot(turns, acc, color=colour, marker=marker, markersize=5, linewidth=1.4, label=short(run.name))
    if not drawn:
        return None
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="turns of the episode", ylabel="accuracy, %", ylim=(-3, 103))
    axes.set_xlim(0.5, axes.dataLim.x1 + 0.5)
    add_legend(axes, theme)
    return figure


class Plot(NamedTuple):
    """A plot: the stem of its file name, its title, what it shows, and what draws it."""

    stem: str
    title: str
    about: str
    draw: Callable[[Theme], Figure | None]


def make_plots(runs: Sequence[Run], *, compare_paper: bool = False) -> list[Plot]:
    """The plots of some runs; one whose data the runs do not have draws None."""
    tables = score_tables(runs, compare_paper=compare_paper)
    paper = {table.setting: [row for row in table.rows if row.run is None] for table in tables}
    turns = _with_turns(runs)
    return [
        Plot(
            "acc_psr",
            "Accuracy and asking",
            "Averages over scenarios; the regions hold the true values with 95% confidence.",
            lambda theme: _plane(turns, paper.get(MULTIPLE_CHOICE, []), theme),
        ),
        Plot(
            "turns",
            "Accuracy per number of turns",
            f"Among episodes of that many turns, with 95% intervals; at least {MIN_EPISODES} episodes.",
            lambda theme: _per_turns(turns, theme),
        ),
        Plot(
            "actions",
            "What the model answers",
            "Share of all answers: suggestions, abstentions, categories.",
            lambda theme: _actions(turns, theme),
        ),
        Plot(
            "reference",
            "Accuracy against reference",
            "On the line a model would do as well with asking as on the frame that shows the answer.",
            lambda theme: _against_reference(runs, paper, theme),
        ),
    ]
