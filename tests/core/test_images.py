"""Pictures as a model sees them, and files that are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from proactivebench import images
from proactivebench.images import Picture, PictureError, load_picture
from proactivebench.views import HISTORY_SHORT_EDGE, MAX_RATIO, Crop, ShortEdge


@pytest.fixture
def gradient(tmp_path: Path) -> Path:
    path = tmp_path / "gradient.png"
    Image.linear_gradient("L").resize((120, 80)).convert("RGB").save(path)
    return path


def test_a_picture_without_a_view_is_shown_as_it_is(gradient: Path) -> None:
    with Image.open(gradient) as stored:
        assert load_picture(Picture(gradient)).tobytes() == stored.tobytes()


def test_a_view_is_applied_to_the_stored_pixels_before_the_size_is_limited(gradient: Path) -> None:
    assert load_picture(Picture(gradient, ShortEdge(25))).size == (37, 25)
    assert load_picture(Picture(gradient, Crop(20, 10, 120, 60))).size == (100, 50)
    limited = load_picture(Picture(gradient, Crop(20, 10, 120, 60)), max_pixels=50 * 25)
    assert limited.size == (50, 25)


@pytest.mark.parametrize("max_pixels", [1, 7, 9599, 9600, 10**9])
def test_no_picture_has_more_than_max_pixels_or_grows(gradient: Path, max_pixels: int) -> None:
    shown = load_picture(Picture(gradient), max_pixels)
    assert shown.width * shown.height <= min(max_pixels, 120 * 80)


@pytest.mark.parametrize(("mode", "white"), [("1", 1), ("L", 255), ("P", 0), ("RGBA", (255, 0, 0, 0)), ("CMYK", None)])
def test_all_modes_become_rgb(tmp_path: Path, mode: str, white: Any) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    Image.new(mode, (5, 4), white).save(path)
    shown = load_picture(Picture(path))
    assert (shown.mode, shown.size) == ("RGB", (5, 4))
    if mode == "RGBA":
        assert shown.getpixel((0, 0)) == (255, 0, 0), "transparency is dropped, the colour below it stays"


def test_an_orientation_in_the_metadata_does_not_turn_the_picture(tmp_path: Path) -> None:
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 10)).save(path, exif=exif)
    assert load_picture(Picture(path)).size == (30, 10)


def _broken(path: Path, kind: str) -> None:
    whole = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "a folder":
        path.unlink()
        path.mkdir()
    elif kind == "another format":
        Image.new("RGB", (5, 5)).save(path, format="TIFF")
    else:
        path.write_bytes({"empty": b"", "truncated": whole[: len(whole) // 2], "text": b"no picture\n" * 9}[kind])


@pytest.mark.parametrize("kind", ["missing", "a folder", "empty", "truncated", "text", "another format"])
def test_a_file_that_is_no_whole_picture_is_named(gradient: Path, kind: str) -> None:
    _broken(gradient, kind)
    with pytest.raises(PictureError, match=r"gradient\.png"):
        load_picture(Picture(gradient))


@pytest.mark.parametrize("size", [(120, 1), (1, 2000)])
def test_a_thin_picture_is_not_scaled_to_a_huge_one(gradient: Path, size: tuple[int, int]) -> None:
    Image.new("RGB", size).save(gradient)
    with pytest.raises(PictureError, match=r"gradient\.png.*100 : 1"):
        load_picture(Picture(gradient, ShortEdge()))


def test_a_picture_of_too_many_pixels_is_not_decoded(gradient: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_PIXELS", 120 * 80 - 1)
    with pytest.raises(PictureError, match="120 x 80"):
        load_picture(Picture(gradient))


@pytest.mark.parametrize("crop", [Crop(60, 0, 60, 80), Crop(60, 0, 50, 80), Crop(0, 0, 1e9, 1e9), Crop(0, 0, 1e300, 9)])
def test_a_view_that_cannot_be_shown_names_the_picture(gradient: Path, crop: Crop) -> None:
    with pytest.raises(PictureError, match=r"gradient\.png.*Crop"):
        load_picture(Picture(gradient, crop))


def test_bounds_are_those_that_they_are_said_to_be() -> None:
    assert (Image.MAX_IMAGE_PIXELS or 0) > images.MAX_PIXELS
    assert images.MAX_BYTES > 2 * 3 * images.MAX_PIXELS
    assert pytest.approx(5e6, rel=0.01) == HISTORY_SHORT_EDGE**2 * MAX_RATIO
