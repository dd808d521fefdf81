"""What the train split is made from: which drawings of Quick, Draw! and photos of COCO, and in which order.

Drawings are the next of the draw whose first ones are the test split, so no drawing is in both; photos are those of
COCO's other split. Rows of both are mixed by a draw of their own. `train_files` makes and writes them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from rich.progress import Progress

from builders.base import Builder, PlannedSample, Skip, Unit, sample_random
from builders.coco import CocoBuilder
from builders.pipeline.workers import Workers
from builders.quickdraw import QuickDrawBuilder
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
from raw_sources.base import Problem
from raw_sources.coco import CocoRecord
from raw_sources.quickdraw import DrawingRef

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
class Drawings(Portion[tuple[str, int], DrawingRef]):
    """Drawings, evenly spread over the categories.

    Attributes:
        builder: The builder of the test split, whose drawings are passed over.
        count: Number of drawings.
    """

    builder: QuickDrawBuilder
    count: int = 17_000

    def units(self) -> Sequence[tuple[str, int]]:
        names = self.builder.units()
        return [(name, (self.count + place) // len(names)) for place, name in enumerate(names)]

    def draw(self, unit: tuple[str, int]) -> Drawn[DrawingRef]:
        name, count = unit
        found = self.builder.source.select(name, count, self.builder.seed, skip=self.builder.per_category)
        few = [Skip(name, "category with fewer drawings than asked for")] if len(found.chosen) < count else []
        return Drawn(found.chosen, few, found.problems)

    def plan(self, record: DrawingRef) -> PlannedSample[DrawingRef]:
        return self.builder.plan_drawing(record)


@dataclass(frozen=True)
class Photos(Portion[None, CocoRecord]):
    """Photos of COCO's training split.

    Attributes:
        builder: Builds from COCO's split `train`.
        count: Number of photos.

    Raises:
        UsageError: The photos may be those of the test split.
    """

    builder: CocoBuilder
    count: int = 10_000

    def __post_init__(self) -> None:
        if self.builder.split != TRAIN or "2017" in self.builder.source.annotations.name:
            raise UsageError(
                f"{self.builder.source.annotations} may hold photos of the test split: those of 2014 and of 2017 are "
                "divided differently. Get instances_train2014.json."
            )

    def units(self) -> Sequence[None]:
        return [None]

    def draw(self, unit: None) -> Drawn[CocoRecord]:
        drawn = Drawn[CocoRecord]()
        usable = []
        for record in self.builder.read(drawn.problems):
            plan = self.builder.plan_record(record)
            drawn.skipped.extend(plan.skipped)
            usable += [record] * len(plan.samples)
        drawn.records.extend(sorted(usable, key=self._rank)[: self.count])
        return drawn

    def _rank(self, record: CocoRecord) -> tuple[float, int]:
        random = sample_random(self.builder.seed, self.builder.scenario, f"{TRAIN}/{record.image_id}")
        return random.random(), record.image_id

    def plan(self, record: CocoRecord) -> PlannedSample[CocoRecord]:
        return self.builder.plan_record(record).samples[0]


class Item(NamedTuple):
    """A record that becomes a row: place of its portion, and the record."""

    portion: int
    record: Any


@dataclass(frozen=True)
class TrainSplit:
    """What the train split is made from.

    Attributes:
        portions: Where its rows come from.
        seed: Decides the frame and the place of every row.
    """

    portions: Sequence[Portion[Any, Any]]
    seed: int = 0

    def settings(self) -> dict[str, Any]:
        """Everything that decides the bytes, as JSON values."""
        settings: dict[str, Any] = {"seed": self.seed}
        for portion in self.portions:
            name = portion.builder.scenario.name
            settings[f"{name} rows"] = portion.count
            settings |= {f"{name} {key}": value for key, value in portion.builder.settings().items()}
        return settings

    def draw(self, pool: Workers[TrainSplit], progress: Progress) -> Drawn[Item]:
        """Draws the records of all portions, in the order of the rows.

        Raises:
            SourceError: A raw source cannot be read at all.
        """
        drawn = Drawn[Item]()
        pieces = [(place, unit) for place, portion in enumerate(self.portions) for unit in portion.units()]
        task = progress.add_task("train: drawing", total=len(pieces))
        for (place, _), found in zip(pieces, pool.map(_draw, pieces), strict=True):
            drawn.records.extend(Item(place, record) for record in found.records)
            drawn.skipped.extend(found.skipped)
            drawn.problems.extend(found.problems)
            progress.advance(task)
        drawn.records.sort(key=self._place)
        return drawn

    def _place(self, item: Item) -> tuple[float, str]:
        builder, planned = self.plan(item)
        return sample_random(self.seed, builder.scenario, f"{TRAIN}/place/{planned.key}").random(), planned.key

    def plan(self, item: Item) -> tuple[Builder[Any, Any], PlannedSample[Any]]:
        """The sample of an item, and the builder that renders it."""
        portion = self.portions[item.portion]
        return portion.builder, portion.plan(item.record)


def _draw(split: TrainSplit, piece: tuple[int, Any]) -> Drawn[Any]:
    place, unit = piece
    return split.portions[place].draw(unit)
