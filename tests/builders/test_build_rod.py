"""The ROD builder: photos of phones in, upright frames without metadata out."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from builders.pictures import encode_jpeg, read_picture
from builders.pipeline.build import build
from builders.pipeline.report import NothingBuiltError
from builders.rod import QUESTIONS, SUGGESTIONS, RodBuilder
from builders.wording import category_text
from proactivebench.errors import UsageError
from proactivebench.manifest import read_manifest
from proactivebench.scenarios import ROD, Action, is_abstention
from raw_sources import fakes
from raw_sources.base import SourceError
from raw_sources.rod import CLASSES, Rod
from tests.support.builds import build_again, left_out
from tests.support.oracle import sound_samples


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fakes.make_rod(tmp_path_factory.mktemp("rod"), sequences=4)


@pytest.fixture
def raw(made: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(made, tmp_path / "raw"))


def photo(raw: Path, stem: str) -> Path:
    [path] = raw.rglob(f"{stem}.*")
    return path


class TestTexts:
    def test_the_pool_of_questions_is_as_large_as_published(self) -> None:
        assert len(set(QUESTIONS)) == 15
        assert all("{occluder}" in question for question in QUESTIONS)

    @pytest.mark.parametrize(("suggestion", "action"), [*zip(SUGGESTIONS, (Action.LEFT, Action.RIGHT), strict=True)])
    def test_a_suggestion_names_its_action_and_no_other(self, suggestion: str, action: Action) -> None:
        assert sum(keyword in suggestion for keyword in ROD.keywords) == 1
        assert ROD.action_of(suggestion) is action
        assert not is_abstention(suggestion)


def test_samples_are_sound(made: Path, tmp_path: Path) -> None:
    report = build(RodBuilder(Rod.locate(made)), tmp_path)
    assert (report.samples, report.frames, report.left_out, report.problems) == (4, 4 * 14 - 1, {}, [])
    for sample in sound_samples(tmp_path, ROD):
        assert (sample.first_image, sample.num_images, sample.reference_image) == (7, 14, 0)
        assert any(words in sample.prompt for words in ("blue blocks", "red blocks", "red cardboard", "blue cardboard"))
        actions = {ROD.action_of(option) for option in sample.options if not is_abstention(option)}
        assert len(sample.options) == 3
        assert actions == {Action.LEFT, Action.RIGHT}
        assert set(sample.categories) < set(map(category_text, CLASSES))
        assert len(set(sample.categories)) == 4


def test_the_occluder_is_that_of_the_photo(made: Path) -> None:
    builder = RodBuilder(Rod.locate(made))
    words = {unit.key: builder.plan(unit).samples[0].fields["prompt"] for unit in builder.read([])}
    assert "blue blocks" in words["natural_bluebl_greenr-banana"]
    assert "red cardboard" in words["natural_redca_whiter-cowboy_hat"]


def test_the_same_bytes_whatever_happens(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = build_again(RodBuilder(Rod.locate(made)), tmp_path, monkeypatch)
    assert "test/Realistic-Occlusion-Dataset/natural_bluebl_greenr-banana-s7.jpg" in built


def test_frames_are_upright_and_carry_nothing_but_pixels(made: Path, tmp_path: Path) -> None:
    build(RodBuilder(Rod.locate(made)), tmp_path)
    stem = "natural_redca_whiter-cowboy_hat-s0"
    with Image.open(photo(made, stem)) as stored:
        assert stored.getexif()[0x0112] == 6
        assert stored.getexif().get_ifd(0x8825)
        lying = np.asarray(stored.convert("RGB"), int)
    frame = tmp_path / "test" / "Realistic-Occlusion-Dataset" / f"{stem}.jpg"
    with Image.open(frame) as image:
        assert not image.getexif()
        assert "exif" not in image.info
        upright = np.asarray(image.convert("RGB"), int)
    assert np.abs(np.rot90(lying, -1) - upright).mean() < 5
    assert b"Drawn camera" not in frame.read_bytes()


@pytest.mark.parametrize(("max_pixels", "edge"), [(None, 480), (10**7, 480), (40_000, 200)])
def test_photos_keep_their_size_unless_they_are_to_be_smaller(
    made: Path, tmp_path: Path, max_pixels: int | None, edge: int
) -> None:
    build(RodBuilder(Rod.locate(made), max_pixels=max_pixels), tmp_path)
    for path in (tmp_path / "test").rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.size == (edge, edge)
    assert read_manifest(tmp_path)["ROD"].settings["max_pixels"] == max_pixels


def test_a_real_photo_becomes_a_small_frame(shared_data: Path) -> None:
    image = read_picture(shared_data / "rod" / "rod1.jpg", 1024**2)
    assert image.size == (1024, 1024)
    assert len(encode_jpeg(image)) < 400_000


def test_a_missing_photo_leaves_its_sequence_out_unless_the_protocol_replaces_it(raw: Path, tmp_path: Path) -> None:
    photo(raw, "lamp_redbl_whiter-cup-s3").unlink()
    photo(raw, "natural_bluebl_greenr-banana-s5").unlink()
    report = build(RodBuilder(Rod.locate(raw)), tmp_path / "out")
    assert report.samples == 2
    assert {(skip.key, skip.reason) for skip in left_out(tmp_path / "out")} == {
        ("lamp_redbl_whiter-cup", "missing photos: s3"),
        ("natural_bluebl_greenr-banana", "missing photos: s5"),
    }
    assert not list((tmp_path / "out").rglob("*cup*"))


def test_a_cut_photo_leaves_its_sequence_out(raw: Path, tmp_path: Path) -> None:
    path = photo(raw, "lamp_redbl_whiter-cup-s3")
    path.write_bytes(path.read_bytes()[:3000])
    report = build(RodBuilder(Rod.locate(raw)), tmp_path / "out")
    assert report.samples == 3
    [skip] = left_out(tmp_path / "out")
    assert skip.key == "lamp_redbl_whiter-cup"
    assert str(path) in skip.reason
    assert not list((tmp_path / "out").rglob("*cup*"))
    sound_samples(tmp_path / "out", ROD)
    with pytest.raises(SourceError, match=r"cup-s3.*not a readable picture"):
        build(RodBuilder(Rod.locate(raw)), tmp_path / "strict", strict=True)


def test_photos_with_an_unknown_occluder_are_reported(raw: Path, tmp_path: Path) -> None:
    for path in raw.rglob("*banana*"):
        path.rename(path.with_name(path.name.replace("bluebl", "curtain")))
    report = build(RodBuilder(Rod.locate(raw)), tmp_path / "out")
    assert report.samples == 3
    assert "natural_curtain_greenr-banana" in str(report.problems[0])


def test_nothing_usable_is_an_error_that_leaves_nothing(raw: Path, tmp_path: Path) -> None:
    for path in raw.rglob("*-s7.*"):
        path.unlink()
    with pytest.raises(NothingBuiltError, match="missing photos: s7"):
        build(RodBuilder(Rod.locate(raw)), tmp_path / "out")
    assert not list((tmp_path / "out").rglob("*.jsonl"))


def test_other_photos_are_another_build(raw: Path, tmp_path: Path) -> None:
    build(RodBuilder(Rod.locate(raw)), tmp_path / "out")
    photo(raw, "lamp_redbl_whiter-cup-s3").unlink()
    with pytest.raises(UsageError, match="raw data was"):
        build(RodBuilder(Rod.locate(raw)), tmp_path / "out")


def test_photos_of_no_size_are_refused(made: Path) -> None:
    with pytest.raises(UsageError, match="max_pixels is 0"):
        RodBuilder(Rod.locate(made), max_pixels=0)
