"""Several processes that work on one run, such as `torchrun` and `accelerate launch` start: one for each GPU.

Each takes the next piece of work when it has room for it, so that none waits for one with longer pieces or a slower
GPU. The first one owns the folder, and the others join it; all append whole lines to the same files, which the system
keeps apart, so the processes must be on one machine. Where one dies, the launcher ends the others, and what is
not finished is continued with any number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any, Generic, TypeVar

from proactivebench.errors import ResumableError

Piece = TypeVar("Piece")

PATIENCE = timedelta(days=30)
"""How long processes wait for each other; the launcher notices earlier when one has died."""

_gatherings = count()
"""Numbers what processes do together, one after another; they all count alike."""


class Shared(Generic[Piece]):
    """Pieces of work, each of which one process takes.

    Args:
        pieces: All of them, the same ones in the same order in every process.
        count: How many there are.
        size: Number of processes.
        add: Adds to how many were taken by all processes, and returns the sum.
    """

    def __init__(self, pieces: Iterable[Piece], count: int, size: int, add: Callable[[int], int]):
        self._pieces = enumerate(pieces)
        self._count = count
        self._size = size
        self._add = add

    def take(self, in_hand: int = 0) -> Piece | None:
        """Takes the next piece, unless that would be more than an even share of what is left.

        Args:
            in_hand: Pieces that this process works on; one without any always gets what there is.

        Returns:
            The piece; None where all are taken, or where other processes should have what is left.
        """
        left = self._count - self._add(0)
        if left <= 0 or in_hand * self._size >= in_hand + left:
            return None
        number = self._add(1) - 1
        return next((piece for place, piece in self._pieces if place == number), None)


def _counter() -> Callable[[int], int]:
    taken = 0

    def add(pieces: int) -> int:
        nonlocal taken
        taken += pieces
        return taken

    return add


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, as one of them sees it.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
    """

    rank: int
    size: int
    _counters: Callable[[], Callable[[int], int]] = field(default=_counter, repr=False)

    @property
    def first(self) -> bool:
        """Whether this is the process that owns the folder."""
        return self.rank == 0

    def share(self, pieces: Iterable[Piece], count: int) -> Shared[Piece]:
        """So many pieces of work for all processes, which share out the same ones at the same time."""
        return Shared(pieces, count, self.size, self._counters())

    def wait(self) -> None:
        """Waits until all processes have come here.

        Raises:
            ResumableError: Another one has ended before.
        """
        if self.size == 1:
            return
        from torch import distributed

        with _noticing_the_dead():
            distributed.barrier()

    @contextmanager
    def first_one_first(self) -> Iterator[None]:
        """A block that the others enter when the first process has left it."""
        if not self.first:
            self.wait()
        yield
        if self.first:
            self.wait()


ALONE = Ranks(rank=0, size=1)
"""A process of which there is only one."""


@contextmanager
def gathered() -> Iterator[Ranks]:
    """The processes that were launched together, connected as long as the block lasts, or longer by a training."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ALONE
        return
    from torch import distributed

    if distributed.is_initialized():
        yield Ranks(distributed.get_rank(), size, _counter_of_all)
        return
    distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), size, _counter_of_all)
    finally:
        distributed.destroy_process_group()


def _counter_of_all() -> Callable[[int], int]:
    """A number that all connected processes add to, kept by their launcher."""
    from torch.distributed import distributed_c10d

    store: Any = distributed_c10d._get_default_store()
    key = f"taken/{next(_gatherings)}"

    def add(pieces: int) -> int:
        with _noticing_the_dead():
            return int(store.add(key, pieces))

    return add


@contextmanager
def _noticing_the_dead() -> Iterator[None]:
    try:
        yield
    except RuntimeError:
        raise ResumableError("One of the other processes has ended early; what it said tells why.") from None
