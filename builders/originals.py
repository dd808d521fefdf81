"""Pictures that become frames byte for byte: those of COCO, which samples crop, and those of the released ImageNet-C.

They are decoded all the same, so that a damaged one is found before it is in the benchmark.
"""

from __future__ import annotations

from pathlib import Path

from builders.pictures import read_picture
from raw_sources.base import SourceError


def read_original(path: Path, size: tuple[int, int] | None = None) -> bytes:
    """The bytes of a picture that can be decoded.

    Args:
        path: A JPEG or PNG.
        size: Width and height in pixels that it must have; None for any.

    Raises:
        SourceError: It cannot be read completely, or has another size.
    """
    found = read_picture(path).size
    if size is not None and found != size:
        raise SourceError(f"{path}: the picture has {found} pixels, its annotation says {size}. Get the file again.")
    return path.read_bytes()
