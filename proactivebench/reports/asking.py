"""Does a model know when to ask, for readers: a run beside its forced answers, in a sentence and in one plot.

A run is held against the forced run of the same model, in the same setting, where both are in the report. Each scenario
has its own curves: what a coin, a threshold on the model's confidence and foresight would make of the same answers with
any number of suggestions. `evaluation.when` has the definitions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from proactivebench.evaluation.curves import Answers
from proactivebench.evaluation.forced import right
from proactivebench.evaluation.statistics import estimate_share
from proactivebench.evaluation.when import Beside, measure, pair
from proactivebench.reports.plot_style import Theme, label, marker_of_run, new_panels
from proactivebench.reports.runs import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 80
"""Numbers of suggestions at which a curve is computed."""

BINS = 10
"""Ranges of confidence in which answers are counted; each has about as many."""

CURVES = {
    "foresight": ("foresight", "-", 1.6),
    "threshold": ("confidence", (0, (4, 2)), 1.4),
    "coin": ("coin", ":", 1.6),
}
"""Who asks -> name in the plot, dashes and width of the line."""


@dataclass(frozen=True)
class Asking:
    """A run beside the forced run of the same model.

    Attributes:
        run: The run.
        position: Its place among the runs of the report.
        besides: Scenario -> its episodes, each with the forced answers.
    """

    run: Run
    position: int
    besides: dict[str, Beside]

    @cached_property
    def found(self) -> dict[str, Any]:
        """The numbers of `when.measure`."""
        return measure(self.besides)

    @property
    def unpaired(self) -> str:
        """To how many of its episodes there are forced answers, where not to all; else empty."""
        paired = sum(len(beside.played) for beside in self.besides.values())
        scored = sum(one.error is None for one in self.run.episodes)
        return f"forced answers to {paired:,} of {scored:,} episodes" if paired < scored else ""

    @property
    def said(self) -> str:
        """What `when` and its interval mean, in words."""
        interval = self.found["average"]["when_ci95"]
        if interval is None:
            return "Whether it knows when to ask cannot be told here: with these answers asking wins nothing."
        low, high = interval
        if low > 0:
            return "It knows something about when to ask: more than a coin does."
        if high < 0:
            return "It asks at the wrong times: a coin would do better."
        return "Nothing shows that it knows when to ask: it may be no better than a coin."


def find_asking(runs: Sequence[Run]) -> list[Asking]:
    """The runs that can ask in earnest and have a forced run of the same model in the same setting beside them."""
    forced = {_who(run): run for run in runs if run.identity["settings"]["mode"] == "forced"}
    found = []
    for position, run in enumerate(runs):
        settings = run.identity["settings"]
        if settings["mode"] == "mcqa" and not settings["random_options"] and _who(run) in forced:
            asking = _beside(run, forced[_who(run)], position)
            found += [asking] if asking.besides else []
    return found


@lru_cache(maxsize=64)
def _beside(run: Run, forced: Run, position: int) -> Asking:
    """Looked at once for all plots of a report."""
    return Asking(run, position, pair(run.episodes, forced.episodes))


def _who(run: Run) -> tuple[tuple[Any, ...], str, str]:
    """What a run shares with the forced run that it is held against: model, data, and setting but for the mode."""
    words = [word for word in run.settings.unusual if word != "forced"]
    return run.weights, run.played, ", ".join(words)


def _curves(answers: Answers, samples: int) -> Iterator[tuple[str, Any, Any]]:
    """Who asks, numbers of suggestions per episode, and the accuracy in percent at each."""
    weights = np.full((POINTS, samples), 1 / samples)
    psr = np.linspace(0, float(answers.most_suggestions(weights[:1])[0]), POINTS)
    for name in CURVES:
        if name != "threshold" or answers.confident:
            yield name, psr, 100 * getattr(answers, name)(weights, psr)


def asking_curves(found: Sequence[Asking], theme: Theme) -> Figure | None:
    """For each run and scenario accuracy over suggestions: where the run is, and where others would be."""
    panels = [(asking, name) for asking in found for name in asking.besides]
    if not panels:
        return None
    figure, planes = new_panels(theme, len(panels))
    for axes, (asking, name) in zip(planes, panels, strict=True):
        _draw(axes, asking, name, theme, labelled=axes is planes[0] or len(panels) <= 2)
        if len(panels) > 1:
            title = label(asking.run) if len(asking.besides) == 1 else f"{label(asking.run)}, {name}"
            axes.set_title(title, fontsize=9, color=theme.ink, loc="left")
    return figure


def _draw(axes: Axes, asking: Asking, name: str, theme: Theme, *, labelled: bool) -> None:
    beside, scores = asking.besides[name], asking.found["scenarios"][name]
    lines = {}
    for curve, psr, acc in _curves(beside.answers, len(beside.played)):
        label, dashes, width = CURVES[curve]
        axes.plot(psr, acc, color=theme.soft, linestyle=dashes, linewidth=width)
        lines[label] = psr, acc
    at, acc = scores["psr"], 100 * scores["acc"]
    found = estimate_share([float(one.correct) for one in beside.played], [one.source for one in beside.played])
    low, high = (100 * end for end in found.interval)
    axes.vlines([at], [low], [high], color=theme.ink, linewidth=1.4, zorder=3)
    axes.plot([at], [acc], marker=marker_of_run(asking.position), color=theme.ink, markersize=7, zorder=4, linestyle="")
    if labelled:
        axes.annotate(
            "the model",
            (at, acc),
            (8, 0),
            textcoords="offset points",
            color=theme.ink,
            fontsize=9,
            fontweight="bold",
            va="center",
        )
        for label, (psr, values) in lines.items():
            place, down = {"coin": (0.5, -11), "confidence": (0.62, 8)}.get(label, (1, 5))
            at_place = min(POINTS - 1, int(place * POINTS))
            axes.annotate(
                label, (psr[at_place], values[at_place]), (0, down), textcoords="offset points", color=theme.soft,
                fontsize=8.5, ha="right" if label != "confidence" else "left",
            )  # fmt: skip
    axes.set(xlabel="suggestions (psr)", ylabel="accuracy, %", ylim=(-3, 112))


def reliability(runs: Sequence[Run], theme: Theme) -> Figure | None:
    """How often forced answers are right, over how sure the model was of them; runs that say how sure they were."""
    sure = [(run, found) for run in runs if (found := _by_confidence(run))]
    if not sure:
        return None
    figure, planes = new_panels(theme, len(sure))
    for axes, (run, bins) in zip(planes, sure, strict=True):
        axes.plot([0, 100], [0, 100], color=theme.grid, linewidth=1, zorder=1)
        confidence, share, low, high = zip(*bins, strict=True)
        axes.vlines(confidence, low, high, color=theme.soft, linewidth=1)
        axes.plot(confidence, share, color=theme.ink, marker="o", markersize=4, linewidth=1.2)
        axes.set(xlabel="confidence, %", ylabel="right, %", xlim=(-3, 103), ylim=(-3, 103))
        if len(sure) > 1:
            axes.set_title(label(run), fontsize=9, color=theme.ink, loc="left")
    return figure


def _by_confidence(run: Run) -> list[tuple[float, float, float, float]]:
    """Mean confidence, share of right answers and its 95% interval, in percent, for groups of alike confidence."""
    answers = sorted(
        (turn.confidence, right(turn), episode.source)
        for episode in run.episodes
        if episode.forced and episode.error is None
        for turn in episode.turns
        if turn.confidence is not None
    )
    groups = [group for group in np.array_split(np.arange(len(answers)), BINS) if len(group)]
    bins = []
    for group in groups:
        confidence, rights, sources = zip(*(answers[place] for place in group), strict=True)
        found = estimate_share([float(one) for one in rights], sources)
        low, high = found.interval
        bins.append((100 * float(np.mean(confidence)), 100 * found.mean, 100 * low, 100 * high))
    return bins
