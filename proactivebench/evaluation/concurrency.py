"""Many pieces of work in play at once, each awaiting replies of the same models.

A model that forms batches must know how many requests can still come to it, or it would wait for ones that never do. A
piece of work waits for one model at a time: those that wait for another model are not counted.

A notebook has a running event loop already, in which no other can begin: there the work runs on one in a thread of its
own, and the notebook waits for it as for any call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import cache
from threading import Event, Thread
from typing import Any, TypeVar

from proactivebench.models.base import Model, Request

Item = TypeVar("Item")
Result = TypeVar("Result")


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@cache
def _lasting_loop() -> asyncio.AbstractEventLoop:
    """An event loop that runs in a thread of its own as long as the process."""
    loop = asyncio.new_event_loop()
    Thread(target=loop.run_forever, name="requests", daemon=True).start()
    return loop


def run_through(work: Coroutine[Any, Any, Result], *, lasting: bool = False) -> Result:
    """Runs a coroutine to its end, as `asyncio.run`, also where the calling thread has a running event loop.

    An interrupt (Ctrl-C, a notebook's stop button) cancels the work, and is raised when that has ended.

    Args:
        work: What to run.
        lasting: Run it on the loop that stays when it has ended, as connections belong to the loop they were made on.
    """
    if not (lasting or _in_a_loop()):
        return asyncio.run(work)
    ended = Event()

    async def noted() -> Result:
        try:
            return await work
        finally:
            ended.set()

    future = asyncio.run_coroutine_threadsafe(noted(), _lasting_loop())
    try:
        return future.result()
    except KeyboardInterrupt:
        future.cancel()
        ended.wait()
        raise


class Pool:
    """The models that work together in one run.

    Args:
        models: At least one; the first decides how much is in play at once.

    Attributes:
        members: The models in the same order, to be asked instead of the ones given.
    """

    def __init__(self, *models: Model):
        self.members: list[Model] = list(models) if len(models) == 1 else [_Member(model, self) for model in models]
        self._models = models
        self._live = 0
        self._waiting = dict.fromkeys(models, 0)

    def wait_for(self, model: Model, change: int) -> None:
        """Notes that a piece of work begins (1) or ends (-1) to wait for a model."""
        self._waiting[model] += change
        self._tell()

    def _tell(self) -> None:
        elsewhere = sum(self._waiting.values())
        for model in self._models:
            model.expect(self._live - (elsewhere - self._waiting[model]))

    async def work_through(
        self,
        more: Callable[[int], Sequence[Item] | None],
        work: Callable[[Item], Awaitable[None]],
        *,
        keep_open: bool = False,
    ) -> None:
        """Works on items, as many at once as the first model wants, until there are no more; and closes the models.

        Args:
            more: Gives items that are begun together, when there is room for them, and is told how many are under way;
                None where there are no more for now. It is asked again after each that ends.
            work: Does one of them.
            keep_open: Leave the models open.
        """

        async def one(item: Item) -> None:
            await work(item)
            self._live -= 1
            start_more()

        def start_more() -> None:
            first = self._models[0]
            while self._live < (first.concurrency if first.group == 1 else 1) and (items := more(self._live)):
                for item in items:
                    group.create_task(one(item))
                self._live += len(items)
            self._tell()

        try:
            async with asyncio.TaskGroup() as group:
                start_more()
        finally:
            for model in () if keep_open else self._models:
                await model.close()


class _Member(Model):
    """A model of a pool; tells the pool who waits for it."""

    def __init__(self, model: Model, pool: Pool):
        self._model = model
        self._pool = pool

    async def reply(self, request: Request) -> str:
        self._pool.wait_for(self._model, 1)
        try:
            return await self._model.reply(request)
        finally:
            self._pool.wait_for(self._model, -1)

    def identity(self) -> Mapping[str, object]:
        return self._model.identity()

    def machine(self) -> Mapping[str, object]:
        return self._model.machine()
