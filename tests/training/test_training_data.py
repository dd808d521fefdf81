from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import datasets
import pytest
import torch
from PIL import Image

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.models.processors import Processor, encode, load_processor
from proactivebench.training.data import COLUMNS, PromptLimit, TrainFiles, load_rows
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import single_turns, write_rows


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    return list(single_turns(Benchmark.open(build_small(tmp_path_factory.mktemp("benchmark")))))


@pytest.fixture(scope="module")
def processor(tmp_path_factory: pytest.TempPathFactory) -> Processor:
    return load_processor(tiny_model("qwen2_5_vl", tmp_path_factory.mktemp("model")))


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))


def load(folder: Path, processor: Processor, *, stream: bool = False, tokens: int = 4096) -> list[dict[str, Any]]:
    return list(load_rows(TrainFiles.find(str(folder)), PromptLimit(processor, tokens), stream=stream))


@pytest.mark.parametrize("stream", [False, True])
def test_rows_come_with_the_columns_that_are_used(
    rows: list[dict[str, Any]], processor: Processor, tmp_path: Path, stream: bool
) -> None:
    grey = [row | {"images": [row["images"][0].convert("L")], "qwen_conf": 0.5} for row in rows]
    loaded = load(write_rows(grey, tmp_path / "data"), processor, stream=stream)
    assert [row["ground_truth"] for row in loaded] == [row["ground_truth"] for row in rows]
    assert set(loaded[0]) == set(COLUMNS)
    [stored] = loaded[0]["images"]
    assert Image.open(io.BytesIO(stored["bytes"])).tobytes() == grey[0]["images"][0].tobytes()


def test_files_are_told_apart_by_what_is_in_them(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    one, same, other = (
        TrainFiles.find(str(write_rows(part, tmp_path / name)))
        for name, part in (("a", rows), ("b", rows), ("c", rows[1:]))
    )
    assert (one.rows, other.rows) == (len(rows), len(rows) - 1)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert TrainFiles.find(str(tmp_path / "a" / "data")).fingerprint == one.fingerprint
    [path] = map(Path, same.urls)
    path.write_bytes(path.read_bytes()[:100] + b"?" + path.read_bytes()[101:])
    assert TrainFiles.find(str(tmp_path / "b")).fingerprint != one.fingerprint


def test_a_folder_without_a_train_split_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a train split: expected files like"):
        TrainFiles.find(str(tmp_path))


def test_a_missing_column_is_named(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    folder = write_rows([{k: v for k, v in row.items() if k != "options"} for row in rows], tmp_path / "d")
    with pytest.raises(UsageError, match=r"lacks the column\(s\) options; it has prompt, ground_truth"):
        TrainFiles.find(str(folder))


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train-00000-of-00001.parquet").write_bytes(b"PAR1, not really")
    with pytest.raises(UsageError, match="cannot be read as Parquet"):
        TrainFiles.find(str(tmp_path))


def png(picture: Image.Image) -> bytes:
    stored = io.BytesIO()
    picture.save(stored, "PNG")
    return stored.getvalue()


def torn(picture: Image.Image) -> dict[str, bytes]:
    return {"bytes": png(picture)[:-400]}


BAD: list[tuple[Any, str]] = [
    (lambda row: {"ground_truth": "Unicorn."}, "ground_truth 'Unicorn.' is not among"),
    (lambda row: {"ground_truth": None}, "ground_truth None is not among"),
    (lambda row: {"proactive_actions": ["Sing."]}, r"proactive_actions has 'Sing.'"),
    (lambda row: {"options": None}, "options is None, expected a list of texts"),
    (lambda row: {"prompt": []}, "prompt must be a conversation that ends with a user message"),
    (lambda row: {"prompt": [{"role": "user", "content": []}]}, r"prompt has blocks of the types \[\]"),
    (lambda row: {"images": []}, "images must be a list of one stored picture"),
    (lambda row: {"images": row["images"] * 2}, "images must be a list of one stored picture"),
    (lambda row: {"images": [{"bytes": b"no picture"}]}, "images holds a picture that cannot be read"),
    (lambda row: {"images": [torn(row["images"][0])]}, "images holds a picture that cannot be read"),
]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("change", "message"), BAD)
def test_a_bad_row_is_named_with_its_field(
    rows: list[dict[str, Any]], processor: Processor, tmp_path: Path, change: Any, message: str, stream: bool
) -> None:
    folder = write_rows([*rows[:3], rows[3] | change(rows[3]), *rows[4:]], tmp_path / "d")
    with pytest.raises(ProactiveBenchError, match=rf"row 3 of the train split: {message}"):
        load(folder, processor, stream=stream)


def test_a_prompt_that_is_too_long_is_refused_with_its_length(
    rows: list[dict[str, Any]], processor: Processor, tmp_path: Path
) -> None:
    folder = write_rows(rows, tmp_path / "d")
    load(folder, processor, tokens=1000)
    with pytest.raises(
        ProactiveBenchError, match=r"prompt has \d+ tokens with its picture of 112 x 112 pixels; .* 200"
    ):
        load(folder, processor, tokens=200)


def test_a_picture_counts_as_part_of_the_prompt(
    rows: list[dict[str, Any]], processor: Processor, tmp_path: Path
) -> None:
    small = [row | {"images": [row["images"][0].resize((28, 28))]} for row in rows]
    longest = max(small, key=lambda row: len(row["prompt"][0]["content"][1]["text"]))
    folder = write_rows([*small, longest | {"images": [Image.new("RGB", (112, 112))]}], tmp_path / "d")
    shown = ("user", longest["images"][0], longest["prompt"][0]["content"][1]["text"])
    fits = encode(processor, [shown], torch.float32)["input_ids"].shape[1]
    with pytest.raises(ProactiveBenchError, match=rf"row {len(rows)} of the train split: prompt has"):
        load(folder, processor, tokens=fits + 6)
