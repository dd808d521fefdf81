"""What is too much to be held, put aside on disk in the order in which it came, and read back piece by piece.

It lies in a file that has no name and goes with the process, so nobody else can write to it. Things are pickled in
batches, where they were made; texts that repeat in a batch are stored once.
"""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, NamedTuple, Self, TypeVar

Thing = TypeVar("Thing")

_BATCH = 64


class Batch(NamedTuple):
    """Some things as they are stored, and how many."""

    data: bytes
    size: int


def batches(things: Iterable[Any]) -> Iterator[Batch]:
    """Things as they are stored."""
    rest = iter(things)
    while batch := list(islice(rest, _BATCH)):
        yield Batch(pickle.dumps(batch), len(batch))


class Spool(Generic[Thing]):
    """The file; a context manager.

    Args:
        folder: Where there is room for it.

    Attributes:
        count: Number of things in it.
        end: Where the next batch goes.
    """

    def __init__(self, folder: Path):
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by `__exit__`
        self.count = 0
        self.end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, batch: Batch) -> None:
        """Puts things behind those that are there."""
        self._file.seek(self.end)
        self._file.write(batch.data)
        self.end += len(batch.data)
        self.count += batch.size

    def read(self, start: int = 0, end: int | None = None) -> Iterator[Thing]:
        """Reads things back, from the start of a batch to the end of one, by default all; several at once may read."""
        place, end = start, self.end if end is None else end
        while place < end:
            self._file.seek(place)
            batch = pickle.load(self._file)  # noqa: S301 - nobody else can have written it
            place = self._file.tell()
            yield from batch
