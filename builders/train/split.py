"""What the train split is made from: the rows that builders offer (`portion`), and in which order.

Rows of all portions are mixed by a draw of their own. `files` makes and writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from rich.progress import Progress

from builders.base import Builder, Drawn, PlannedSample, Portion, sample_random
from builders.pipeline.spool import Batch, batches
from builders.pipeline.workers import Workers
from builders.train.draws import Draws, Item
from proactivebench.layout import TRAIN


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

    def draw(self, pool: Workers[TrainSplit], draws: Draws, progress: Progress) -> None:
        """Draws the records of all portions.

        Raises:
            SourceError: A raw source cannot be read at all.
        """
        pieces = [(place, unit) for place, portion in enumerate(self.portions) for unit in portion.units()]
        task = progress.add_task("train: drawing", total=len(pieces))
        for drawn in pool.map(_draw, pieces):
            draws.take(drawn)
            progress.advance(task)

    def place(self, item: Item) -> tuple[float, str]:
        """Where in the split the row of an item stands."""
        builder, planned = self.plan(item)
        return sample_random(self.seed, builder.scenario, f"{TRAIN}/place/{planned.key}").random(), planned.key

    def plan(self, item: Item) -> tuple[Builder[Any, Any], PlannedSample[Any]]:
        """The sample of an item, and the builder that renders it."""
        portion = self.portions[item.portion]
        return portion.builder, portion.plan(item.record)


def _draw(split: TrainSplit, piece: tuple[int, Any]) -> Drawn[Batch]:
    place, unit = piece
    drawn = split.portions[place].draw(unit)
    items = [Item(place, record) for record in drawn.records]
    placed = sorted(((split.place(item), item) for item in items), key=itemgetter(0))
    return Drawn([*batches(placed)], drawn.skipped, drawn.problems)
