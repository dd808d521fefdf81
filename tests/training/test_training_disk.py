"""A training on a disk that is full or may not be written: libraries say that in ways of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from safetensors.torch import save_file

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, ResumableError
from proactivebench.training.folder import saving
from tests.support.full_disk import full, read_only
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import answer_with_letters, single_turns, train, write_rows


def _model(place: Path) -> Path:
    return tiny_model("llava", place / "model")


def _rows(place: Path) -> Path:
    rows = single_turns(Benchmark.open(build_small(place / "benchmark")))
    return write_rows(list(rows), place / "data")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that anybody may reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_disk_that_is_full_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data, out, cache = _model(place), _rows(place), place / "out", place / "cache"
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    answer_with_letters(model, monkeypatch)
    out.mkdir()
    with read_only(place), pytest.raises(ResumableError, match=rf"{out}.*Permission denied"):
        train(model, data, out, max_steps=1)
    with full(2_000), pytest.raises(ResumableError, match=rf"The rows cannot be stored in {cache}: File too large"):
        train(model, data, place / "stored", max_steps=1)
    with full(7_000), pytest.raises(ResumableError, match=rf"{out}: a checkpoint could not be written"):
        train(model, data, out, max_steps=1, stream=True)


@pytest.mark.parametrize("save", [save_file, torch.save])
def test_what_libraries_cannot_save_is_said(save: Any, tmp_path: Path) -> None:
    said = pytest.raises(ResumableError, match=rf"{tmp_path}: .*disk full|{tmp_path}.*too large")
    with full(500), said, saving(tmp_path):
        save({"weight": torch.zeros(1000)}, tmp_path / "checkpoint")


@pytest.mark.parametrize("stream", [False, True])
def test_rows_that_are_damaged_are_said(stream: bool, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model, data = _model(place), _rows(place)
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", place / "cache")
    [file] = data.rglob("*.parquet")
    with file.open("r+b") as damaged:
        damaged.seek(100)
        damaged.write(b"?" * 40)
    with pytest.raises(ProactiveBenchError, match="cannot be read") as error:
        train(model, data, place / "out", max_steps=1, stream=stream)
    assert not error.value.resumes
