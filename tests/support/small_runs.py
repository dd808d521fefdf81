"""Runs on small benchmarks, and their report."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.progress import Progress

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Model, ReplyError, Request
from proactivebench.reports.report import write_report
from proactivebench.reports.runs import load_runs


def play(data: Path, model: Model, out: Path, settings: Settings | None = None, judge: Judge | None = None) -> Path:
    """Lets a model play a benchmark, whatever errors it makes, and returns the run's folder."""
    benchmark = Benchmark.open(data)
    engine.evaluate(benchmark, benchmark.scenarios, model, settings or Settings(), out, judge=judge, max_errors=1)
    return out


class Reciter(Model):
    """Gives each sample, by id, what it is told to; None fails."""

    concurrency = 1

    def __init__(self, replies: Mapping[int, str | None], name: str = "reciter"):
        self._replies = replies
        self._name = name

    async def reply(self, request: Request) -> str:
        assert request.environment is not None
        reply = self._replies.get(request.environment.sample.id, "Cat.")
        if reply is None:
            raise ReplyError("the line went dead")
        return reply

    def identity(self) -> Mapping[str, object]:
        return {"model": self._name}


def write_small_report(place: Path, out: Path) -> Path:
    """Writes the report of the runs `ask` and `guess` in a folder, and returns its own."""
    with Progress(disable=True) as progress:
        assert write_report(load_runs([place / "ask", place / "guess"]), out, progress, compare_paper=True) == 0
    return out
