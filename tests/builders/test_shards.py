"""Builds in shards: put together they are byte for byte the build of one machine, and nothing else is put together."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from builders.base import Builder
from builders.coco import CocoBuilder, Photos
from builders.pipeline.build import build
from builders.pipeline.merge import merge_part, sharded_parts
from builders.pipeline.report import BuildReport, NothingBuiltError
from builders.quickdraw import Drawings, QuickDrawBuilder
from builders.registry import make_builder
from builders.train import files as train_files
from builders.train.files import build_train
from builders.train.split import TrainSplit
from cli import main
from commands import demo
from proactivebench.errors import UsageError
from proactivebench.scenarios import QD, Scenario
from proactivebench.work.shards import Shard
from raw_sources import fakes
from raw_sources.base import SourceError
from raw_sources.coco import Coco
from raw_sources.quickdraw import QuickDraw
from tests.support.builds import content
from tests.support.fake_builder import FakeBuilder, SharingBuilder, StoppingBuilder


def in_shards(make: Callable[[Shard], object], of: int) -> None:
    for number in range(1, of + 1):
        make(Shard(number, of))


def merged(builder: Builder[Any, Any], out: Path, of: int) -> BuildReport:
    in_shards(lambda shard: build(builder, out, shard=shard), of)
    return merge_part(out, builder.scenario.name)


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's tour, from made-up raw data in the layouts of all sources: whole, and from 3 shards."""

    def build_all(raw: Mapping[Scenario, Path], out: Path, **options: Any) -> None:
        for scenario, folder in raw.items():
            builder = make_builder(scenario, folder, **options)
            build(builder, out)
            merged(builder, out.parent / "sharded", of=3)

    folder = tmp_path_factory.mktemp("seven")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "_build", build_all)
        demo._tour(folder / "whole")
    return folder


def test_all_seven_have_the_same_bytes_from_shards(seven: Path) -> None:
    whole = content(seven / "whole")
    assert content(seven / "sharded") == whole
    assert len([path for path in whole if path.endswith("_preprocessed.jsonl")]) == 7
    assert not (seven / "sharded" / "shards").exists()


@pytest.mark.parametrize("builder", [FakeBuilder(), SharingBuilder()])
@pytest.mark.parametrize("of", [1, 2, 7])
def test_what_is_left_out_is_told_as_from_one_machine(builder: FakeBuilder, of: int, tmp_path: Path) -> None:
    report = build(builder, tmp_path / "whole")
    assert merged(builder, tmp_path / "merged", of) == report
    assert content(tmp_path / "merged") == content(tmp_path / "whole")
    assert build(builder, tmp_path / "merged").up_to_date
    assert build(builder, tmp_path / "merged", shard=Shard(1, of)).up_to_date


def test_shards_that_were_killed_go_on_where_they_stopped(tmp_path: Path) -> None:
    build(StoppingBuilder(stop_at=-1), tmp_path / "whole")
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            in_shards(lambda shard: build(StoppingBuilder(stop_at=30), tmp_path / "merged", shard=shard), 3)
    in_shards(lambda shard: build(StoppingBuilder(stop_at=-1), tmp_path / "merged", shard=shard), 3)
    merge_part(tmp_path / "merged", "QD")
    assert content(tmp_path / "merged") == content(tmp_path / "whole")


def test_a_merge_that_was_killed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(FakeBuilder(), tmp_path / "whole")
    out = tmp_path / "merged"
    in_shards(lambda shard: build(FakeBuilder(), out, shard=shard), 2)
    moves = 0
    replace = Path.replace

    def stopping(self: Path, target: Path) -> Path:
        nonlocal moves
        moves += 1
        if moves == 20:
            raise KeyboardInterrupt
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", stopping)
    with pytest.raises(KeyboardInterrupt):
        merge_part(out, "QD")
    monkeypatch.undo()
    assert not (out / "manifest.json").exists()
    merge_part(out, "QD")
    assert content(out) == content(tmp_path / "whole")


def test_what_is_missing_or_not_complete_is_named(tmp_path: Path) -> None:
    build(FakeBuilder(), tmp_path, shard=Shard(2, 3))
    with pytest.raises(KeyboardInterrupt):
        in_shards(lambda shard: build(StoppingBuilder(stop_at=30), tmp_path, shard=shard), 3)
    assert sharded_parts(tmp_path) == ["QD"]
    with pytest.raises(UsageError, match=r"lacks .*1/3.* Run the command with --shard 1/3"):
        merge_part(tmp_path, "QD")
    assert not (tmp_path / "test").exists()


def test_shards_of_other_builds_are_refused(tmp_path: Path) -> None:
    for seed, number in ((0, 1), (5, 2)):
        build(FakeBuilder(seed=seed), tmp_path, shard=Shard(number, 2))
    with pytest.raises(
        UsageError, match=r"1-of-2 and .*2-of-2 are shards of different builds: settings.seed was 0, is"
    ):
        merge_part(tmp_path, "QD")
    with pytest.raises(UsageError, match=r"holds QD with other settings: seed was 5, is now 0"):
        build(FakeBuilder(), tmp_path, shard=Shard(2, 2))


