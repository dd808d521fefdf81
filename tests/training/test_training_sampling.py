"""What answers are drawn from in a training."""

from __future__ import annotations

import json
from pathlib import Path

import datasets
import pytest

from proactivebench.benchmark import Benchmark
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import answer_with_letters, single_turns, train, write_rows


def test_a_models_own_settings_do_not_change_what_is_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    data = write_rows(list(single_turns(Benchmark.open(build_small(tmp_path / "benchmark", per_category=8)))), tmp_path)
    model = tiny_model("llava", tmp_path / "model")
    settings = json.loads((model / "generation_config.json").read_text())
    (model / "generation_config.json").write_text(json.dumps(settings | {"typical_p": 1e-6}))  # always one token
    answer_with_letters(model, monkeypatch)
    train(model, data, tmp_path / "out", max_steps=1)
    line = json.loads((tmp_path / "out" / "train_log.jsonl").read_text().splitlines()[0])
    assert line["no_signal"] < 1
