"""A sequence whose things are made when they are asked for, and not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, overload

Record = TypeVar("Record")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Lazily(Sequence[Result], Generic[Record, Result]):
    """What a function makes of records, each when it is asked for."""

    function: Callable[[Record], Result]
    records: Sequence[Record]

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, index: int) -> Result: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Result]: ...
    def __getitem__(self, index: int | slice) -> Result | Sequence[Result]:
        return (
            Lazily(self.function, self.records[index])
            if isinstance(index, slice)
            else self.function(self.records[index])
        )
