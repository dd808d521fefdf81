"""How requests that arrive one by one become batches for one accelerator.

Requests are prepared (pictures decoded, text tokenised) in worker threads the moment they arrive; one dedicated thread
takes what is prepared and generates. It starts as soon as a batch is full or nothing more can come, because every live
episode already waits; never on a timer. A batch is the request that has waited longest and those nearest to it in
length, none more than twice as long as another: little padding, large pictures apart from small ones, nobody starves.

Where the memory that batches take is measured, a batch is a budget of tokens: what the largest one so far has used says
how many fit. So small requests fill large batches even after large ones have been played, and of the large ones already
the first batch is cut to size.

What is prepared fills memory until it is answered, so beyond a number of tokens no more is prepared ahead, and what is
ready makes a batch.

A batch that fails is halved and tried again, so that the request that is to blame fails alone and its neighbours are
answered, just as if each had been a batch of its own. Where memory was what ran out, the size is remembered.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence, Sized
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from math import inf
from typing import Generic, NamedTuple, TypeVar

from proactivebench.models.base import ReplyError

Given = TypeVar("Given")
Prepared = TypeVar("Prepared", bound=Sized)


FULL = 0.9
"""Share of the free memory that a batch may take by what was measured."""

MOST_PADDING = 2
"""How many times as long as the shortest request of a batch the longest may be."""

LARGEST_BATCH = 256
"""Requests in a batch to which the number grows."""

PREPARED_TOKENS = 1 << 20
"""Tokens that are prepared at once: about 5 GB of pictures in 32 bits, at 28 x 28 pixels a token."""


@dataclass
class BatchLimit:
    """How much goes into one batch.

    Attributes:
        requests: Requests of a full batch.
        tokens: Tokens that a batch may have, padding included; finite once memory was measured, or has run out.
    """

    requests: int
    tokens: float = inf
    _measured: int = 0
    _failed: float = inf

    def fill(self, candidates: Sequence[Sized]) -> int:
        """How many of the candidates, taken from the front, make a batch; at least one."""
        longest, shortest = 0.0, inf
        for count, candidate in enumerate(candidates[: self.requests]):
            longest, shortest = max(longest, len(candidate)), min(shortest, len(candidate))
            if count and ((count + 1) * longest > self.tokens or longest > MOST_PADDING * shortest):
                return count
        return min(self.requests, len(candidates))

    def too_large(self, batch: Sequence[Sized]) -> None:
        """Remembers that a batch did not fit into memory."""
        self._failed = min(self._failed, _tokens(batch) / 2)
        self.tokens = min(self.tokens, self._failed)

    def has_fitted(self, batch: Sequence[Sized], share: float) -> None:
        """Learns from a batch how many tokens fit, and takes more requests if twice as many of them do.

        Args:
            batch: It was answered.
            share: Share of the free memory that it took, 0 to 1.
        """
        tokens = _tokens(batch)
        if tokens >= self._measured and share > 0:
            self._measured = tokens
            self.tokens = min(self._failed, tokens * FULL / share)
        if len(batch) == self.requests < LARGEST_BATCH and 2 * tokens <= self.tokens:
            self.requests *= 2


def _tokens(batch: Sequence[Sized]) -> int:
    return len(batch) * max(map(len, batch))


class _Waiting(NamedTuple, Generic[Prepared]):
    number: int  # counts submissions, so that a batch's order does not depend on who was prepared first
    prepared: Prepared
    reply: Future[str]


class Batcher(Generic[Given, Prepared]):
    """Answers single requests in batches.

    Args:
        prepare: Makes one request ready; called in worker threads, several at a time. What it raises reaches that
            request alone. The `len` of its result is the length by which requests are grouped.
        answer: Answers a batch, in order; called in the generating thread. Raises `MemoryError` where the batch is
            too large.
        limit: Size of a batch; may be changed between batches.
        workers: Number of worker threads.
        ahead: Tokens from which on no more is prepared before something is answered.

    Attributes:
        closed: Why nothing is answered any more; None while it is.
        waited: Seconds that the generating thread has spent without a batch, from the first request on.
        worked: Seconds that it has spent on batches.
    """

    def __init__(
        self,
        prepare: Callable[[Given], Prepared],
        answer: Callable[[Sequence[Prepared]], Sequence[str]],
        limit: BatchLimit,
        workers: int,
        ahead: float = PREPARED_TOKENS,
    ):
        self.closed: str | None = None
        self.waited = 0.0
        self.worked = 0.0
        self._limit = limit
        self._prepare = prepare
        self._answer = answer
        self._ahead = ahead
        self._held = 0  # tokens that are prepared and not yet answered
        self._live = 0
        self._submitted = 0
        self._ready: list[_Waiting[Prepared]] = []
        self._changed = threading.Condition()
        self._clock: float | None = None  # when the generating thread last went from waiting to work or back
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
        self._generator = threading.Thread(target=self._generate, name="generate", daemon=True)
        self._generator.start()

    async def submit(self, given: Given) -> str:
        """Waits for the reply to one request.

        Raises:
            ReplyError: There is none: its batch of one failed, or the batcher is closed.
        """
        if self.closed:
            raise ReplyError(self.closed)
        if self._clock is None:
            self._clock = time.perf_counter()
        reply: Future[str] = Future()
        self._submitted += 1
        self._workers.submit(self._make_ready, self._submitted, given, reply)
        return await asyncio.wrap_future(reply)

    def expect(self, live: int) -> None:
        """Says how many requests can wait at once: when all of them do, a batch is not held back for more."""
        with self._changed:
            self._live = live
            self._changed.notify_all()

    async def close(self) -> None:
        """Fails whatever waits and ends the threads; a batch that is being answered is waited for."""
        self._close("The model was closed before it answered.")
        await asyncio.to_thread(self._generator.join)
        await asyncio.to_thread(self._workers.shutdown)

    def _make_ready(self, number: int, given: Given, reply: Future[str]) -> None:
        """In a worker thread: prepares a request and lets it wait for its batch."""
        try:
            with self._changed:
                self._changed.wait_for(lambda: self.closed or self._held < self._ahead)
            if self.closed or reply.cancelled():
                raise ReplyError(self.closed)
            waiting = _Waiting(number, self._prepare(given), reply)
            with self._changed:
                if self.closed:
                    raise ReplyError(self.closed)
                self._ready.append(waiting)
                self._held += len(waiting.prepared)
                self._changed.notify_all()
        except BaseException as error:
            _fail(reply, error)

    def _generate(self) -> None:
        """The generating thread."""
        batch: Sequence[_Waiting[Prepared]] = ()
        try:
            while batch := self._next_batch():
                self.waited += self._lap()
                self._reply(batch)
                self.worked += self._lap()
                with self._changed:
                    self._held -= sum(len(waiting.prepared) for waiting in batch)
                    self._changed.notify_all()
        except BaseException as error:  # a defect, and still nobody may wait for ever
            self._close(f"The generating thread ended with {error!r}.", batch)
            raise

    def _lap(self) -> float:
        before, self._clock = self._clock, time.perf_counter()
        return self._clock - (before or self._clock)

    def _next_batch(self) -> list[_Waiting[Prepared]]:
        """Waits for a batch; empty when closed."""
        with self._changed:
            self._changed.wait_for(lambda: self.closed or self._is_enough())
            if self.closed:
                return []
            oldest_first = sorted(self._ready, key=lambda waiting: waiting.number)
            length = len(oldest_first[0].prepared)
            nearest = sorted(oldest_first, key=lambda waiting: abs(len(waiting.prepared) - length))
            batch = nearest[: self._limit.fill([waiting.prepared for waiting in nearest])]
            chosen = set(map(id, batch))
            self._ready = [waiting for waiting in self._ready if id(waiting) not in chosen]
        return batch

    def _is_enough(self) -> bool:
        enough = len(self._ready) >= min(self._limit.requests, self._live) or self._held >= self._ahead
        return bool(self._ready) and enough

    def _reply(self, batch: Sequence[_Waiting[Prepared]]) -> None:
        failure = self._attempt(batch)
        if failure is None:
            return
        if len(batch) > 1 and not self.closed:
            half = len(batch) // 2
            self._reply(batch[:half])
            self._reply(batch[half:])
        else:
            for waiting in batch:
                _fail(waiting.reply, failure)

    def _attempt(self, batch: Sequence[_Waiting[Prepared]]) -> ReplyError | None:
        """Answers a batch or says why not. Returns before anything is retried, so that its memory is free again."""
        prepared = [waiting.prepared for waiting in batch]
        try:
            replies = self._answer(prepared)
        except MemoryError as error:
            self._limit.too_large(prepared)
            return ReplyError(f"Not even one request fits into memory ({error}). Smaller pictures need less of it.")
        except Exception as error:
            return ReplyError(f"{type(error).__name__}: {error}")
        if self.closed:
            return ReplyError(self.closed)
        for waiting, reply in zip(batch, replies, strict=True):
            if waiting.reply.set_running_or_notify_cancel():
                waiting.reply.set_result(reply)
        return None

    def _close(self, reason: str, begun: Sequence[_Waiting[Prepared]] = ()) -> None:
        with self._changed:
            self.closed = self.closed or reason
            waiting, self._ready = [*begun, *self._ready], []
            self._changed.notify_all()
        for request in waiting:
            if not request.reply.done():
                _fail(request.reply, ReplyError(self.closed))


def _fail(reply: Future[str], error: BaseException) -> None:
    if reply.set_running_or_notify_cancel():
        reply.set_exception(error)
