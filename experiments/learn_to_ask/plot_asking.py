"""Who learned when to ask, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

COLUMNS = {
    "acc": 100,
    "psr": 1,
    "coin": 100,
    "threshold": 100,
    "guesser's threshold": 100,
    "foresight": 100,
    "when": 1,
    "over coin": 100,
    "over threshold": 100,
    "over guesser's threshold": 100,
}
"""Number -> what it is multiplied with."""

SHOWN = ("test, whole", "resembling, filtered")
"""Parts in the picture."""

LOOKS = {"foresight": "#009e73", "threshold": "#d55e00", "guesser's threshold": "#e69f00", "coin": "#6e6e73"}


def asking_table(results: Mapping[str, Any]) -> str:
    """A Markdown table: the mean over seeds, with 95% intervals where they are needed."""
    lines = [f"| drawings | n | {' | '.join(COLUMNS)} |", "|---" * (len(COLUMNS) + 2) + "|"]
    for name, part in results["parts"].items():
        cells = [_cell(part["mean"], number, scale) for number, scale in COLUMNS.items()]
        lines.append(f"| {name} | {part['n']} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(scores: Mapping[str, Any], name: str, scale: float) -> str:
    value, interval = scores[name], scores[f"{name}_ci95"]
    if value is None:
        return "-"
    digits = 1 if scale == 100 else 2
    said = f"{scale * value:.{digits}f}"
    if name == "when" or name.startswith("over"):
        said += f" ({scale * interval[0]:.{digits}f} to {scale * interval[1]:.{digits}f})"
    return said


def draw_asking(results: Mapping[str, Any], path: Path) -> None:
    """Draws accuracy against suggestions: the models, and what others make of the same answers."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, planes = pyplot.subplots(1, len(SHOWN), figsize=(11, 4.2), layout="constrained", sharey=True)
    for plane, name in zip(planes, SHOWN, strict=True):
        part = results["parts"][name]
        for rule, colour in LOOKS.items():
            plane.plot(part["curves"]["psr"], part["curves"][rule], color=colour, linewidth=1.5, label=rule)
        guesser = part["guesser"]
        plane.plot(guesser["psr"], guesser["acc"], "s", color="#555555", label="guesser")
        for place, one in enumerate(part["seeds"]):
            plane.plot(one["psr"], one["acc"], "o", color="#0072b2", label="asker, three seeds" if place == 0 else None)
        plane.set(xlabel="suggestions per episode (psr)", title=f"{name} ({part['n']} drawings)", ylim=(0, 1.02))
        plane.spines[["top", "right"]].set_visible(False)
    planes[0].set(ylabel="accuracy (acc)")
    planes[-1].legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=130)
    pyplot.close(figure)
