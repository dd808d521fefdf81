"""A training on a disk that is full or may not be written: libraries say that in ways of their own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ResumableError
from tests.support.full_disk import full, read_only
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import answer_with_letters, single_turns, train, write_rows


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that anybody may reach."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


def test_a_full_disk_is_said_and_the_training_continues(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llava", place / "model")
    rows = list(single_turns(Benchmark.open(build_small(place / "benchmark"))))
    data, out = write_rows(rows, place / "data"), place / "out"
    answer_with_letters(model, monkeypatch)
    out.mkdir()
    with read_only(place), pytest.raises(ResumableError, match=rf"{out}.*Permission denied"):
        train(model, data, out, max_steps=1)
    for longest in (7_000, 20_000):  # safetensors cannot write the weights; torch cannot write its optimizer
        with full(longest), pytest.raises(ResumableError, match=rf"{out}: a checkpoint could not be written"):
            train(model, data, out, max_steps=1)
    assert (train(model, data, out, max_steps=1) / "adapter_model.safetensors").is_file()
