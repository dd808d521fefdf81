from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from PIL import Image

from proactivebench.benchmark import Benchmark
from proactivebench.models.processors import load_processor
from proactivebench.training.pictures import PicturesOnce
from tests.support.noise import noise
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import FAMILIES, tiny_model
from tests.support.train_rows import single_turns, train, write_rows


def stored(picture: Image.Image) -> dict[str, bytes]:
    file = io.BytesIO()
    picture.save(file, "PNG")
    return {"bytes": file.getvalue()}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_gets_what_its_processor_makes(family: str, tmp_path: Path) -> None:
    processor = load_processor(tiny_model(family, tmp_path))
    pictures = [noise(size).convert("L") for size in ((90, 50), (40, 160), (64, 64))]
    once = PicturesOnce(processor)
    rows = once.collect([{"images": [stored(pictures[place])]} for place in (0, 0, 1, 2, 2)])
    texts = ["short", "short", "a much longer question", "another", "another"]
    conversations = [
        [{"role": "user", "content": [{"type": "image", "image": row["images"][0]}, {"type": "text", "text": text}]}]
        for row, text in zip(rows, texts, strict=True)
    ]
    settings = {"add_generation_prompt": True, "tokenize": True, "return_dict": True, "return_tensors": "pt"}
    settings |= {"processor_kwargs": {"padding": True}}
    expected = processor.apply_chat_template(conversations, **settings)
    for _ in range(2):
        made = once.processor.apply_chat_template(conversations, **settings)
        assert made.keys() == expected.keys()
        for name, value in made.items():
            assert torch.equal(value, expected[name]), name


@pytest.mark.parametrize("family", ["qwen2_5_vl", "internvl"])
def test_a_training_prepares_each_picture_once_in_a_step(
    family: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    benchmark = Benchmark.open(build_small(tmp_path / "benchmark", per_category=2))
    rows = list(single_turns(benchmark))[:4]  # each is in every step
    for number, row in enumerate(rows):
        row["images"] = [noise((90, 60 + number)).convert("RGB")]
    folder = tiny_model(family, tmp_path / "model")
    kind = type(load_processor(folder).image_processor)
    prepare, prepared = kind.preprocess, Counter[bytes]()

    def counted(self: Any, images: Any, *arguments: Any, **settings: Any) -> Any:
        flat = [picture for shown in images for picture in (shown if isinstance(shown, list) else [shown])]
        prepared.update(picture.tobytes() for picture in flat)
        return prepare(self, images, *arguments, **settings)

    data = write_rows(rows, tmp_path / "data")
    monkeypatch.setattr(kind, "preprocess", counted)
    checks = 4  # of the rows, before the first step
    train(folder, data, tmp_path / "out", max_steps=2, completions_per_step=32, generations=8, generate_at_once=32)
    assert len(prepared) >= 4
    in_steps = sum(prepared[row["images"][0].tobytes()] for row in rows)
    assert in_steps <= 2 * 4 + checks
