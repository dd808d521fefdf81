"""Small pictures for pages: each frame or crop once, named by a hash of what it shows.

The name follows from the frame's digest and the crop, so it is known before anything is drawn, pages ask for pictures
by it, and a report that is written again draws only what is new. A frame that is not what it should be is not shown.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator

from proactivebench.images import ChangedPictureError, PictureError, load_picture
from proactivebench.models.base import Picture

LONG_EDGE = 256
"""Pixels of the long edge; smaller pictures keep their size."""


class Pictures:
    """The pictures of a page, drawn when somebody asks for them."""

    def __init__(self) -> None:
        self._pictures: dict[str, Picture] = {}

    def add(self, picture: Picture) -> str:
        """The name of a picture: 20 hexadecimal digits."""
        name = hashlib.sha256(f"{picture.sha256 or picture.path}\0{picture.view}".encode()).hexdigest()[:20]
        self._pictures[name] = picture
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
            PictureError: The frame cannot be read, or is another one by now.
        """
        try:
            image = load_picture(self._pictures[name])
        except ChangedPictureError as error:
            raise PictureError(str(error)) from error
        image.thumbnail((LONG_EDGE, LONG_EDGE))
        file = io.BytesIO()
        image.save(file, "WEBP", quality=80, method=4)
        return file.getvalue()
