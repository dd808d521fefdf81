"""Where the data of a run lie: `where.json` beside its records.

The path decides nothing, so it is no part of what must match when a run is continued; reports use it to find pictures.
It is written as seen from the run's folder, so that a run and its data can move together.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

WHERE = "where.json"


def write_where(run: Path, data: Path) -> None:
    """Notes the folder of the benchmark that a run is played on."""
    text = json.dumps({"data": Path(os.path.relpath(data.resolve(), run.resolve())).as_posix()})
    temporary = run / f".{WHERE}.part"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(run / WHERE)


def read_where(run: Path) -> Path | None:
    """The benchmark's folder as it was when the run was last played; None where that is not known."""
    try:
        return run / str(json.loads((run / WHERE).read_text(encoding="utf-8"))["data"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
