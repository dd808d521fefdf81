"""From a picture in raw data to a frame's bytes.

Every picture is decoded, so that a damaged one is found before it is in the benchmark. Frames are then encoded anew,
and nothing but pixels is carried over (photos from phones tell where they were taken); an orientation in the metadata
is applied, because models see pixels as they are stored. Only those of COCO, which samples crop, and of the released
ImageNet-C stay as they are, byte for byte (`read_original`).
"""

from __future__ import annotations

import io
import warnings
from math import sqrt
from pathlib import Path

from PIL import Image, ImageOps, UnidentifiedImageError, features

from raw_sources.base import SourceError, decoding

JPEG_QUALITY = 92

_FORMATS = ("JPEG", "PNG")


def read_picture(path: Path, max_pixels: int | None = None) -> Image.Image:
    """Reads a picture of the raw data: upright, RGB, without its metadata.

    Args:
        path: A JPEG or PNG.
        max_pixels: Pixels (width times height) to which a larger picture is scaled down, sides in proportion; None
            leaves its size.

    Raises:
        SourceError: It cannot be read completely, or is too large to be opened safely.
    """
    with decoding(path, "picture"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged metadata, which is not used
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with Image.open(path, formats=_FORMATS) as stored:
            if max_pixels is not None:
                scale = sqrt(max_pixels / (stored.width * stored.height))
                stored.thumbnail((stored.width * scale, stored.height * scale), Image.Resampling.LANCZOS)
            ImageOps.exif_transpose(stored, in_place=True)
            image = stored.convert("RGB") if stored.mode != "RGB" else stored
            image.load()
    image.info.clear()
    return image


def read_original(path: Path, size: tuple[int, int] | None = None) -> bytes:
    """The bytes of a picture that can be decoded; models see it as it is stored, whatever its metadata say.

    Args:
        path: A JPEG or PNG.
        size: Width and height in pixels that it must have as it is stored; None for any.

    Raises:
        SourceError: It cannot be read completely, or has another size.
    """
    with decoding(path, "picture"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        data = path.read_bytes()
        try:
            opened = Image.open(io.BytesIO(data), formats=_FORMATS)
        except UnidentifiedImageError:  # whose text has an address in memory, another one each time
            raise ValueError("neither a JPEG nor a PNG") from None
        with opened as stored:
            found = stored.size
            # All of a JPEG is read for an eighth of its pixels, too, which takes a third of the time.
            stored.draft("L", (stored.width // 8, stored.height // 8))
            stored.load()
    if size is not None and found != size:
        raise SourceError(f"{path}: the picture has {found} pixels, its annotation says {size}. Get the file again.")
    return data


def encode_jpeg(image: Image.Image) -> bytes:
    """The bytes of a JPEG frame."""
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=JPEG_QUALITY)
    return stream.getvalue()


def encode_png(image: Image.Image) -> bytes:
    """The bytes of a PNG frame."""
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def picture_versions() -> dict[str, str]:
    """Name -> version of the libraries that decide the bytes of pictures."""
    versions = {"pillow": features.version("pil")}
    versions |= {name: features.version(name) for name in ("libjpeg_turbo", "zlib")}
    return {name: str(version) for name, version in versions.items()}
