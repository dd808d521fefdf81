"""What the training split draws its rows from: for each raw source a portion, of records that no sample shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Generic, TypeVar

from builders.base import Builder, PlannedSample, RecordBuilder, Skip, sample_random
from proactivebench.layout import TRAIN
from raw_sources.base import Problem

Unit = TypeVar("Unit")
Record = TypeVar("Record")


@dataclass(frozen=True)
class Drawn(Generic[Record]):
    """What was drawn; beside it what was left out on purpose, and raw data that is broken or missing."""

    records: list[Record] = field(default_factory=list)
    skipped: list[Skip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


class Portion(ABC, Generic[Unit, Record]):
    """The rows that come from one raw source.

    Attributes:
        builder: Makes a sample of a record, and renders it.
        count: Number of rows.
    """

    builder: Builder[Any, Any]
    count: int

    @abstractmethod
    def units(self) -> Sequence[Unit]:
        """The pieces of the raw source that are drawn from one by one; each picklable."""

    @abstractmethod
    def draw(self, unit: Unit) -> Drawn[Record]:
        """Draws records from a piece.

        Raises:
            SourceError: It cannot be read at all.
        """

    @abstractmethod
    def plan(self, record: Record) -> PlannedSample[Any]:
        """The sample of a record that was drawn."""


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
