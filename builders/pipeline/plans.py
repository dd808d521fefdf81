"""The plan of a build: every sample to be made and every record that was left out, in a fixed order.

It takes about a kilobyte for each, so it lies on disk (`spool`) and is read from its start as often as needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from builders.base import PlannedSample, Skip
from builders.pipeline.spool import Spool

Planned = PlannedSample[Any] | Skip


class Item(NamedTuple):
    """A piece of the plan: its place in it, and the number of samples before it, which is the id of a sample."""

    number: int
    id: int
    planned: Planned


class Plans(Spool[Planned]):
    """The pieces of the plan, in order."""

    def __iter__(self) -> Iterator[Item]:
        samples = 0
        for number, planned in enumerate(self.read()):
            yield Item(number, samples, planned)
            samples += not isinstance(planned, Skip)
