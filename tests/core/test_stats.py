"""Counting a benchmark, beside the paper's counts."""

from __future__ import annotations

import hashlib
from dataclasses import astuple
from pathlib import Path
from typing import Any

import orjson
import pytest
from click.testing import CliRunner
from rich.progress import Progress

import cli
from builders.coco import CocoBuilder
from builders.imagenet_c import ImageNetCBuilder
from builders.imagenet_c_any import ACTIONS
from builders.pipeline.build import build
from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.counting import Counts, compare_with_paper
from proactivebench.errors import UsageError
from proactivebench.samples import SampleError
from proactivebench.scenarios import COCO, QD, SCENARIOS, make_environment
from proactivebench.scenarios.coco import CocoSample
from raw_sources import fakes
from raw_sources.coco import Coco
from raw_sources.imagenet_c import ImageNetC
from tests.support.small_benchmark import build_small


def built(folder: Path) -> dict[str, Counts | None]:
    return {row.part: row.built for row in compare_with_paper(folder)}


def test_the_paper_has_the_seven_and_its_total() -> None:
    sizes = {name: scenario.paper for name, scenario in SCENARIOS.items() if scenario.paper}
    assert list(sizes) == ["ROD", "VSOD", "MVP-N", "IN-C", "QD", "CIT", "COCO"]
    assert sum(size.samples for size in sizes.values()) == 17_909
    for name, size in sizes.items():
        assert size.actions == len(set(SCENARIOS[name].keywords.values()))


def test_drawings_count_every_stroke(tmp_path: Path) -> None:
    build_small(tmp_path, per_category=3)
    counts = built(tmp_path)
    strokes = sum(sample.num_images for sample in Benchmark.open(tmp_path).samples(QD))
    assert counts.pop("QD") == Counts(samples=9, images=strokes, categories=3, actions=1)
    assert set(counts.values()) == {None}


def test_crops_count_one_by_one(tmp_path: Path) -> None:
    root = fakes.make_coco(tmp_path / "raw", images=12)
    build(CocoBuilder(Coco.locate(root)), tmp_path / "data")
    expected = 0
    for sample in Benchmark.open(tmp_path / "data").samples(COCO):
        assert isinstance(sample, CocoSample)
        moves = 2 if "_" in sample.direction else 1
        expected += (sample.granularity + (sample.direction == "zoom")) ** moves
    counts = built(tmp_path / "data")["COCO"]
    assert counts is not None
    assert (counts.samples, counts.images, counts.categories) == (12, expected, 5)


def test_what_the_first_views_of_photos_show_is_counted_where_samples_say_where_the_object_is(tmp_path: Path) -> None:
    root = fakes.make_coco(tmp_path / "raw", images=12)
    build(CocoBuilder(Coco.locate(root)), tmp_path / "data")
    path = tmp_path / "data" / "test" / "coco2014_preprocessed.jsonl"
    entries = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    for number, entry in enumerate(entries):
        view = make_environment(CocoSample(**entry)).crop()
        assert view is not None
        shown = [0.0] * 6 + [0.01, 0.02, 0.03, 0.04, 0.25, 1.0]
        width = (view.right - view.left) / (shown[number] or 1)
        place = view.left if shown[number] else view.left - width
        entry["box"] = {"left": place, "top": view.top, "width": width, "height": view.bottom - view.top}
    path.write_bytes(b"".join(orjson.dumps(entry) + b"\n" for entry in entries))
    [views] = [row.first_views for row in compare_with_paper(tmp_path / "data") if row.first_views]
    assert astuple(views) == pytest.approx((0.5, 0.0, 0.25, 1.0))
    said = CliRunner().invoke(cli.main, ["stats", str(tmp_path / "data")]).output
    assert "COCO: 50% of the first views show nothing of the object's box" in said
    assert "half at most 0.0%, nine tenths at most 25.0% of it, and none more than 100.0%." in said
    path.write_bytes(b"".join(orjson.dumps({**entry, "box": None}) + b"\n" for entry in entries))
    assert not [row for row in compare_with_paper(tmp_path / "data") if row.first_views]


def test_every_action_that_is_suggested_counts(tmp_path: Path) -> None:
    root = fakes.make_imagenet_c(tmp_path / "raw", wnids=2, pictures=5, corruptions=tuple(ACTIONS))
    build(ImageNetCBuilder(ImageNetC.locate(root)), tmp_path / "data")
    assert built(tmp_path / "data")["IN-C"] == Counts(samples=10, images=50, categories=2, actions=8)


def described_table(folder: Path) -> dict[str, Any]:
    """An empty table of the train split, as the manifest describes it."""
    path = folder / "manifest" / "train.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.touch()
    return {"manifest/train.jsonl": {"bytes": 0, "sha256": hashlib.sha256().hexdigest()}}


def test_rows_of_the_train_split_come_from_the_manifest(tmp_path: Path) -> None:
    build_small(tmp_path)
    manifest = orjson.loads((tmp_path / "manifest.json").read_bytes())
    entry = {"dataset": "train", "settings": {}, "versions": {}, "left_out": {}, "files": described_table(tmp_path)}
    manifest["scenarios"]["train"] = {**entry, "counts": {"samples": 123, "frames": 123}}
    (tmp_path / "manifest.json").write_bytes(orjson.dumps(manifest))
    assert built(tmp_path)["train"] == Counts(123)


def test_a_train_split_alone_is_counted_and_checked(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    entry = {"dataset": "train", "settings": {}, "versions": {}, "left_out": {}, "files": described_table(tmp_path)}
    entry["counts"] = {"samples": 123, "frames": 123}
    manifest = {"format": 2, "scenarios": {"train": entry}}
    (tmp_path / "manifest.json").write_bytes(orjson.dumps(manifest))
    counts = built(tmp_path)
    assert counts.pop("train") == Counts(123)
    assert set(counts.values()) == {None}
    assert check_benchmark(tmp_path, Progress(disable=True)).problems == []
    for command in ("stats", "check"):
        assert CliRunner().invoke(cli.main, [command, str(tmp_path)]).exit_code == 0


def test_the_comparison_is_json(tmp_path: Path) -> None:
    build_small(tmp_path)
    rows = orjson.loads(orjson.dumps(compare_with_paper(tmp_path)))
    assert [row["part"] for row in rows] == [*SCENARIOS, "train"]
    assert rows[0] == {
        "part": "ROD",
        "built": None,
        "paper": {"samples": 88, "images": 1200, "categories": 16, "actions": 2},
        "first_views": None,
    }


def test_what_is_no_benchmark_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a benchmark"):
        compare_with_paper(tmp_path)
    build_small(tmp_path)
    with (tmp_path / "test" / "QuickDraw_preprocessed.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(SampleError, match="line 7"):
        compare_with_paper(tmp_path)
