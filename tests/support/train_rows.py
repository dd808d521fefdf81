"""What the tests of the training train on: single turns out of the environments of a small benchmark."""

from __future__ import annotations

import copy
import random
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image
from rich.console import Console
from trl.trainer.grpo_config import GRPOConfig

from proactivebench.benchmark import Benchmark
from proactivebench.images import load_picture
from proactivebench.models.base import Picture
from proactivebench.prompts import multiple_choice
from proactivebench.scenarios import QD, Environment, make_environment
from proactivebench.training import grpo, watch
from proactivebench.training.settings import TrainSettings
from tests.support.noise import noise

_BLOCK = {"type": datasets.Value("string"), "text": datasets.Value("string")}
FEATURES = {
    "prompt": datasets.List({"role": datasets.Value("string"), "content": datasets.List(_BLOCK)}),
    "ground_truth": datasets.Value("string"),
    "proactive_actions": datasets.List(datasets.Value("string")),
    "options": datasets.List(datasets.Value("string")),
    "images": datasets.List(datasets.Image()),
}

SIZE = (112, 112)
"""Of the pictures, in pixels: they cost most of a step."""

SMALL = {"completions_per_step": 16, "generations": 8, "per_device_batch": 8, "max_new_tokens": 1}
"""Settings of a training whose steps take a fraction of a second."""


def single_turns(benchmark: Benchmark, seed: int = 0) -> Iterator[dict[str, Any]]:
    """One row for each sample, at a frame that chance decides."""
    rng = random.Random(seed)
    for sample in benchmark.samples(QD):
        environment = make_environment(sample)
        for _ in range(rng.randrange(sample.num_images)):
            environment.step(environment.accepted[0])
        shown = environment.observe()
        text = multiple_choice(shown.question, shown.options, short_answer=True)
        yield {
            "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}],
            "ground_truth": sample.answer,
            "proactive_actions": list(environment.accepted),
            "options": list(shown.options),
            "images": [_grainy(load_picture(Picture(benchmark.root / shown.frame_path)))],
        }


def _grainy(drawing: Image.Image) -> Image.Image:
    """A picture that even a tiny random model sees a difference in: of white paper it is left with nothing."""
    return Image.blend(drawing.resize(SIZE), noise(SIZE).convert("RGB"), 0.5)


def write_rows(rows: list[dict[str, Any]], folder: Path) -> Path:
    """Writes `folder/data/train-*.parquet` with the columns of the first row, and returns the folder."""
    features = datasets.Features({name: FEATURES.get(name, datasets.Value("float32")) for name in rows[0]})
    (folder / "data").mkdir(parents=True)
    datasets.Dataset.from_list(rows, features=features).to_parquet(folder / "data" / "train-00000-of-00001.parquet")
    return folder


def train(model: Path, data: Path, out: Path, **settings: Any) -> Path:
    """Trains with small settings and returns the result's folder."""
    chosen = TrainSettings(model=str(model), data=str(data), **SMALL | settings)
    return grpo.train(chosen, out, Console(quiet=True))


def answer_with_letters(model: Path, monkeypatch: pytest.MonkeyPatch, letters: str = "ABCDEFGH") -> None:
    """Lets a random model sample nothing but some letters, so that answers are read and rewards differ."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model)
    others = [token for token in range(len(tokenizer)) if tokenizer.decode([token]) not in set(letters)]
    one_letter = {"max_new_tokens": 1, "suppress_tokens": others}

    def configure(**settings: Any) -> GRPOConfig:
        return GRPOConfig(**settings | {"generation_kwargs": one_letter})

    monkeypatch.setattr(grpo, "GRPOConfig", configure)


def hold_after(step: int, model: Path) -> None:
    """Lets this process train as with `answer_with_letters`, and do nothing more once a step is in the log."""

    def hold(self: watch.Watch, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == step:
            signal.pause()

    patch = pytest.MonkeyPatch()
    answer_with_letters(model, patch)
    patch.setattr(watch.Watch, "on_step_begin", hold, raising=False)


def text_of(row: dict[str, Any]) -> str:
    [message] = row["prompt"]
    assert message["role"] == "user"
    assert [block["type"] for block in message["content"]] == ["image", "text"]
    return str(message["content"][1]["text"])


def reachable(environment: Environment) -> Iterator[Environment]:
    """Every state of an episode up to the one that shows the answer."""
    yield environment
    if not environment.shows_answer():
        for suggestion in environment.accepted:
            following = copy.copy(environment)
            following.step(suggestion)
            yield from reachable(following)
