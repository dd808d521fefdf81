"""Decoded pictures, kept for a while: a run shows some of them more than once.

With history every turn shows the earlier turns' pictures again, examples stand in front of every question, and repeats
show what the first play did. A picture is kept by its file, its digest and its view, so it is always the right one.
"""

from __future__ import annotations

import threading

from cachetools import LRUCache
from PIL import Image

from proactivebench.images import Picture, load_picture

KEPT_BYTES = 256 << 20
"""Pixels of all pictures that are kept, in bytes: 290 of 640 x 480, or nine of 3024 x 3024."""


class DecodedPictures:
    """Loads pictures, and remembers the latest.

    Args:
        max_pixels: Pixels to which larger ones are scaled down; None leaves their size.
    """

    def __init__(self, max_pixels: int | None):
        self._max_pixels = max_pixels
        self._kept: LRUCache[Picture, Image.Image] = LRUCache(KEPT_BYTES, lambda image: 3 * image.width * image.height)
        self._lock = threading.Lock()

    def load(self, picture: Picture) -> Image.Image:
        """A picture as `load_picture` gives it, with its errors; it is shared and must not be changed."""
        with self._lock:
            kept = self._kept.get(picture)
        if kept is not None:
            return kept
        image = load_picture(picture, self._max_pixels)
        with self._lock:
            if 3 * image.width * image.height <= KEPT_BYTES:
                self._kept[picture] = image
        return image
