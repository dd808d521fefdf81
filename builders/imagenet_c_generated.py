"""ImageNet-C for those who have ImageNet alone: the corruptions, carried out on validation pictures.

The pictures resemble the released ones (which their authors prefer) and are not equal to them. As there, a picture's
short edge becomes 256 pixels, the middle 224 x 224 are kept, and the result is a JPEG of quality 85. All levels of a
picture share one seed, so noise grows from level to level instead of changing.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from PIL import Image

from builders.imagenet_c_any import AnyImageNetCBuilder
from builders.pictures import picture_versions, read_picture
from builders.pipeline.storage import fingerprint
from proactivebench.errors import require_extra
from raw_sources.base import Problem
from raw_sources.imagenet import ImageNet, ImageNetRecord
from raw_sources.imagenet_c import SEVERITIES

SHORT_EDGE = 256
SIZE = 224
JPEG_QUALITY = 85

_TAKE_A_SEED = ("impulse_noise", "glass_blur")
_LIBRARIES = ("imagecorruptions-imaug", "numba", "numpy", "opencv-python", "scikit-image", "scipy")


@dataclass(frozen=True, slots=True)
class ToCorrupt:
    """A picture and the corruption that it gets."""

    corruption: str
    original: ImageNetRecord

    @property
    def wnid(self) -> str:
        return self.original.wnid

    @property
    def stem(self) -> str:
        return self.original.stem


@dataclass(frozen=True)
class GeneratedImageNetCBuilder(AnyImageNetCBuilder[tuple[ImageNetRecord, ...], ToCorrupt]):
    """Builds the ImageNet-C scenario from the validation pictures of ImageNet.

    Attributes:
        source: The validation pictures.
        seed: Decides which pictures are picked, their corruptions, texts and wrong categories, and all noise.
        per_class: Pictures of each class.

    Raises:
        UsageError: `per_class` is out of range, or the library that corrupts is not installed.
    """

    source: ImageNet
    seed: int = 0
    per_class: int = 5

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> GeneratedImageNetCBuilder:
        return cls(ImageNet.locate(raw), options["seed"], options["per_category"] or cls.per_class)

    @property
    def sources(self) -> Sequence[str]:
        return ("imagenet",)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.versions()

    def settings(self) -> dict[str, Any]:
        pictures = (record.picture for record in self.source.records())
        return {
            "seed": self.seed,
            "per_class": self.per_class,
            "generated": True,
            "raw data": fingerprint(self.source.folder, pictures),
        }

    def versions(self) -> dict[str, str]:
        with require_extra("Corrupting pictures", "corruptions"):
            return picture_versions() | {name: version(name) for name in _LIBRARIES}

    def read(self, problems: list[Problem]) -> Iterable[tuple[ImageNetRecord, ...]]:
        for _, records in groupby(self.source.read(problems), key=lambda record: record.wnid):
            yield tuple(records)

    def wnid(self, record: tuple[ImageNetRecord, ...]) -> str:
        return record[0].wnid

    def pictures(
        self, record: tuple[ImageNetRecord, ...], corruption: str, problems: list[Problem]
    ) -> Sequence[ToCorrupt]:
        return [ToCorrupt(corruption, original) for original in record]

    def levels(self, picture: ToCorrupt) -> Iterator[bytes]:
        image = resize_and_crop(read_picture(picture.original.picture))
        seed = self.random(picture.corruption, picture.stem).getrandbits(32)
        for severity in SEVERITIES:
            yield _jpeg(corrupt(image, picture.corruption, severity, seed))


def resize_and_crop(image: Image.Image) -> Image.Image:
    """Scales the short edge to 256 pixels and keeps the middle 224 x 224."""
    scale = SHORT_EDGE / min(image.size)
    width, height = (max(SHORT_EDGE, int(edge * scale)) for edge in image.size)
    left, top = (round((edge - SIZE) / 2) for edge in (width, height))
    resized = image.resize((width, height), Image.Resampling.BILINEAR)
    return resized.crop((left, top, left + SIZE, top + SIZE))


def corrupt(image: Image.Image, corruption: str, severity: int, seed: int) -> Image.Image:
    """Carries out one corruption.

    Args:
        image: In mode RGB, at least 32 pixels on each side.
        corruption: A name of ImageNet-C.
        severity: 1 to 5.
        seed: Decides the noise, 0 to 2**32 - 1.
    """
    import numpy as np
    from imagecorruptions import corrupt as corrupt_array

    np.random.seed(seed)  # noqa: NPY002 - most of the library's corruptions draw from numpy's global generator
    own_seed = {"seed": seed} if corruption in _TAKE_A_SEED else {}
    return Image.fromarray(corrupt_array(np.asarray(image), severity, corruption, **own_seed))


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY, optimize=True)
    return stream.getvalue()