def test_shards_of_libraries_of_other_versions_are_refused(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Newer(FakeBuilder):
        def versions(self) -> dict[str, str]:
            return {"pen": "2.0"}

    build(FakeBuilder(), tmp_path, shard=Shard(1, 2))
    build(Newer(), tmp_path, shard=Shard(2, 2))
    with pytest.raises(UsageError, match=r"versions.pen was \"1.0\", is now \"2.0\""):
        merge_part(tmp_path, "QD")


@pytest.mark.parametrize("harm", ["cut", "gone", "strange", "outside", "copied in part", "a line twice"])
def test_a_shard_that_was_harmed_is_named(harm: str, tmp_path: Path) -> None:
    in_shards(lambda shard: build(FakeBuilder(), tmp_path, shard=shard), 2)
    folder = tmp_path / "shards" / "QD" / "2-of-2"
    frame, file = next(folder.rglob("*.png")), folder / "shard.jsonl"
    if harm == "cut":
        frame.write_bytes(b"")
    elif harm == "gone":
        frame.unlink()
    elif harm == "copied in part":
        file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-1]))
    elif harm == "a line twice":
        file.write_text(file.read_text() + file.read_text().splitlines(keepends=True)[-1])
    elif harm == "strange":
        file.write_text(file.read_text() + "{}\n")
    else:
        file.write_text(file.read_text().replace('"test/QuickDraw', '"test/../../QuickDraw', 1))
    with pytest.raises(UsageError, match=r"2-of-2"):
        merge_part(tmp_path, "QD")
    assert not (tmp_path / "manifest.json").exists()
    assert not (tmp_path.parent / "QuickDraw").exists()


def test_nothing_at_all_is_said_by_merge(tmp_path: Path) -> None:
    class Empty(FakeBuilder):
        def render(self, planned: Any) -> Any:
            raise SourceError("torn")

    in_shards(lambda shard: build(Empty(), tmp_path, shard=shard), 2)
    with pytest.raises(NothingBuiltError, match="No sample of QD could be built"):
        merge_part(tmp_path, "QD")


@pytest.mark.parametrize("of", [2, 7])
def test_the_train_split_has_the_same_bytes(
    of: int, tmp_path: Path, bundled_quickdraw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("datasets")
    monkeypatch.setattr(train_files, "ROWS_PER_FILE", 5)
    photos = fakes.make_coco(tmp_path / "photos", images=4, split="train")
    for photo in sorted(photos.rglob("C*.jpg"))[:3]:
        photo.write_bytes(b"torn")
    quickdraw = QuickDrawBuilder(QuickDraw.locate(bundled_quickdraw), per_category=1, categories=("cat", "bus"))
    coco = CocoBuilder(Coco.locate(tmp_path / "photos", "train"), split="train")
    split = TrainSplit([Drawings(quickdraw, 12), Photos(coco, 9)])
    report = build_train(split, tmp_path / "whole")
    assert 12 <= report.samples <= 15
    assert report.left_out
    in_shards(lambda shard: build_train(split, tmp_path / "merged", shard=shard), of)
    assert merge_part(tmp_path / "merged", "train") == report
    assert content(tmp_path / "merged") == content(tmp_path / "whole")


def test_test_and_train_split_may_not_share_drawings_in_shards_either(tmp_path: Path, bundled_quickdraw: Path) -> None:
    pytest.importorskip("datasets")
    source = QuickDraw.locate(bundled_quickdraw)
    few, more = (QuickDrawBuilder(source, per_category=n, categories=("cat",)) for n in (1, 2))
    in_shards(lambda shard: build(more, tmp_path, shard=shard), 1)
    in_shards(lambda shard: build_train(TrainSplit([Drawings(few, 2)]), tmp_path, shard=shard), 1)
    merge_part(tmp_path, "QD")
    with pytest.raises(UsageError, match="may share drawings"):
        merge_part(tmp_path, "train")


def test_commands_say_what_to_do_next(tmp_path: Path, bundled_quickdraw: Path) -> None:
    def call(*arguments: object) -> tuple[int, str]:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
        return result.exit_code, " ".join(result.output.split())

    words = ("build", "qd", "--raw", bundled_quickdraw, "--per-category", 1, "--categories", "cat,bus", "--out")
    code, said = call(*words, tmp_path / "merged", "--shard", "1/2")
    assert (code, f"put them together: proactivebench merge {tmp_path / 'merged'}" in said) == (0, True)
    code, said = call("merge", tmp_path / "merged")
    assert (code, "lacks 2/2" in said) == (2, True)
    shutil.move(tmp_path / "merged", tmp_path / "here")
    call(*words, tmp_path / "there", "--shard", "2/2")
    shutil.copytree(tmp_path / "there" / "shards", tmp_path / "here" / "shards", dirs_exist_ok=True)
    assert call("merge", tmp_path / "here") == (0, "QD built: 2 samples, 17 frames.")
    stopped = tmp_path / "here" / "shards" / ".QD.gone" / "1-of-2"  # as a merge leaves it that was killed at its end
    stopped.mkdir(parents=True)
    assert call("merge", tmp_path / "here") == (0, f"{tmp_path / 'here'} is merged already.")
    assert not (tmp_path / "here" / "shards").exists()
    build(make_builder(QD, bundled_quickdraw, per_category=1, categories="cat,bus"), tmp_path / "whole")
    assert content(tmp_path / "here") == content(tmp_path / "whole")
