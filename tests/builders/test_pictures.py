"""Pictures of the raw data: what is copied is as sound as what is decoded."""

from __future__ import annotations

import io
from pathlib import Path
from random import Random

import numpy as np
import pytest
from PIL import Image

from builders.pictures import read_original, read_picture
from raw_sources.base import SourceError


def is_refused(path: Path, *, copied: bool) -> bool:
    try:
        read_original(path) if copied else read_picture(path)
    except SourceError:
        return True
    return False


@pytest.mark.parametrize("progressive", [False, True])
def test_a_copied_photo_is_refused_for_the_same_damage_as_a_decoded_one(tmp_path: Path, progressive: bool) -> None:
    """Only an eighth of its pixels is made, and still all of it is read."""
    pixels = np.kron(np.random.default_rng(0).integers(0, 255, (20, 30, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    sound = io.BytesIO()
    Image.fromarray(pixels).save(sound, "JPEG", progressive=progressive)
    random, path, refused = Random(0), tmp_path / "photo.jpg", 0
    for number in range(60):
        data = bytearray(sound.getvalue())
        if number % 2:
            del data[random.randrange(100, len(data)) :]
        else:
            for _ in range(20):
                data[random.randrange(len(data))] = random.randrange(256)
        path.write_bytes(data)
        assert is_refused(path, copied=True) == is_refused(path, copied=False)
        refused += is_refused(path, copied=True)
    assert 30 < refused < 60


def test_a_copied_photo_has_the_size_that_is_stored(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    path = tmp_path / "photo.jpg"
    Image.new("RGB", (30, 20)).save(path, exif=exif)
    assert read_picture(path).size == (20, 30)
    assert read_original(path, (30, 20)) == path.read_bytes()
    with pytest.raises(SourceError, match="its annotation says"):
        read_original(path, (20, 30))
