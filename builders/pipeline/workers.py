"""Processes that work through a list and hand the results back in its order.

The order makes everything downstream independent of the number of processes; one worker is this process itself. To
start others takes seconds, so this one begins, calls for them when there is work for longer, and works on until they
are there: more workers are never slower than one. Only a few items per worker are under way, so memory does not grow
with the list. Ctrl-C and errors end the processes at once, and they end by themselves when this process is killed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import resource_tracker
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from proactivebench.errors import ResumableError

Shared = TypeVar("Shared")
Item = TypeVar("Item")
Result = TypeVar("Result")

_CHUNK = 4
"""Items that go to a process together: small ones cost less to send than to compute."""

_CHUNKS_UNDER_WAY_PER_WORKER = 4

_ALONE_SECONDS = 2.0
"""How long this process works alone: about what others need to start."""

_METHOD = "spawn"
"""How processes are started: with nothing of what this one has open or has imported."""

WAIT_FOR_ALL = False
"""Whether all work waits for the others, however little it is; set where what they make is compared."""

_shared: Any = None


class WorkerError(ResumableError):
    """A worker process was ended from outside."""


class Workers(Generic[Shared]):
    """A context manager around the processes.

    Args:
        count: Number of processes, at least 1.
        shared: First argument of every call; sent to each process once.
    """

    def __init__(self, count: int, shared: Shared):
        self._shared = shared
        self._count = count
        self._under_way = count * _CHUNKS_UNDER_WAY_PER_WORKER
        self._others = frozenset(multiprocessing.active_children())
        self._pool: ProcessPoolExecutor | None = None
        self._started: list[Future[int]] = []
        self._begin = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def _call_for_others(self) -> None:
        """Starts the processes, which leave Ctrl-C to this one: it is blocked while they are started, as they inherit.

        It is not lost to this process, which has it afterwards, when the processes are known and can be ended.
        """
        resource_tracker.ensure_running()  # to start it lets Ctrl-C through again
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            self._pool = ProcessPoolExecutor(
                self._count, multiprocessing.get_context(_METHOD), initializer=_start, initargs=(self._shared,)
            )
            self._started = [self._pool.submit(os.getpid) for _ in range(self._count)]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _others_are_there(self) -> bool:
        if self._count == 1 or not (WAIT_FOR_ALL or time.monotonic() - self._begin >= _ALONE_SECONDS):
            return False
        if self._pool is None:
            self._call_for_others()
        if WAIT_FOR_ALL:
            wait(self._started)
        return all(started.done() for started in self._started)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._pool is None:
            return
        if error is not None:
            for process in set(multiprocessing.active_children()) - self._others:
                process.terminate()
        self._pool.shutdown(cancel_futures=True)

    def map(self, function: Callable[[Shared, Item], Result], items: Iterable[Item]) -> Iterator[Result]:
        """Yields `function(shared, item)` for every item, in order; an exception of a call is raised in its place.

        Raises:
            WorkerError: A process was ended from outside.
        """
        remaining = iter(items)
        while not self._others_are_there():
            if not (alone := list(islice(remaining, 1))):
                return
            yield function(self._shared, alone[0])
        assert self._pool is not None
        pending: deque[Future[list[Result]]] = deque()
        try:
            while chunk := list(islice(remaining, _CHUNK)):
                pending.append(self._pool.submit(_call, function, chunk))
                if len(pending) >= self._under_way:
                    yield from pending.popleft().result()
            while pending:
                yield from pending.popleft().result()
        except BrokenProcessPool:
            raise WorkerError(
                "A worker process was ended from outside, most often for lack of memory; fewer workers need less."
            ) from None


def _start(shared: object) -> None:
    global _shared
    _shared = shared
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _call(function: Callable[[Any, Item], Result], chunk: list[Item]) -> list[Result]:
    return [function(_shared, item) for item in chunk]
