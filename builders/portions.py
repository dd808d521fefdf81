"""What the training split draws from a builder of records: rows at random, of records that no sample shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

from builders.base import Drawn, PlannedSample, Portion, RecordBuilder, sample_random
from proactivebench.layout import TRAIN

Record = TypeVar("Record")


@dataclass(frozen=True)
class RecordPortion(Portion[None, Record]):
    """Rows drawn at random from the records of a builder that gives each at most one sample.

    Attributes:
        builder: Builds from raw data of which the benchmark shows nothing.
        count: Number of rows.
    """

    builder: RecordBuilder[Record, Any]
    count: int

    def units(self) -> Sequence[None]:
        return [None]

    def draw(self, unit: None) -> Drawn[Record]:
        drawn = Drawn[Record]()
        usable = []
        for record in self.builder.read(drawn.problems):
            plan = self.builder.plan_record(record)
            drawn.skipped.extend(plan.skipped)
            usable += [(self._rank(planned.key), record) for planned in plan.samples]
        usable.sort(key=itemgetter(0))
        drawn.records.extend(record for _, record in usable[: self.count])
        return drawn

    def _rank(self, key: str) -> tuple[float, str]:
        return sample_random(self.builder.seed, self.builder.scenario, f"{TRAIN}/{key}").random(), key

    def plan(self, record: Record) -> PlannedSample[Any]:
        return self.builder.plan_record(record).samples[0]
