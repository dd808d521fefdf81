"""What the train split is made from: the rows that builders offer (`portion`), and in which order.

Rows of all portions are mixed by a draw of their own. `files` makes and writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rich.progress import Progress

from builders.base import Builder, Drawn, PlannedSample, Portion, sample_random
from builders.pipeline.workers import Workers
from proactivebench.layout import TRAIN


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

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the raw sources that its rows are made from."""
        return tuple(dict.fromkeys(name for portion in self.portions for name in portion.builder.sources))

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
