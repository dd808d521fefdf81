"""Where a run stands beside others of the same samples: what a person is shown who has played one.

The others are the runs that lie beside it, in the same folder, were asked the same, and have played all of its samples.
All are scored on these samples alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.measured import differing
from proactivebench.evaluation.metrics import compute_metrics
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.run_log import RUN, RunDescription, read_episodes, read_run
from proactivebench.evaluation.settings import SIZE_ONLY
from proactivebench.evaluation.who import called

MISSED = 50
"""Episodes without the right answer that are told, at most."""


def find_standing(folder: Path) -> dict[str, Any]:
    """How a run stands, as JSON values.

    Returns:
        `episodes`, `right` (how many of them ended so), `seconds` (the median of its answers; None where nothing is
        known of them), `rows` (the run and those beside it, best first: `name`, `acc`, `psr`, both as they are `told`
        in every table, and whether it is `you`), and `missed` (of episodes without the right answer that `answer`,
        what was `said` last, and `turns`).
    """
    mine, described = _scored(folder), read_run(folder)
    rows = [_row(folder.name, mine, you=True)]
    for other, theirs in _others(folder, described):
        shared = {key: theirs[key] for key in mine if key in theirs}
        if mine and len(shared) == len(mine):
            rows.append(_row(other, shared, you=False))
    known = [turn.seconds for one in mine.values() for turn in one.turns if turn.seconds is not None]
    return {
        "episodes": len(mine),
        "right": sum(one.correct for one in mine.values()),
        "seconds": median(known) if known else None,
        "rows": sorted(rows, key=lambda row: (-row["acc"], row["psr"] or 0.0, row["name"])),
        "missed": [
            {"answer": one.answer, "said": one.turns[-1].chosen or one.turns[-1].reply, "turns": len(one.turns)}
            for one in mine.values()
            if not one.correct
        ][:MISSED],
    }


def _scored(folder: Path) -> dict[tuple[str, int, int], Episode]:
    return {one.key: one for one in read_episodes(folder) if one.error is None}


def _others(folder: Path, described: RunDescription) -> Iterator[tuple[str, dict[tuple[str, int, int], Episode]]]:
    """Name and episodes of the runs beside a run that were asked the same; what cannot be read is passed over."""
    asked = described.settings.model_dump(exclude=set(SIZE_ONLY))
    for other in sorted(folder.resolve().parent.iterdir()):
        if other == folder.resolve() or not (other / RUN).is_file():
            continue
        try:
            theirs = read_run(other)
            if theirs.settings.model_dump(exclude=set(SIZE_ONLY)) != asked or differing(
                described.data, theirs.data, kept=False
            ):
                continue
            yield called(theirs.model), _scored(other)
        except ProactiveBenchError:
            continue


def _row(name: str, episodes: dict[tuple[str, int, int], Episode], *, you: bool) -> dict[str, Any]:
    average = compute_metrics(episodes.values())["average"]
    acc, psr = average["acc"] or 0.0, average.get("psr")
    told = [f"{100 * acc:.1f}%", "\N{EN DASH}" if psr is None else f"{psr:.2f}"]
    return {"name": name, "acc": acc, "psr": psr, "told": told, "you": you}
