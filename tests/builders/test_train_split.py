"""The train split: rows that say what the environment says, no drawing of the test split, the same bytes always."""

from __future__ import annotations

import io
import json
from collections import Counter
from contextlib import nullcontext
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from rich.progress import Progress

from builders.base import Skip
from builders.coco import CocoBuilder, Photos
from builders.pipeline.build import build
from builders.pipeline.report import NothingBuiltError
from builders.pipeline.workers import Workers
from builders.quickdraw import Drawings, QuickDrawBuilder
from builders.train import files as train_files
from builders.train.draws import Draws, Item
from builders.train.files import build_train
from builders.train.split import TrainSplit
from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.errors import UsageError
from proactivebench.prompts import multiple_choice
from proactivebench.record_table import read_table
from proactivebench.scenarios import QD, make_environment
from proactivebench.views import Crop
from raw_sources import fakes
from raw_sources.base import SourceError
from raw_sources.coco import Coco
from raw_sources.quickdraw import QuickDraw
from tests.support.builds import content, left_out
from tests.support.train_rows import reachable, text_of

datasets = pytest.importorskip("datasets")
parquet = pytest.importorskip("pyarrow.parquet")

TEST_DRAWINGS = 3


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_coco(tmp_path_factory.mktemp("photos"), images=14, split="train")


@pytest.fixture(scope="module")
def split(photos: Path, bundled_quickdraw: Path) -> TrainSplit:
    return make_split(photos, bundled_quickdraw)


