"""Checking the rows of a train split: what is right to answer is shown, and suggestions are those of the benchmark.

A model learns the texts that it is rewarded for. Texts that the published package does not understand would teach it to
ask in vain, so the rows are held to the same rules as samples (`Scenario.flaw_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from proactivebench.errors import UsageError
from proactivebench.scenarios import Scenario, get_scenario
from proactivebench.scenarios.check import ambiguous

_COLUMNS = ("ground_truth", "proactive_actions", "options", "images")


def check_rows(folder: Path) -> Iterator[str]:
    """Checks the rows of `data/train-*.parquet` below a folder; pictures are not decoded.

    Yields:
        One sentence per problem, starting with the file and the row, counted from 0.
    """
    files = sorted((folder / "data").glob("train-*.parquet"))
    if not files:
        return
    try:
        from pyarrow import ArrowException, parquet
    except ModuleNotFoundError:
        yield "data: reading the rows takes pyarrow: pip install 'proactivebench-toolkit[hub]'"
        return
    for path in files:
        try:
            with parquet.ParquetFile(path) as file:
                if missing := sorted(set(_COLUMNS) - set(file.schema_arrow.names)):
                    yield f"{path.name}: there is no column {missing[0]}"
                    continue
                number = 0
                for batch in file.iter_batches(256, columns=[*_COLUMNS[:3], "images.list.element.path"]):
                    for row in batch.to_pylist():
                        yield from (f"{path.name}, row {number}: {problem}" for problem in _problems(row))
                        number += 1
        except (ArrowException, OSError) as error:
            yield f"{path.name}: not readable as Parquet ({error})"


def _problems(row: dict[str, Any]) -> Iterator[str]:
    options = tuple(row["options"] or ())
    for name, texts in (("ground_truth", [row["ground_truth"]]), ("proactive_actions", row["proactive_actions"] or ())):
        for text in texts:
            if text not in options:
                yield f"{name}: {text!r} is not one of the options"
    yield from ambiguous(options, "options")
    scenario = _scenario(row)
    if scenario is None:
        return
    for suggestion in row["proactive_actions"] or ():
        if flaw := scenario.flaw_of(suggestion):
            yield f"proactive_actions: {flaw}"


def _scenario(row: dict[str, Any]) -> Scenario | None:
    """The scenario that the picture's path names; None where it names none."""
    try:
        return get_scenario((row["images"][0]["path"] or "").partition("/")[0])
    except (IndexError, TypeError, UsageError):
        return None
