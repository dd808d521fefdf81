"""A training as a page: what its answers earned and were, step by step, and what it scored on the held-out part.

It is drawn from the two files that a training keeps, and can be drawn while the training goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proactivebench.errors import UsageError
from proactivebench.reports.page import drawn_plots, render
from proactivebench.reports.plot_style import RUN_COLOURS, Theme, add_legend, new_figure
from proactivebench.reports.plots import Plot
from proactivebench.reports.report import PAGE, write_plots
from proactivebench.reports.server import NOT_FOUND, Response, Site
from proactivebench.work.files import parse_json, write_whole
from proactivebench.work.folder import locked
from proactivebench.work.lines import complete_lines

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DESCRIPTION, LOG = "train.json", "train_log.jsonl"
"""Files of a training; the room of trainings names them too, but loads torch."""

SMOOTHED = 9
"""Steps of which a line shows the mean: one step has few answers."""

_EARNED = {"reward": "reward"}
_ANSWERS = {
    "valid_suggestion": "asks, and may",
    "right_category": "names the right category",
    "suggestions": "suggestions per episode",
    "correct": "episodes that end right",
}
_HELD_OUT = {"acc": "acc", "psr": "psr", "when": "when"}


@dataclass(frozen=True)
class Training:
    """What is known of a training.

    Attributes:
        folder: Where it is.
        model: Its name.
        identity: Its settings and versions, as JSON values.
        steps: Lines of the log about steps.
        held_out: Step -> scores on the held-out part.
    """

    folder: Path
    model: str
    identity: Mapping[str, Any]
    steps: Sequence[Mapping[str, float]]
    held_out: Mapping[int, Mapping[str, Any]]

    @classmethod
    def load(cls, folder: Path) -> Training:
        """Reads a training, finished or not.

        Raises:
            UsageError: The folder holds none.
        """
        try:
            identity = parse_json((folder / DESCRIPTION).read_bytes())
            lines = [parse_json(line) for line in complete_lines(folder / LOG)]
            held_out = {line["step"]: line["held_out"] for line in lines if "held_out" in line}
            steps = [line for line in lines if "reward" in line]
            return cls(folder, str(identity["settings"]["model"]), identity, steps, held_out)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise UsageError(f"{folder} is not a training: {type(error).__name__}: {error}") from error


def is_training(folder: Path) -> bool:
    """Whether a folder is that of a training."""
    return (folder / DESCRIPTION).is_file()


def make_plots(training: Training) -> list[Plot]:
    """The plots of a training; one whose data the log does not have draws None."""
    smooth = f"Dots are steps, lines the mean of the last {SMOOTHED}."
    counted = "Shares of the answers or episodes; suggestions are counted per episode."
    return [
        Plot("reward", "Reward", f"Of all answers of a step. {smooth}", partial(_by_step, training, _EARNED)),
        Plot("answers", "What it answers", f"{counted} {smooth}", partial(_by_step, training, _ANSWERS)),
        Plot(
            "held_out",
            "On the held-out part",
            "Samples that it is not trained on: accuracy, suggestions per episode, and when (0 a coin, 1 foresight).",
            partial(_held_out, training),
        ),
    ]


def _by_step(training: Training, names: Mapping[str, str], theme: Theme) -> Figure | None:
    lines = {
        label: [(step["step"], step[name]) for step in training.steps if name in step] for name, label in names.items()
    }
    return _drawn(lines, theme, smooth=True)


def _held_out(training: Training, theme: Theme) -> Figure | None:
    lines = {
        label: [(step, scores[name]) for step, scores in training.held_out.items() if scores.get(name) is not None]
        for name, label in _HELD_OUT.items()
    }
    return _drawn(lines, theme, smooth=False)


def _drawn(lines: Mapping[str, Sequence[tuple[float, float]]], theme: Theme, *, smooth: bool) -> Figure | None:
    """One line per name, where there are points of it."""
    if not any(lines.values()):
        return None
    figure, axes = new_figure(theme)
    for colour, (label, points) in zip(RUN_COLOURS, lines.items(), strict=False):
        if points:
            steps, values = zip(*points, strict=True)
            shown = _means(values) if smooth else values
            axes.plot(steps, values, ".", color=colour, alpha=0.35 if smooth else 1, markersize=3 if smooth else 7)
            axes.plot(steps, shown, color=colour, linewidth=1.4, label=label)
    axes.set(xlabel="step")
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    add_legend(axes, theme)
    return figure


def _means(values: Sequence[float]) -> list[float]:
    """The mean of each value and those before it, up to `SMOOTHED`."""
    ends = range(1, len(values) + 1)
    return [sum(part) / len(part) for end in ends if (part := values[max(0, end - SMOOTHED) : end])]


def training_page(training: Training, *, live: bool = False) -> str:
    """The page of a training.

    Args:
        training: What to show.
        live: Let the page look every few seconds whether the training has come further.
    """
    return render(
        "training.html",
        ("training.js",),
        title=training.model,
        training=training,
        last=training.steps[-1] if training.steps else None,
        plots=drawn_plots(make_plots(training)),
        live=live,
    )


def write_training_report(training: Training, folder: Path) -> None:
    """Writes `index.html`, and its plots once more as files in `plots`.

    Raises:
        UsageError: The folder holds something else, or another process writes there.
    """
    with locked(folder):
        _write(training, folder)


def _write(training: Training, folder: Path) -> None:
    if any(not path.name.startswith(".") for path in folder.iterdir()) and not (folder / PAGE).is_file():
        raise UsageError(f"{folder} contains something other than a report. Choose a new folder.")
    write_plots(make_plots(training), folder)
    write_whole(folder / PAGE, [training_page(training).encode()])


class TrainingSite(Site):
    """A training while it goes on; the page asks for `version`, and loads itself anew when that has changed."""

    def __init__(self, folder: Path):
        self._folder = folder

    def get(self, path: str) -> Response:
        if path == "version":
            log = self._folder / LOG
            return Response(str(log.stat().st_size if log.exists() else 0).encode(), "text/plain; charset=utf-8")
        if path == "":
            page = training_page(Training.load(self._folder), live=True)
            return Response(page.encode(), "text/html; charset=utf-8")
        return NOT_FOUND
