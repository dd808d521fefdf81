"""A small benchmark of bundled drawings, built with the toolkit itself, and runs on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from builders import pipeline
from builders.quickdraw import QuickDrawBuilder
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Model, ReplyError, Request
from raw_sources.quickdraw import QuickDraw

DRAWINGS = Path(__file__).parent.parent / "raw_sources" / "bundled" / "quickdraw" / "simplified"


def build_small(folder: Path, per_category: int = 2, categories: tuple[str, ...] = ("cat", "bus", "house")) -> Path:
    """Builds some drawings of some categories and returns the benchmark's folder."""
    builder = QuickDrawBuilder(QuickDraw.locate(DRAWINGS), per_category=per_category, categories=categories)
    pipeline.build(builder, folder)
    return folder


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
