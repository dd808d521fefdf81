"""The frames of a drawing.

Decided here: the look of a frame. The bounding box of the complete drawing is fitted into the canvas, so nothing moves
from frame to frame; lines are drawn on a larger canvas and averaged down. Simplified and raw strokes give frames of one
look.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from raw_sources.quickdraw_lines import Stroke

SIZE = 256
"""Width and height of a frame in pixels."""

MARGIN = 16
LINE_WIDTH = 4
_OVERSAMPLING = 4
_SUBPIXEL_BITS = 4
_UNIT = _OVERSAMPLING << _SUBPIXEL_BITS  # of a frame's pixel
_PNG = (cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE)


def versions() -> dict[str, str]:
    """Name -> version of the libraries that decide the bytes of the frames."""
    return {"opencv": cv2.__version__, "numpy": np.__version__}


def encode(image: MatLike) -> bytes:
    """A frame as a PNG."""
    return cv2.imencode(".png", image, _PNG)[1].tobytes()


def draw_prefixes(strokes: Sequence[Stroke]) -> Iterator[MatLike]:
    """Draws the first stroke, the first two, and so on: black on white, anti-aliased.

    Args:
        strokes: In any coordinates, y downwards.

    Yields:
        Images of shape (SIZE, SIZE), uint8 grey values, 0 is black.
    """
    cv2.setNumThreads(1)  # the pictures are small, and the pipeline has one process per core
    canvas = np.full((SIZE * _OVERSAMPLING, SIZE * _OVERSAMPLING), 255, np.uint8)
    frame = np.full((SIZE, SIZE), 255, np.uint8)
    for points in _fit(strokes):
        dot = len(points) == 1  # drawn as a line from the point back to itself
        cv2.polylines(canvas, [points], dot, 0, LINE_WIDTH * _OVERSAMPLING, shift=_SUBPIXEL_BITS)
        left, top = points.min(axis=0) // _UNIT - LINE_WIDTH
        right, bottom = points.max(axis=0) // _UNIT + LINE_WIDTH
        part = canvas[top * _OVERSAMPLING : bottom * _OVERSAMPLING, left * _OVERSAMPLING : right * _OVERSAMPLING]
        # Only what the stroke touches has changed, and halving twice is faster than one reduction by four.
        half = cv2.resize(part, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        frame[top:bottom, left:right] = cv2.resize(half, (right - left, bottom - top), interpolation=cv2.INTER_AREA)
        yield frame.copy()


def _fit(strokes: Sequence[Stroke]) -> list[NDArray[np.int32]]:
    """Scales and centres a drawing: points of shape (n, 2) in fractions of a pixel of the large canvas."""
    points = [np.array(stroke, np.float64).T for stroke in strokes]
    low, high = (bound([bound(part, axis=0) for part in points], axis=0) for bound in (np.min, np.max))
    extent = max(float((high - low).max()), 1e-6)
    scale = (SIZE - 2 * MARGIN) * _UNIT / extent
    centre = SIZE * _UNIT / 2
    return [np.rint((part - (low + high) / 2) * scale + centre).astype(np.int32) for part in points]
