"""Several processes that work on one run, such as `torchrun` and `accelerate launch` start: one for each GPU.

Each takes every n-th piece of work. The first one owns the folder, and the others join it; all append whole lines to
the same files, which the operating system keeps apart, so the processes must be on one machine. Where one dies, the
launcher ends the others, and the work is continued with any number of processes.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from proactivebench.errors import ResumableError

Piece = TypeVar("Piece")

PATIENCE = timedelta(days=30)
"""How long processes wait for each other; the launcher notices earlier when one has died."""


@dataclass(frozen=True)
class Ranks:
    """The processes of a run, as one of them sees it.

    Attributes:
        rank: Number of this process, from 0.
        size: Number of processes.
    """

    rank: int
    size: int

    @property
    def first(self) -> bool:
        """Whether this is the process that owns the folder."""
        return self.rank == 0

    def share(self, pieces: Sequence[Piece]) -> Sequence[Piece]:
        """The pieces of work that are this process's own."""
        return pieces[self.rank :: self.size]

    def wait(self) -> None:
        """Waits until all processes have come here.

        Raises:
            ResumableError: Another one has ended before.
        """
        if self.size == 1:
            return
        from torch import distributed

        try:
            distributed.barrier()
        except RuntimeError:
            raise ResumableError(
                f"One of the other {self.size - 1} processes has ended early; what it said tells why."
            ) from None

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
        yield Ranks(distributed.get_rank(), size)
        return
    distributed.init_process_group("gloo", timeout=PATIENCE)
    try:
        yield Ranks(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()
