"""Several requests to a model at once, told how many are live as the evaluator tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from proactivebench.models.base import Model, Request
from tests.support.processes import PATIENCE

Asked = TypeVar("Asked")


async def all_at_once(
    reply: Callable[[Asked], Awaitable[str]], expect: Callable[[int], None], asked: Sequence[Asked]
) -> list[Any]:
    """Replies, or the errors in their places, of episodes of one turn that are all live from the start."""
    live = len(asked)

    async def episode(one: Asked) -> str:
        nonlocal live
        try:
            return await reply(one)
        finally:
            live -= 1
            expect(live)

    expect(live)
    return await asyncio.gather(*map(episode, asked), return_exceptions=True)


def replies(model: Model, requests: Sequence[Request]) -> list[Any]:
    """What `all_at_once` gets from a model, which is closed then."""

    async def play() -> list[Any]:
        try:
            return await asyncio.wait_for(all_at_once(model.reply, model.expect, requests), PATIENCE)
        finally:
            await model.close()

    return asyncio.run(play())


def ask(model: Model, requests: Sequence[Request]) -> list[str]:
    """The replies.

    Raises:
        Exception: The first error, if there is one.
    """
    found = replies(model, requests)
    for reply in found:
        if isinstance(reply, BaseException):
            raise reply
    return found
