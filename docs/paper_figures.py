"""Draws the figures of docs/paper.md from the paper's tables, beside that page: python docs/paper_figures.py."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from proactivebench.reports.plot_style import PAPER, new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent
TRAINED = {"Qwen2.5-VL-3B": "o", "LLaVA-NeXT-Mistral-7B": "s"}
"""The models that the paper trained -> their markers."""


def tables() -> dict[str, Any]:
    """The paper's tables: setting -> model -> scenario, or `avg` -> score."""
    text = resources.files("proactivebench.published").joinpath("paper_results.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


def gap(paper: dict[str, Any]) -> Figure:
    """Accuracy of every model with the reference frame and on the benchmark, the best on the benchmark on top."""
    figure, axes = new_figure(PAPER, height=5)
    models = sorted(paper["mcqa_reference"], key=lambda name: float(paper["mcqa"][name]["avg"]["acc"]))
    for place, name in enumerate(models):
        seen, asked = (paper[setting][name]["avg"]["acc"] for setting in ("mcqa_reference", "mcqa"))
        axes.plot([asked, seen], [place, place], color=PAPER.grid, zorder=1)
        axes.plot([seen], [place], "o", color=PAPER.soft, markersize=4, label="reference frame" if place == 0 else None)
        axes.plot([asked], [place], "o", color=PAPER.ink, markersize=4, label="benchmark" if place == 0 else None)
    axes.set_yticks(range(len(models)), models, fontsize=6)
    axes.set(xlabel="accuracy, %", xlim=(0, 100))
    axes.legend(frameon=False, fontsize=7, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    return figure


def _arrow(axes: Axes, start: dict[str, float], end: dict[str, float]) -> None:
    look = {"arrowstyle": "->", "color": PAPER.soft, "linewidth": 0.8}
    axes.annotate("", (end["psr"], end["acc"]), (start["psr"], start["acc"]), arrowprops=look)
    axes.plot([start["psr"]], [start["acc"]], "o", color=PAPER.ink, markersize=3)
    axes.plot([end["psr"]], [end["acc"]], "o", color=PAPER.ink, markersize=3, fillstyle="none")


def hints(paper: dict[str, Any]) -> Figure:
    """Every model without the hint (filled) and with it (open)."""
    figure, axes = new_figure(PAPER)
    for name, scores in paper["mcqa"].items():
        _arrow(axes, scores["avg"], paper["mcqa_hint"][name]["avg"])
    axes.set(xlabel="suggestions per episode (psr)", ylabel="accuracy, %", ylim=(0, 60))
    return figure


def training(paper: dict[str, Any]) -> Figure:
    """The trained models before training and with each reward of a suggestion."""
    figure, axes = new_figure(PAPER)
    for name, marker in TRAINED.items():
        runs = {key.removeprefix(f"{name} "): scores["avg"] for key, scores in paper["grpo"].items() if name in key}
        steps = [(at["psr"], at["acc"]) for at in runs.values()]
        axes.plot(*zip(*steps, strict=True), marker=marker, color=PAPER.soft, mec=PAPER.ink, mfc=PAPER.ink, label=name)
        for place, label in ((0, "before"), (-1, "r_p = 1")):
            axes.annotate(label, steps[place], (0, -11), textcoords="offset points", fontsize=7, ha="center")
    axes.set(xlabel="suggestions per episode (psr)", ylabel="accuracy, %", ylim=(0, 60))
    axes.legend(frameon=False, fontsize=7)
    return figure


FIGURES = {"paper_gap.png": gap, "paper_hints.png": hints, "paper_training.png": training}

if __name__ == "__main__":
    for name, draw in FIGURES.items():
        draw(tables()).savefig(FOLDER / name, dpi=150, metadata={"Software": None})
