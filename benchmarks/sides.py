"""Two ways of doing the same, each in a process of its own, in turns.

What other work on the machine adds to one it adds to the other too, and the lowest figure of each counts.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

FIGURES = ("seconds", "processor_seconds")


def measured(play: Callable[[], dict[str, Any]]) -> None:
    """Does it and prints what it gave, with the time that it took and the time of all cores, as a JSON line."""
    started, processor = time.perf_counter(), time.process_time()
    found = play()
    took = {"seconds": time.perf_counter() - started, "processor_seconds": time.process_time() - processor}
    print(json.dumps(found | took))


def in_turns(
    module: str, sides: Sequence[str], arguments: Sequence[object], rounds: int, python: str = sys.executable
) -> dict[str, dict[str, Any]]:
    """Runs `PYTHON -m MODULE --side SIDE ARGUMENTS` for each side, several times.

    Returns:
        Side -> what it prints, with the lowest of its figures; all else must be the same each time.
    """
    played: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, lines in played.items():
            command = [python, "-m", module, "--side", side, *map(str, arguments)]
            done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
            lines.append(json.loads(done.stdout.splitlines()[-1]))
    return {
        side: lines[0] | {figure: min(line[figure] for line in lines) for figure in FIGURES}
        for side, lines in played.items()
    }


def beside(ours: dict[str, Any], other: dict[str, Any], name: str) -> dict[str, Any]:
    """The figures of both, and how many times ours the other's are."""
    figures = {
        f"{side}_{figure}": round(line[figure], 2)
        for side, line in (("our", ours), (name, other))
        for figure in FIGURES
    }
    ratios = {
        shown: round(other[figure] / ours[figure], 2)
        for shown, figure in (("ratio", "seconds"), ("processor_ratio", "processor_seconds"))
    }
    return figures | ratios
