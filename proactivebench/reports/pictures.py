"""Small pictures for pages: each frame or crop once, named by a hash of what it shows.

The name follows from the benchmark's fingerprint, the frame's path and the crop, not from the pixels: it is known
before anything is drawn, pages ask for pictures by it, and a report that is written again draws only what is new.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from pathlib import Path

from proactivebench.images import load_picture
from proactivebench.models.base import Picture
from proactivebench.views import Crop

LONG_EDGE = 256
"""Pixels of the long edge; smaller pictures keep their size."""


class Pictures:
    """The pictures of a page, drawn when somebody asks for them."""

    def __init__(self) -> None:
        self._pictures: dict[str, Picture] = {}

    def add(self, root: Path, fingerprint: str, image: str, crop: tuple[float, float, float, float] | None) -> str:
        """The name of a picture: 20 hexadecimal digits.

        Args:
            root: The folder that frame paths start from.
            fingerprint: Of the benchmark that the frame belongs to.
            image: Path of the frame below `root`.
            crop: The part that is shown in pixels (left, top, right, bottom); None for all of it.
        """
        name = hashlib.sha256(f"{fingerprint}\0{image}\0{crop}".encode()).hexdigest()[:20]
        self._pictures[name] = Picture(root / image, Crop(*crop) if crop else None)
        return name

    def __contains__(self, name: str) -> bool:
        return name in self._pictures

    def __iter__(self) -> Iterator[str]:
        return iter(self._pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def draw(self, name: str) -> bytes:
        """A picture as a WebP file.

        Raises:
            KeyError: No picture has that name.
            PictureError: The frame cannot be read.
        """
        image = load_picture(self._pictures[name])
        image.thumbnail((LONG_EDGE, LONG_EDGE))
        file = io.BytesIO()
        image.save(file, "WEBP", quality=80, method=4)
        return file.getvalue()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file that appears complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(content)
    temporary.replace(path)
