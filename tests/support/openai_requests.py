"""Requests to an `openai:` model, one or many at once."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from proactivebench.models.base import Picture, Request
from proactivebench.models.openai_model import OpenAIModel
from tests.support.processes import PATIENCE
from tests.support.stub_server import StubServer

SECRET = "sk-very-secret-1234567890"


def ask(model: OpenAIModel, requests: Sequence[Request]) -> list[str | BaseException]:
    async def run() -> list[str | BaseException]:
        try:
            return await asyncio.gather(*map(model.reply, requests), return_exceptions=True)
        finally:
            await model.close()

    return asyncio.run(run())


def ask_one(server: StubServer, request: Request, **options: Any) -> str | BaseException:
    how: dict[str, Any] = {"retries": 2, "timeout": PATIENCE} | options
    return ask(OpenAIModel("m", base_url=server.url, **how), [request])[0]


def picture_of(request: Request) -> Picture:
    picture = request.messages[0].picture
    assert picture is not None
    return picture
