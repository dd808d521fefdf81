"""The paper's plots of some runs: which there are, and those of answers and turns; `planes` has those of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from proactivebench.answers import Outcome
from proactivebench.evaluation.records import Episode, Turn
from proactivebench.evaluation.statistics import estimate_share
from proactivebench.reports.asking import asking_curves, find_asking, reliability
from proactivebench.reports.planes import against_reference, asking_plane, open_ended_plane
from proactivebench.reports.plot_style import Theme, add_legend, label, new_figure, new_panels, outcome_colour
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import score_tables
from proactivebench.scenarios import Action

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ANSWERS = {
    "right": "names what is right",
    "wrong": "names what is wrong",
    "long": "asks what is accepted",
    "refused": "asks what is not",
    "abstained": "abstains",
    "unreadable": "unreadable",
}
"""Outcome that gives the colour -> the answer in words."""

MIN_EPISODES = 5
"""Episodes that a point of accuracy per number of turns needs."""


def _actions(runs: Sequence[Run], theme: Theme) -> Figure | None:
    shares = [(label(run), share) for run in runs if (share := _answer_shares(run))]
    places = np.arange(len(shares))
    if not shares:
        return None
    figure, axes = new_figure(theme, height=0.9 + 0.34 * len(shares))
    left = np.zeros(len(shares))
    for kind, words in _ANSWERS.items():
        widths = np.array([share.get(kind, 0.0) for _, share in shares])
        if widths.any():
            colour = outcome_colour(kind)
            axes.barh(places, widths, left=left, color=colour, label=words, height=0.62)
        left += widths
    axes.set_yticks(places, [name for name, _ in shares])
    axes.invert_yaxis()
    axes.grid(visible=False)
    axes.set(xlabel="share of answers, %", xlim=(0, 100))
    axes.tick_params(axis="y", labelcolor=theme.ink)
    add_legend(axes, theme)
    return figure


def _answer_shares(run: Run) -> dict[str, float]:
    """Percent of the answers by kind, over all scenarios; kinds without answers are left out."""
    kinds = Counter(
        _answer(turn, episode) for episode in run.episodes if episode.error is None for turn in episode.turns
    )
    return {kind: 100 * count / kinds.total() for kind, count in kinds.items()}


def _answer(turn: Turn, episode: Episode) -> str:
    """The outcome that an answer has the colour of."""
    if turn.kind == "category":
        by_judge = turn.judge is not None and episode.correct and turn is episode.turns[-1]
        return "right" if turn.category is Outcome.CORRECT or by_judge else "wrong"
    if turn.kind == "suggestion":
        return "long" if turn.suggestion is Outcome.CORRECT or turn.action is not Action.STOP else "refused"
    return "abstained" if turn.kind == "abstention" else turn.kind


def accuracy_per_turns(run: Run) -> list[tuple[int, int, float, float, float]]:
    """Accuracy among the episodes of each number of turns.

    Returns:
        Number of turns, episodes, accuracy and its 95% interval in percent; only where there are `MIN_EPISODES`.
    """
    scored = [episode for episode in run.episodes if episode.error is None]
    points = []
    for turns in sorted({len(episode.turns) for episode in scored}):
        group = sorted((one for one in scored if len(one.turns) == turns), key=lambda one: one.key)
        if len(group) >= MIN_EPISODES:
            right = [float(one.correct) for one in group]
            found = estimate_share(right, [one.source for one in group], run.identity["settings"]["seed"])
            low, high = found.interval
            points.append((turns, len(group), 100 * found.mean, 100 * low, 100 * high))
    return points


def _per_turns(runs: Sequence[Run], theme: Theme) -> Figure | None:
    from matplotlib.ticker import MaxNLocator

    drawn = [(run, points) for run in runs if len(points := accuracy_per_turns(run)) > 1]
    if not drawn:
        return None
    figure, panels = new_panels(theme, len(drawn))
    most = max(points[-1][0] for _, points in drawn)
    for axes, (run, points) in zip(panels, drawn, strict=True):
        turns, _, acc, low, high = zip(*points, strict=True)
        axes.vlines(turns, low, high, color=theme.soft, linewidth=1)
        axes.plot(turns, acc, color=theme.ink, marker="o", markersize=4, linewidth=1.2)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set(xlabel="turns of the episode", ylabel="accuracy, %", xlim=(0.5, most + 0.5), ylim=(-3, 103))
        axes.set_title(label(run), fontsize=9, color=theme.ink, loc="left")
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
    turns = [run for run in runs if "psr" in run.measures]
    beside = find_asking(runs)
    free = [run for run in runs if "agg" in run.measures]
    return [
        Plot(
            "acc_psr",
            "Accuracy and asking",
            "Averages over the scenarios that each played; regions and bars with 95% confidence.",
            lambda theme: asking_plane(turns, paper, theme),
        ),
        Plot(
            "open_ended",
            "Free replies",
            "Averages over the scenarios that each played, with 95% intervals; a reply may do both.",
            lambda theme: open_ended_plane(free, paper, theme),
        ),
        Plot(
            "when",
            "Asking at the right time",
            "What others would make of this model's own answers: foresight knows when the answer is right, confidence "
            "asks while the model is unsure, a coin asks at random. The bar is a 95% interval.",
            lambda theme: asking_curves(beside, theme),
        ),
        Plot(
            "reliability",
            "Is it as sure as it is right?",
            "Forced answers by confidence, in groups of the same size. On the line it is right as often as it is sure.",
            lambda theme: reliability(runs, theme),
        ),
        Plot(
            "turns",
            "Accuracy per number of turns",
            f"Among the episodes of that many turns, with 95% intervals; at least {MIN_EPISODES} episodes each.",
            lambda theme: _per_turns(turns, theme),
        ),
        Plot(
            "actions",
            "What the model answers",
            "Share of all answers of all turns; colours as above.",
            lambda theme: _actions(turns, theme),
        ),
        Plot(
            "reference",
            "Accuracy against reference",
            "On the line a model would do as well with asking as on the frame that shows the answer.",
            lambda theme: against_reference(runs, turns, paper, theme),
        ),
    ]
