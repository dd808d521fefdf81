"""Batches out of single requests: when they start, whom they hold, and what happens when one fails."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proactivebench.models.base import PictureError, ReplyError
from proactivebench.models.batching import Batcher, BatchLimit
from tests.support.asking import all_at_once
from tests.support.processes import PATIENCE


class Echo:
    """Answers a text with itself in capitals, and keeps the batches."""

    def __init__(self, memory: int = 10**9):
        self.batches: list[list[str]] = []
        self.memory = memory
        self.taken = threading.Event()  # the first batch
        self.free = threading.Event()
        self.free.set()

    def prepare(self, text: str) -> str:
        if "unreadable" in text:
            raise PictureError(f"{text} is no picture")
        return text

    def answer(self, batch: Sequence[str]) -> list[str]:
        self.taken.set()
        assert self.free.wait(PATIENCE)
        self.batches.append(list(batch))
        if len(batch) * max(map(len, batch)) > self.memory:
            raise MemoryError("no more")
        if "poison" in batch:
            raise ValueError("poison in the batch")
        if "defect" in batch:
            raise SystemExit
        return [text.upper() for text in batch]


def play(echo: Echo, requests: int, script: Callable[[Batcher[str, str]], Awaitable[Any]], workers: int = 2) -> Any:
    async def run() -> Any:
        batcher = Batcher(echo.prepare, echo.answer, BatchLimit(requests), workers)
        try:
            return await asyncio.wait_for(script(batcher), PATIENCE)
        finally:
            await batcher.close()

    return asyncio.run(run())


def ask_all(texts: Iterable[str]) -> Callable[[Batcher[str, str]], Awaitable[list[Any]]]:
    """Episodes of one turn each, all live from the start."""

    return lambda batcher: all_at_once(batcher.submit, batcher.expect, list(texts))


def test_every_request_gets_its_own_reply() -> None:
    texts = [f"{'long ' * (number % 7)}{number}" for number in range(100)]
    assert play(Echo(), 8, ask_all(texts)) == [text.upper() for text in texts]


def test_a_batch_waits_until_it_is_full_or_every_live_episode_waits() -> None:
    echo = Echo()

    async def script(batcher: Batcher[str, str]) -> None:
        batcher.expect(3)
        first = [asyncio.ensure_future(batcher.submit(text)) for text in "ab"]
        await asyncio.sleep(0.05)
        assert echo.batches == [], "the third episode may still ask"
        batcher.expect(2)
        await asyncio.gather(*first)
        batcher.expect(100)
        await asyncio.gather(*(batcher.submit(text) for text in "cdef"))

    play(echo, 4, script)
    assert [sorted(batch) for batch in echo.batches] == [["a", "b"], ["c", "d", "e", "f"]]


def test_a_batch_holds_the_oldest_request_and_those_nearest_in_length() -> None:
    echo = Echo()
    texts = ["xxxxx", "x", "yyyyy", "y", "zzzzzzzzz", "zzzzz"]

    async def script(batcher: Batcher[str, str]) -> None:
        echo.free.clear()
        blocking = asyncio.ensure_future(batcher.submit("first"))
        assert await asyncio.to_thread(echo.taken.wait, PATIENCE)
        waiting = [asyncio.ensure_future(batcher.submit(text)) for text in texts]
        with pytest.raises(PictureError):  # the one worker has prepared all before this
            await batcher.submit("unreadable")
        batcher.expect(len(texts))
        echo.free.set()
        await asyncio.gather(blocking, *waiting)

    play(echo, 2, script, workers=1)
    assert echo.batches == [["first"], ["xxxxx", "yyyyy"], ["x", "y"], ["zzzzzzzzz", "zzzzz"]]


class Counting(Echo):
    """Counts the tokens that are prepared and not yet answered."""

    held = most = 0

    def prepare(self, text: str) -> str:
        self.held += len(text)
        self.most = max(self.most, self.held)
        return text

    def answer(self, batch: Sequence[str]) -> list[str]:
        self.held -= sum(map(len, batch))
        return super().answer(batch)


@given(lengths=st.lists(st.integers(1, 9), min_size=1, max_size=40), ahead=st.integers(1, 30))
def test_no_more_is_prepared_ahead_than_memory_holds(lengths: list[int], ahead: int) -> None:
    echo = Counting()
    texts = ["x" * length for length in lengths]

    async def run() -> list[Any]:
        batcher = Batcher(echo.prepare, echo.answer, BatchLimit(8), workers=1, ahead=ahead)
        try:
            return await asyncio.wait_for(ask_all(texts)(batcher), PATIENCE)
        finally:
            await batcher.close()

    assert asyncio.run(run()) == [text.upper() for text in texts]
    assert echo.most < ahead + max(lengths), "one more than fits, at most, as there is one worker"


def test_a_request_that_cannot_be_prepared_fails_alone() -> None:
    good, bad, also_good = play(Echo(), 3, ask_all(["good", "unreadable", "also good"]))
    assert (good, also_good) == ("GOOD", "ALSO GOOD")
    assert isinstance(bad, PictureError)


def test_a_request_that_breaks_its_batch_fails_alone() -> None:
    replies = play(Echo(), 8, ask_all(["a", "b", "poison", "c", "d"]))
    assert [reply for reply in replies if isinstance(reply, str)] == ["A", "B", "C", "D"]
    assert isinstance(replies[2], ReplyError)
    assert replies[2].kind == "model"
    assert "poison in the batch" in str(replies[2])


def test_a_batch_that_does_not_fit_is_halved_and_the_limit_kept() -> None:
    echo = Echo(memory=3)
    replies = play(echo, 8, ask_all("abcdefgh" * 3))
    assert replies == list("ABCDEFGH" * 3)
    sizes = list(map(len, echo.batches))
    assert sizes[0] == 8
    assert max(sizes[sizes.index(2) :]) <= 4
    assert set(sizes[-5:]) == {2}, "after the second failure nothing larger is tried"


class Measured(Echo):
    """Knows after each batch how much of the memory it took."""

    limit: BatchLimit

    def answer(self, batch: Sequence[str]) -> list[str]:
        replies = super().answer(batch)
        self.limit.has_fitted(batch, len(batch) * max(map(len, batch)) / self.memory)
        return replies


def play_measured(texts: Sequence[str], memory: int, requests: int) -> list[list[str]]:
    """The batches of texts, all of them answered, in the order in which they were asked."""
    echo = Measured(memory)
    echo.limit = BatchLimit(requests)

    async def run() -> list[Any]:
        batcher = Batcher(echo.prepare, echo.answer, echo.limit, 1)
        try:
            return await ask_all(texts)(batcher)
        finally:
            await batcher.close()

    assert asyncio.run(run()) == [text.upper() for text in texts]
    return echo.batches


def test_small_requests_fill_large_batches_after_large_ones() -> None:
    large, small = "l" * 100, "s" * 2
    batches = play_measured([large] * 12 + [small] * 400, memory=1000, requests=8)
    assert next(len(batch) for batch in batches if large in batch) == 8
    assert all(small not in batch for batch in batches if large in batch), "they come in batches of their own"
    sizes = [len(batch) for batch in batches if small in batch]
    assert max(sizes) > 100


def test_what_small_requests_took_says_how_many_large_ones_fit() -> None:
    large, small = "l" * 100, "s" * 2
    batches = play_measured([small] * 64 + [large] * 30, memory=1000, requests=32)
    assert {len(batch) for batch in batches if large in batch} <= {9, 3}, "900 of 1,000 tokens, and no failure before"


@given(
    lengths=st.lists(st.integers(1, 300), min_size=1, max_size=60),
    memory=st.integers(300, 5000),
    requests=st.integers(1, 64),
)
def test_however_long_requests_are_all_are_answered(lengths: list[int], memory: int, requests: int) -> None:
    batches = play_measured(["x" * length for length in lengths], memory, requests)
    fitted = [batch for batch in batches if len(batch) * max(map(len, batch)) <= memory]
    assert sorted(len(text) for batch in fitted for text in batch) == sorted(lengths)


def test_a_request_that_never_fits_is_an_error() -> None:
    small, large = play(Echo(memory=3), 2, ask_all(["abc", "abcd"]))
    assert small == "ABC"
    assert isinstance(large, ReplyError)
    assert "memory" in str(large)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_fails_everyone_who_waits_and_everyone_after() -> None:
    async def script(batcher: Batcher[str, str]) -> list[Any]:
        first = await ask_all(["defect", "b", "c"])(batcher)
        return [*first, *await ask_all(["later"])(batcher)]

    replies = play(Echo(), 2, script)
    assert [type(reply) for reply in replies] == [ReplyError] * 4


def test_closing_fails_what_waits() -> None:
    async def script(batcher: Batcher[str, str]) -> list[Any]:
        batcher.expect(9)
        waiting = asyncio.gather(*(batcher.submit(text) for text in "abc"), return_exceptions=True)
        await asyncio.sleep(0.05)
        await batcher.close()
        return await waiting

    assert [type(reply) for reply in play(Echo(), 9, script)] == [ReplyError] * 3


def test_requests_of_cancelled_episodes_are_left_out() -> None:
    async def script(batcher: Batcher[str, str]) -> str:
        batcher.expect(3)
        gone = asyncio.ensure_future(batcher.submit("-"))
        await asyncio.sleep(0.05)
        gone.cancel()
        waiting = [asyncio.ensure_future(batcher.submit(text)) for text in "ab"]
        return "".join(await asyncio.gather(*waiting))

    echo = Echo()
    assert play(echo, 8, script) == "AB"


def test_the_time_without_a_batch_is_counted() -> None:
    async def script(batcher: Batcher[str, str]) -> tuple[float, float]:
        batcher.expect(2)
        first = asyncio.ensure_future(batcher.submit("a"))
        await asyncio.sleep(0.1)
        await asyncio.gather(first, batcher.submit("b"))
        await batcher.close()
        return batcher.waited, batcher.worked

    waited, worked = play(Echo(), 2, script)
    assert waited >= 0.09
    assert worked > 0
