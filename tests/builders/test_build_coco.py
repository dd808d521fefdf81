"""The COCO builder: crops that miss the object and steps that bring it in, and which categories are wrong answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from builders.coco import QUESTIONS, SUGGESTIONS, CocoBuilder
from builders.pipeline.build import build
from proactivebench.errors import UsageError
from proactivebench.record_table import read_table
from proactivebench.scenarios import COCO, Action, is_abstention
from proactivebench.scenarios.coco import CocoSample
from raw_sources import fakes
from raw_sources.coco import Box, Coco
from tests.support.builds import build_again, content, left_out
from tests.support.oracle import sound_samples

TOO_SMALL = "the photo is too small for a view that moves"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_coco(tmp_path_factory.mktemp("coco"), images=12)


class TestTexts:
    def test_the_pool_of_questions_is_as_large_as_published(self) -> None:
        assert len(set(QUESTIONS)) == 15

    def test_a_suggestion_asks_for_its_direction_alone(self) -> None:
        actions = {part: COCO.action_of(text) for part, text in SUGGESTIONS.items()}
        assert actions == {
            "left": Action.LEFT, "right": Action.RIGHT, "up": Action.UP, "down": Action.DOWN, "zoom": Action.ZOOM,
        }  # fmt: skip
        for text in SUGGESTIONS.values():
            assert sum(keyword in text.lower() for keyword in COCO.keywords) == 1
            assert not is_abstention(text)

    def test_suggestions_are_what_the_published_package_looks_for(self) -> None:
        assert set(SUGGESTIONS.values()) == {
            "Move the camera to the left.",
            "Move the camera to the right.",
            "Move the camera up.",
            "Move the camera down.",
            "Move farther from the object.",
        }


class TestBuilder:
    def test_samples_are_sound(self, raw: Path, tmp_path: Path) -> None:
        report = build(CocoBuilder(Coco.locate(raw)), tmp_path)
        assert (report.samples, report.frames, report.left_out, report.problems) == (12, 12, {}, [])
        for sample in sound_samples(tmp_path, COCO):
            assert isinstance(sample, CocoSample)
            assert sample.prompt in QUESTIONS
            shown = {SUGGESTIONS[part] for part in sample.direction.split("_")}
            assert {option for option in sample.options if not is_abstention(option)} == shown
            assert len(sample.options) == len(shown) + 1
            assert len(set(sample.categories)) == 4

    def test_photos_are_copied_byte_for_byte_grey_ones_too(self, raw: Path, tmp_path: Path) -> None:
        build(CocoBuilder(Coco.locate(raw)), tmp_path)
        frames = content(tmp_path / "test" / "coco2014")
        assert frames == {name: (raw / name).read_bytes() for name in frames}
        modes = {Image.open(tmp_path / "test" / "coco2014" / name).mode for name in frames}
        assert modes == {"RGB", "L"}

    def test_the_manifest_names_photo_and_licence(self, raw: Path, tmp_path: Path) -> None:
        build(CocoBuilder(Coco.locate(raw)), tmp_path)
        records = list(read_table(tmp_path / "manifest" / "coco2014.jsonl"))
        assert len(records) == 12
        for record in records:
            [photo] = record.files
            assert record.origin == f"COCO val2014, image {int(Path(photo.path).stem[-12:])}"
            assert record.licence == "Attribution License"

    def test_only_what_may_be_passed_on_is_built_where_that_is_asked_for(self, raw: Path) -> None:
        builder = CocoBuilder(Coco.locate(raw), licence="free")
        record = next(iter(builder.source.records()))
        assert builder.plan_record(record).samples
        closed = builder.plan_record(replace(record, license=2))
        reason = "photo that may not be passed on (Attribution-NonCommercial License)"
        assert [skip.reason for skip in closed.skipped] == [reason]
        with pytest.raises(UsageError, match=r"'freee'.*Did you mean free"):
            CocoBuilder(builder.source, licence="freee")

    def test_workers_and_interruptions_leave_no_trace(
        self, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert build_again(CocoBuilder(Coco.locate(raw)), tmp_path, monkeypatch)

    def test_a_sample_depends_on_its_photo_and_the_seed_alone(self, raw: Path) -> None:
        builder = CocoBuilder(Coco.locate(raw))
        records = list(builder.source.records())
        assert builder.plan_record(records[0]) == builder.plan_record(records[0])
        other = CocoBuilder(builder.source, seed=1)
        assert [builder.plan_record(record) for record in records] != [other.plan_record(record) for record in records]

    def test_what_cannot_serve_is_left_out_with_the_reason(self, raw: Path) -> None:
        builder = CocoBuilder(Coco.locate(raw))
        record = next(iter(builder.source.records()))
        tiny = replace(record, box=Box(5, 5, 40, 40))
        assert [skip.reason for skip in builder.plan_record(tiny).skipped] == [
            "its object covers less than 1% of the photo"
        ]
        small = replace(record, width=40, height=30, box=Box(0, 0, 40, 30))
        assert [skip.reason for skip in builder.plan_record(small).skipped] == [TOO_SMALL]

    def test_damaged_missing_and_wrong_photos_are_left_out_and_named(self, tmp_path: Path) -> None:
        root = fakes.make_coco(tmp_path / "raw", images=6)
        records = list(Coco.locate(root).records())
        records[0].picture.write_bytes(records[0].picture.read_bytes()[:3000])
        records[1].picture.unlink()
        Image.new("RGB", (64, 64)).save(records[2].picture)
        turned = Image.Exif()
        turned[0x0112] = 6
        fits, lies_across = (records[3].width, records[3].height), (records[4].height, records[4].width)
        Image.new("RGB", fits).save(records[3].picture, exif=turned)
        Image.new("RGB", lies_across).save(records[4].picture, exif=turned)
        report = build(CocoBuilder(Coco.locate(root)), tmp_path / "out")
        assert report.samples == 2
        assert [str(records[1].image_id) in problem.where for problem in report.problems] == [True]
        reasons = {skip.key: skip.reason for skip in left_out(tmp_path / "out")}
        assert str(records[0].picture) in reasons[str(records[0].image_id)]
        assert "(64, 64) pixels, its annotation says" in reasons[str(records[2].image_id)]
        assert f"{lies_across} pixels, its annotation says" in reasons[str(records[4].image_id)]

    def test_photos_that_came_later_are_another_build(self, tmp_path: Path) -> None:
        root = fakes.make_coco(tmp_path / "raw")
        photo = next(Coco.locate(root).records()).picture
        away = photo.rename(tmp_path / photo.name)
        build(CocoBuilder(Coco.locate(root)), tmp_path / "out")
        away.rename(photo)
        with pytest.raises(UsageError, match="raw data was"):
            build(CocoBuilder(Coco.locate(root)), tmp_path / "out")

    def test_real_photos(self, shared_data: Path, tmp_path: Path) -> None:
        report = build(CocoBuilder(Coco.locate(shared_data / "coco")), tmp_path)
        assert report.samples + report.left_out.total() == 15
        assert report.problems == []
        assert len(sound_samples(tmp_path, COCO)) >= 14
