"""What was drawn for the train split, in the order of its rows, on disk.

Each piece of a raw source gives its items in order, and reading them merges the pieces. So memory does not grow with
the number of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from heapq import merge
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from builders.base import Drawn, Skip
from builders.pipeline.spool import Batch, Spool
from raw_sources.base import Problem


class Item(NamedTuple):
    """A record that becomes a row: place of its portion, and the record."""

    portion: int
    record: Any


Placed = tuple[tuple[float, str], Item]
"""Where in the split the row of an item stands, and the item."""


class Draws(Spool[Placed]):
    """What was drawn; beside it what was left out on purpose, and raw data that is broken or missing."""

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.skipped: list[Skip] = []
        self.problems: list[Problem] = []
        self._runs: list[tuple[int, int]] = []

    def take(self, drawn: Drawn[Batch]) -> None:
        """Adds what a piece of a raw source gave, by place."""
        start = self.end
        for batch in drawn.records:
            self.add(batch)
        self._runs.append((start, self.end))
        self.skipped.extend(drawn.skipped)
        self.problems.extend(drawn.problems)

    def __iter__(self) -> Iterator[Item]:
        runs = (self.read(start, end) for start, end in self._runs)
        return (item for _, item in merge(*runs, key=itemgetter(0)))