@pytest.fixture(scope="module")
def built(split: TrainSplit, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built")
    build_train(split, folder)
    return folder


def make_split(photos: Path, drawings: Path, count: int = 60, seed: int = 0) -> TrainSplit:
    quickdraw = QuickDrawBuilder(QuickDraw.locate(drawings), seed=seed, per_category=TEST_DRAWINGS)
    coco = CocoBuilder(Coco.locate(photos, "train"), split="train", seed=seed)
    return TrainSplit([Drawings(quickdraw, count), Photos(coco, 10)], seed)


def drawn(split: TrainSplit, folder: Path) -> list[Item]:
    """What is drawn for the rows, in their order."""
    with Workers(1, split) as pool, Draws(folder) as draws:
        split.draw(pool, draws, Progress(disable=True))
        return list(draws)


def read_rows(folder: Path) -> list[dict[str, Any]]:
    """The rows with their pictures as stored."""
    return [row for path in sorted((folder / "data").iterdir()) for row in parquet.read_table(path).to_pylist()]


class TestRows:
    def test_columns_load_through_datasets(self, built: Path) -> None:
        rows = datasets.Dataset.from_parquet(str(next((built / "data").iterdir())), keep_in_memory=True)
        assert rows.column_names == ["prompt", "ground_truth", "proactive_actions", "options", "images"]
        assert rows.num_rows == 70
        assert rows.features["images"] == datasets.List(datasets.Image())
        assert all(isinstance(image, Image.Image) for row in rows for image in row["images"])

    def test_each_row_is_a_turn_of_the_environment(self, split: TrainSplit, built: Path, tmp_path: Path) -> None:
        items = drawn(split, tmp_path)
        rows = read_rows(built)
        for row, item in zip(rows, items, strict=True):
            builder, planned = split.plan(item)
            sample = builder.scenario.sample(id=0, **planned.fields)
            [image] = row["images"]
            candidates = []
            for environment in reachable(make_environment(sample)):
                shown = environment.observe()
                text = multiple_choice(shown.question, shown.options, short_answer=True)
                size = Image.open(io.BytesIO(image["bytes"])).size
                view = shown.view
                assert view is None or isinstance(view, Crop)
                fits = view is None or (view.right - view.left, view.bottom - view.top) == size
                if (image["path"], text_of(row)) == (shown.frame_path, text) and fits:
                    candidates.append(environment)
            assert candidates
            assert {environment.accepted for environment in candidates} == {tuple(row["proactive_actions"])}
            assert row["options"] == list(candidates[0].observe().options)
            assert row["ground_truth"] == sample.answer

    def test_half_of_the_frames_do_not_show_the_answer(
        self, photos: Path, bundled_quickdraw: Path, tmp_path: Path
    ) -> None:
        split = make_split(photos, bundled_quickdraw, count=340)
        made = [train_files._row(split, item) for item in drawn(split, tmp_path)]
        ambiguous = [bool(one.row["proactive_actions"]) for one in made if not isinstance(one, Skip)]
        assert len(ambiguous) > 200
        assert 0.4 < np.mean(ambiguous) < 0.6

    def test_frames_are_those_of_the_test_split(self, built: Path, split: TrainSplit, tmp_path: Path) -> None:
        """A drawing's picture is the frame that the builder would write, a photo's the crop of the original."""
        items = drawn(split, tmp_path)
        for row, item in zip(read_rows(built), items, strict=True):
            builder, planned = split.plan(item)
            frames = {frame.path: frame.data for frame in builder.render(planned)}
            [image] = row["images"]
            stored = Image.open(io.BytesIO(frames[image["path"]]))
            if builder.scenario is QD:
                assert image["bytes"] == frames[image["path"]]
                continue
            shown = Image.open(io.BytesIO(image["bytes"]))
            assert shown.mode == "RGB"
            sample = builder.scenario.sample(id=0, **planned.fields)
            views = {environment.observe().view for environment in reachable(make_environment(sample))}
            crops = [
                crop for crop in (view(stored.convert("RGB")) for view in views if view) if crop.size == shown.size
            ]
            assert min(np.abs(np.asarray(crop, float) - np.asarray(shown, float)).mean() for crop in crops) < 4

    def test_rows_of_both_sources_are_mixed(self, built: Path) -> None:
        kinds = [row["images"][0]["path"].split("/")[0] for row in read_rows(built)]
        assert Counter(kinds) == {"QuickDraw": 60, "coco2014": 10}
        assert "coco2014" in kinds[:35]
        assert "coco2014" in kinds[35:]

    def test_the_trainer_reads_them(self, built: Path) -> None:
        rewards = pytest.importorskip("proactivebench.training.rewards")
        for row in read_rows(built):
            turn = rewards.SingleTurn.of_row(
                text_of(row), row["options"], row["proactive_actions"], row["ground_truth"]
            )
            assert turn.options == tuple(row["options"])
            assert turn.accepted == tuple(row["proactive_actions"])


class TestChoice:
    def test_no_drawing_of_the_test_split(self, built: Path, split: TrainSplit, tmp_path: Path) -> None:
        build(split.portions[0].builder, tmp_path)
        of_test = {sample.image_template.split("/")[2] for sample in Benchmark.open(tmp_path).samples(QD)}
        of_train = {row["images"][0]["path"].split("/")[2] for row in read_rows(built)}
        assert len(of_test) == 20 * TEST_DRAWINGS
        assert of_test.isdisjoint(of_train)

    def test_drawings_are_spread_over_the_categories(self, built: Path) -> None:
        names = [row["images"][0]["path"].split("/")[1] for row in read_rows(built)]
        assert {count for name, count in Counter(names).items() if name != "train2014"} == {3}

    @pytest.mark.parametrize("changes", [{"seed": 5}, {"per_category": TEST_DRAWINGS + 1}])
    def test_a_test_split_of_another_draw_is_refused(
        self, split: TrainSplit, bundled_quickdraw: Path, tmp_path: Path, changes: dict[str, Any]
    ) -> None:
        source = QuickDraw.locate(bundled_quickdraw)
        settings = {"per_category": TEST_DRAWINGS} | changes
        build(QuickDrawBuilder(source, **settings), tmp_path)
        with pytest.raises(UsageError, match="may share drawings"):
            build_train(split, tmp_path)

    @pytest.mark.parametrize(("seed", "more", "refused"), [(5, 0, True), (0, 1, True), (0, -1, False)])
    def test_a_test_split_of_another_draw_cannot_join(
        self, split: TrainSplit, bundled_quickdraw: Path, tmp_path: Path, seed: int, more: int, refused: bool
    ) -> None:
        build_train(split, tmp_path)
        builder = QuickDrawBuilder(QuickDraw.locate(bundled_quickdraw), seed, per_category=TEST_DRAWINGS + more)
        with pytest.raises(UsageError, match="may share drawings") if refused else nullcontext():
            build(builder, tmp_path)
        assert (tmp_path / "test").exists() != refused

    def test_photos_of_2017_are_refused(self, tmp_path: Path) -> None:
        root = fakes.make_coco(tmp_path, split="train", year=2017)
        with pytest.raises(UsageError, match=r"Get instances_train2014\.json"):
            Photos(CocoBuilder(Coco.locate(root, "train"), split="train"))

    def test_too_few_drawings_are_named(self, photos: Path, bundled_quickdraw: Path, tmp_path: Path) -> None:
        report = build_train(make_split(photos, bundled_quickdraw, count=2000), tmp_path)
        short = [reason for reason in report.left_out if reason.startswith("the rest of ")]
        assert len(short) == 20
        assert any("cat (" in reason for reason in short)


class TestFiles:
    @pytest.fixture(autouse=True)
    def small_files(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(train_files, "ROWS_PER_FILE", 20)

    def test_names_counts_and_manifest(self, split: TrainSplit, tmp_path: Path) -> None:
        build(split.portions[0].builder, tmp_path)
        report = build_train(split, tmp_path)
        assert (report.scenario, report.samples, report.problems) == ("train", 70, [])
        names = sorted(path.name for path in (tmp_path / "data").iterdir())
        assert names == [f"train-0000{number}-of-00004.parquet" for number in range(4)]
        entry = json.loads((tmp_path / "manifest.json").read_bytes())["scenarios"]["train"]
        assert entry["counts"]["samples"] == 70
        assert list(entry["files"]) == ["manifest/train.jsonl"]
        table = list(read_table(tmp_path / "manifest" / "train.jsonl"))
        assert [file.path for made in table for file in made.files] == [f"data/{name}" for name in names]
        licences = {licence for made in table for licence in made.licence.split(", ")}
        assert licences == {"CC BY 4.0", "Attribution License"}
        assert check_benchmark(tmp_path, Progress(disable=True)).problems == []
        assert not list(tmp_path.rglob("*.journal"))
        again = build_train(split, tmp_path)
        assert (again.up_to_date, again.samples) == (True, 70)

    def test_workers_and_interruptions_leave_no_trace(
        self, split: TrainSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        build_train(split, tmp_path / "one")
        build_train(split, tmp_path / "two", workers=2)
        write = train_files._write
        written: list[str] = []

        def remembered(path: Path, rows: Any) -> None:
            written.append(path.name)
            write(path, rows)

        def stop_at_the_third(path: Path, rows: Any) -> None:
            if len(written) == 2:
                next(rows)
                raise KeyboardInterrupt
            remembered(path, rows)

        monkeypatch.setattr(train_files, "_write", stop_at_the_third)
        with pytest.raises(KeyboardInterrupt):
            build_train(split, tmp_path / "stopped")
        assert len(list((tmp_path / "stopped" / "data").iterdir())) == 2
        monkeypatch.setattr(train_files, "_write", remembered)
        build_train(split, tmp_path / "stopped")
        assert len(written) == len(set(written)) == 4
        assert content(tmp_path / "one") == content(tmp_path / "two") == content(tmp_path / "stopped")

    def test_another_seed_is_another_build(
        self, split: TrainSplit, photos: Path, bundled_quickdraw: Path, tmp_path: Path
    ) -> None:
        build_train(split, tmp_path)
        with pytest.raises(UsageError, match=r"holds train with other settings: .*seed was 0, is now 1"):
            build_train(make_split(photos, bundled_quickdraw, seed=1), tmp_path)

    def test_files_of_others_are_left_alone(self, split: TrainSplit, tmp_path: Path) -> None:
        (tmp_path / "data").mkdir()
        with pytest.raises(UsageError, match="was not built here"):
            build_train(split, tmp_path)

    def test_damaged_raw_data_is_left_out_and_named(self, bundled_quickdraw: Path, tmp_path: Path) -> None:
        root = fakes.make_coco(tmp_path / "raw", images=10, split="train")
        records = list(Coco.locate(root, "train").records())
        for record in records[:3]:
            record.picture.write_bytes(record.picture.read_bytes()[:2500])
        records[3].picture.unlink()
        report = build_train(make_split(root, bundled_quickdraw), tmp_path / "out")
        assert report.samples == 66
        assert len(read_rows(tmp_path / "out")) == 66
        assert {skip.key for skip in left_out(tmp_path / "out")} == {str(record.image_id) for record in records[:3]}
        assert [str(records[3].image_id) in problem.where for problem in report.problems] == [True]
        with pytest.raises(SourceError, match="is missing"):
            build_train(make_split(root, bundled_quickdraw), tmp_path / "strict", strict=True)

    def test_annotations_that_cannot_be_read_end_it(
        self, photos: Path, bundled_quickdraw: Path, tmp_path: Path
    ) -> None:
        broken = fakes.make_coco(tmp_path / "raw", split="train")
        next(broken.rglob("instances_train2014.json")).write_text('{"images": [')
        with pytest.raises(SourceError, match="not a readable COCO instances file"):
            build_train(make_split(broken, bundled_quickdraw), tmp_path / "out")

    def test_nothing_to_build_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(NothingBuiltError, match="No row of the train split could be built: there are"):
            build_train(TrainSplit([]), tmp_path)

    def test_a_missing_library_is_named_with_its_extra(
        self, split: TrainSplit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(name: str) -> str:
            raise PackageNotFoundError(name)

        monkeypatch.setattr(train_files, "version", missing)
        with pytest.raises(UsageError, match=r"needs datasets.*proactivebench-toolkit\[hub\]"):
            build_train(split, tmp_path / "out")
        assert not (tmp_path / "out").exists()
