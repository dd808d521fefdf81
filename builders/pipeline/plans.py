"""The plan of a build: every sample to be made and every record that was left out, in a fixed order.

It takes about a kilobyte for each, so it lies on disk (`spool`) and is read from its start as often as needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from builders.base import PlannedSample, Skip
from builders.pipeline.spool import Spool
from proactivebench.work.shards import Shard

Planned = PlannedSample[Any] | Skip


class Item(NamedTuple):
    """A piece of the plan: its place in it, and the number of samples before it, which is the id of a sample."""

    number: int
    id: int
    planned: Planned


class Plans(Spool[Planned]):
    """The pieces of the plan, in order; of a shard its own, in the places that they have among all.

    Args:
        folder: Where there is room for them.
        shard: Whose pieces are wanted; None for all.
    """

    def __init__(self, folder: Path, shard: Shard | None = None):
        super().__init__(folder)
        self._shard = shard

    @property
    def share(self) -> int:
        """Number of pieces that are wanted; of a shard about."""
        return self.count // (self._shard.of if self._shard else 1)

    def __iter__(self) -> Iterator[Item]:
        samples = 0
        for number, planned in enumerate(self.read()):
            key = planned.key if isinstance(planned, Skip) else planned.frames_key
            if self._shard is None or self._shard.owns(key):
                yield Item(number, samples, planned)
            samples += not isinstance(planned, Skip)
