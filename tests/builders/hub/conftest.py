"""Benchmarks to publish or to pull, and the Hubs of the tests."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from builders.hub.publish import prepare
from builders.pipeline.storage import describe_file
from proactivebench.layout import table_path
from proactivebench.manifest import Entry, add_to_manifest
from proactivebench.record_table import RecordEntry, table_lines
from proactivebench.work.files import write_whole
from tests.support.example_benchmark import build_examples
from tests.support.hub_store import Blob, LocalHub, Repo, is_large
from tests.support.local_hub import serve
from tests.support.publishing import REPO, TOKEN
from tests.support.pulling import TRAIN
from tests.support.small_benchmark import build_small


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build_examples(build_small(tmp_path_factory.mktemp("built")), "COCO")
    prepare(folder, REPO, "http://hub")
    return folder


@pytest.fixture
def mirror(published: Path) -> Iterator[LocalHub]:
    """A Hub with the benchmark, its training split, and a repository like the original: neither manifest nor card."""
    contents = {
        path.relative_to(published).as_posix(): path.read_bytes() for path in published.rglob("*") if path.is_file()
    }
    names = [path for path in contents if "." not in path.split("/")[0][:1] and not path.endswith((".png", ".jpg"))]
    files = {path: Blob(contents[path], is_large(path, len(contents[path]))) for path in names}
    original = {path: blob for path, blob in files.items() if path.startswith("test/QuickDraw")}
    with serve() as mirror:
        mirror.tokens[TOKEN] = "ann"
        for name, held in {REPO: files | {TRAIN: Blob(b"rows", large=True)}, "ann/original": original}.items():
            mirror.repos[name] = Repo(name)
            mirror.repos[name].commit("publish", held)
        yield mirror


@pytest.fixture(autouse=True)
def _plain_transfers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with serve() as hub:
        hub.tokens |= {TOKEN: "ann", "hf_readsOnly": "ann", "hf_bobs": "bob"}
        hub.readers.add("hf_readsOnly")
        yield hub


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two scenarios and a training split."""
    from datasets import Dataset

    folder = build_examples(build_small(tmp_path_factory.mktemp("built")), "COCO")
    train = folder / "data" / "train-00000-of-00001.parquet"
    train.parent.mkdir()
    Dataset.from_dict({"ground_truth": ["Cat.", "Dog."], "options": [["A."], ["B."]]}).to_parquet(train)
    made = RecordEntry(number=0, key=train.name, licence="CC BY 4.0", files=(describe_file(folder, train),))
    write_whole(folder / table_path("train"), table_lines([made]))
    table = describe_file(folder, folder / table_path("train"))
    counts = {"samples": 2, "frames": 2}
    entry = {"dataset": "train", "settings": {}, "versions": {"proactivebench-toolkit": "1"}, "counts": counts}
    files = {table.path: {"bytes": table.bytes, "sha256": table.sha256}}
    entry |= {"sources": ["quickdraw", "coco"], "left_out": {}, "files": files}
    add_to_manifest(folder, "train", Entry.model_validate(entry))
    prepare(folder, REPO, "http://hub")
    return folder


@pytest.fixture
def data(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "data"))
