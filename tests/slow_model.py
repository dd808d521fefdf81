"""A model that takes its time, so that the process around it can be stopped in the middle; and how to start one."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from pathlib import Path

from proactivebench.models.base import Model, Request

ROOT = Path(__file__).parent.parent

SLOW = "tests.slow_model:SlowModel"
"""What stands after `--model` in a process whose working directory is `ROOT`."""


class SlowModel(Model):
    """Chooses any option after a while.

    The environment variable `PAUSE` says how long in seconds; the process whose `RANK` is `DOOMED` kills itself in the
    middle of its work.
    """

    concurrency = 4

    def __init__(self) -> None:
        self._replies = 0

    async def reply(self, request: Request) -> str:
        await asyncio.sleep(float(os.environ.get("PAUSE", "0")))
        self._replies += 1
        if self._replies == 10 and os.environ.get("DOOMED") == os.environ.get("RANK", "0"):
            os.kill(os.getpid(), signal.SIGKILL)
        assert request.environment is not None
        options = request.environment.suggestions + request.environment.sample.categories
        return random.Random(request.seed).choice(options)

    def identity(self) -> dict[str, object]:
        return {"model": "slow"}


def evaluation(model: str, data: Path, out: Path, *options: str, processes: int = 1) -> list[str]:
    """The command that evaluates a model, by several processes if need be; to be run in `ROOT`."""
    launcher = ["-m", "torch.distributed.run", "--nproc-per-node", str(processes)] if processes > 1 else []
    arguments = ["evaluate", f"--model={model}", f"--data={data}", f"--out={out}", *options]
    return [sys.executable, *launcher, "cli.py", *arguments]
