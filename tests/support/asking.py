"""Several requests to a model at once, told how many are live as the evaluator tells it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from proactivebench.models.base import Model, Request
from tests.support.processes import PATIENCE


def replies(model: Model, requests: Sequence[Request]) -> list[Any]:
    """Replies, or the errors in their places, of episodes of one turn that are all live from the start."""

    async def play() -> list[Any]:
        live = len(requests)

        async def episode(one: Request) -> str:
            nonlocal live
            try:
                return await model.reply(one)
            finally:
                live -= 1
                model.expect(live)

        model.expect(live)
        try:
            return await asyncio.wait_for(asyncio.gather(*map(episode, requests), return_exceptions=True), PATIENCE)
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
