"""A model whose process is stopped in the middle of its work; and the arguments that start it."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from proactivebench.models.base import Model, Request

SLOW = "tests.support.slow_model:SlowModel"
"""What stands after `--model` in a process whose working directory is the repository."""


class SlowModel(Model):
    """Chooses any option.

    Environment variables say how it is hindered: after `STALLS` replies it never gives another one; the process whose
    `RANK` is `DOOMED` kills itself at its tenth.
    """

    concurrency = 4

    def __init__(self) -> None:
        self._replies = 0

    async def reply(self, request: Request) -> str:
        await asyncio.sleep(0)
        self._replies += 1
        if self._replies > int(os.environ.get("STALLS", sys.maxsize)):
            await asyncio.Event().wait()
        if self._replies == 10 and os.environ.get("DOOMED") == os.environ.get("RANK", "0"):
            os.kill(os.getpid(), signal.SIGKILL)
        assert request.environment is not None
        return random.Random(request.seed).choice(request.environment.options)

    def identity(self) -> dict[str, object]:
        return {"model": "slow"}


def evaluation(model: str, data: Path, out: Path, *options: str) -> list[str]:
    """The arguments of our program that evaluate a model."""
    return ["evaluate", f"--model={model}", f"--data={data}", f"--out={out}", *options]
