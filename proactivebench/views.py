"""How a stored picture becomes the one that a model sees: a crop or a smaller copy.

A view is a value, so that environments stay free of I/O, and a function from picture to picture, so that the one
who loads the picture applies it with a call.
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

HISTORY_SHORT_EDGE = 224
"""Pixels of the short edge of pictures that stay in a conversation (paper, history setting)."""


MAX_RATIO = 100
"""Long edge over short edge of the most extreme picture that is scaled to a short edge; it has 5 megapixels then."""


@dataclass(frozen=True, slots=True)
class Crop:
    """A rectangle in pixels, origin top left, right and bottom edge exclusive; Pillow rounds the numbers."""

    left: float
    top: float
    right: float
    bottom: float

    def __call__(self, image: Image.Image) -> Image.Image:
        return image.crop((self.left, self.top, self.right, self.bottom))


@dataclass(frozen=True, slots=True)
class ShortEdge:
    """Scales a picture so that its short edge has `pixels`; the long edge is rounded down.

    Raises:
        ValueError: When called with a picture whose sides are more than `MAX_RATIO` : 1.
    """

    pixels: int = HISTORY_SHORT_EDGE

    def __call__(self, image: Image.Image) -> Image.Image:
        width, height = image.size
        short = min(width, height)
        if not 0 < max(width, height) <= MAX_RATIO * short:
            raise ValueError(f"{width} x {height} pixels; sides must be {MAX_RATIO} : 1 or less")
        return image.resize((int(width * self.pixels / short), int(height * self.pixels / short)))


@dataclass(frozen=True, slots=True)
class Grey:
    """A grey picture, as large as the one that another view makes; None: as the picture itself."""

    instead_of: Crop | ShortEdge | None = None

    def __call__(self, image: Image.Image) -> Image.Image:
        return Image.new("RGB", (self.instead_of(image) if self.instead_of else image).size, "grey")


View = Crop | ShortEdge | Grey
