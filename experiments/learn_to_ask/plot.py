"""The results as a table and as a picture. Run as a module it makes both again from the figures that are kept here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import Any

HERE = Path(__file__).parent
COLOURS = {"0.5": "#1b7837", "0.75": "#2166ac", "1.0": "#b2182b"}

Row = Mapping[str, Any]


def groups(results: Mapping[str, Any]) -> Iterator[tuple[str, list[Row]]]:
    """The rows of each model, those that differ by their seed alone together, in the order of the results."""
    grouped: dict[str, list[Row]] = {}
    for row in results["rows"]:
        name = f"r_p = {row['proactive_reward']}" if "seed" in row else row["model"]
        grouped.setdefault(name, []).append(row)
    yield from grouped.items()


def table(results: Mapping[str, Any]) -> str:
    """A Markdown table; where there are several seeds, their mean and standard deviation."""
    columns: dict[str, Callable[[Row], float | None]] = {
        "acc %": lambda row: row["test"]["acc"],
        "psr": lambda row: row["test"]["psr"],
        "suggests %": lambda row: row["test"]["answers"]["suggestion"],
        "abstains %": lambda row: row["test"]["answers"]["abstention"],
        "names %": lambda row: row["test"]["answers"]["category"],
        "acc %, complete": lambda row: row["complete"]["acc"],
        "asks %, guess right": lambda row: row["asks_at_once"]["right"],
        "asks %, guess wrong": lambda row: row["asks_at_once"]["wrong"],
        "psr, unseen": lambda row: row["unseen"]["psr"],
    }
    lines = [f"| model | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    for name, rows in groups(results):
        cells = [_number([value(row) for row in rows], percent="%" in title) for title, value in columns.items()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _number(cells: Sequence[float | None], *, percent: bool) -> str:
    values = [100 * value if percent else value for value in cells if value is not None]
    if not values:
        return ""
    digits = 1 if percent else 2
    spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
    return f"{mean(values):.{digits}f}{spread}"


def draw(results: Mapping[str, Any], path: Path) -> None:
    """Draws accuracy against suggestions, and how the answers change during training."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (plane, curve) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    for name, rows in groups(results):
        reward = name.removeprefix("r_p = ")
        x, y = ([row["test"][score] for row in rows] for score in ("psr", "acc"))
        errors = [1.96 * row["test"]["acc_se"] for row in rows]
        colour = COLOURS.get(reward, "#555555")
        plane.errorbar(x, y, errors, fmt="o" if reward in COLOURS else "s", color=colour, alpha=0.8, capsize=2)
        if reward not in COLOURS:
            plane.annotate(name, (mean(x), mean(y)), xytext=(8, -14), textcoords="offset points", color=colour)
        for row in rows:
            if "training" in row:
                curve.plot(_smooth(row["training"]["valid_suggestion"]), color=colour, alpha=0.8)
    plane.axhline(0.25, color="#aaaaaa", linewidth=0.8, linestyle=":")
    plane.set(xlabel="suggestions per episode (psr)", ylabel="accuracy (acc)", ylim=(0, 1.05), title="New drawings")
    curve.set(xlabel="step of GRPO", ylabel="share of suggestions", ylim=(0, 1.02), title="While it is trained")
    for reward, colour in COLOURS.items():
        curve.plot([], [], color=colour, label=f"r_p = {reward}")
    curve.legend(frameon=False)
    for axes in (plane, curve):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=130)
    pyplot.close(figure)


def _smooth(values: Sequence[float], width: int = 5) -> list[float]:
    """The mean of each value and those before it, up to `width`."""
    return [mean(values[max(0, end - width) : end]) for end in range(1, len(values) + 1)]


if __name__ == "__main__":
    kept = json.loads((HERE / "results.json").read_text(encoding="utf-8"))
    draw(kept, HERE / "results.png")
    print(table(kept))
