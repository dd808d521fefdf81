"""A benchmark of example samples from every scenario, and models that play it; scripted models need no pictures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Model, Request
from proactivebench.samples import write_samples
from proactivebench.scenarios import COCO, SCENARIOS
from tests.support.example_samples import ENTRIES, example_sample

ALL = list(SCENARIOS.values())
ANSWERS = ("Cat.", "Traffic light.", "Banana.", "Hot dog.")


def four_samples_each(folder: Path) -> Benchmark:
    """Four samples of each scenario with different answers, none from the same source."""
    for scenario in ALL:
        samples = [
            example_sample(
                scenario.name,
                id=number,
                answer=answer,
                image_template=ENTRIES[scenario.name]["image_template"].replace("{", f"{number}-{{", 1)
                if scenario is not COCO
                else f"coco2014/{number}.jpg",
            )
            for number, answer in enumerate(ANSWERS)
        ]
        write_samples(folder / f"{scenario.dataset}_preprocessed.jsonl", samples)
    return Benchmark.open(folder)


class Answering(Model):
    """Answers by a function of the request."""

    def __init__(self, answer: Callable[[Request], str], name: str = "test"):
        self._answer = answer
        self._name = name

    async def reply(self, request: Request) -> str:
        return self._answer(request)

    def identity(self) -> dict[str, object]:
        return {"model": self._name}


def play(benchmark: Benchmark, model: Model, out: Path, scenarios: Any = ALL, **settings: Any) -> Any:
    """Lets a model play with some settings, without the leak filter unless they say otherwise."""
    judge = settings.pop("judge", None)
    return evaluate(benchmark, scenarios, model, Settings(**{"filtered": False} | settings), out, judge=judge)
