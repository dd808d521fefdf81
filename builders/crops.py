"""Where COCO's views lie: a crop that misses the object, and the steps that bring it into view.

The two axes are planned one by one, in whole pixels: a view either spans an axis, or one of its edges moves away from
the other, or both do (zoom). Moving edges end at the edge of the picture, so the last view of the eight directions is
the whole picture; a zoom ends where the nearest edge of the picture stops it, or earlier, around the object. Everything
else follows from three rules: the first view, which includes one step already, shows less than `MAX_OVERLAP` of the
object's box, no view is narrower than `MIN_VIEW`, and `crop`, the view before the first step, is a rectangle too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple, get_args

from proactivebench.samples import Direction
from raw_sources.coco import Box

MAX_OVERLAP = 0.2
"""The first view shows a smaller share of the box's area."""

MIN_VIEW = 32
"""Width and height in pixels of the smallest view."""

GRANULARITIES = (3, 4, 5)

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


class Track(NamedTuple):
    """A view along one axis before the first step, from `low` to `high` in pixels, and the pixels of a step."""

    low: int
    high: int
    step: int


@dataclass(frozen=True, slots=True)
class CropPlan:
    """The geometry of one sample; the fields are those of `CocoSample`."""

    direction: Direction
    granularity: int
    horizontal: Track
    vertical: Track

    def fields(self) -> dict[str, object]:
        """The fields of the sample, where `width` and `height` are edges for all directions but zoom."""
        (left, right, horizontal_step), (top, bottom, vertical_step) = self.horizontal, self.vertical
        width, height = (right - left, bottom - top) if self.direction == "zoom" else (right, bottom)
        return {
            "direction": self.direction,
            "granularity": self.granularity,
            "horizontal_step": horizontal_step,
            "vertical_step": vertical_step,
            "crop": {"top": top, "left": left, "width": width, "height": height},
        }


def possible_crops(width: int, height: int, box: Box) -> list[CropPlan]:
    """Every direction and granularity that the picture and the place of its object allow.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        box: Of the object; inside the picture.

    Returns:
        Plans in a fixed order; none where the object leaves no room for a view without it.
    """
    plans = (_plan(direction, steps, width, height, box) for direction in DIRECTIONS for steps in GRANULARITIES)
    return [plan for plan in plans if plan is not None]


def _plan(direction: Direction, granularity: int, width: int, height: int, box: Box) -> CropPlan | None:
    parts = direction.split("_")
    axis = _Axis(
        steps=granularity + (direction == "zoom"),
        # Shares of width and height multiply to the share of the area.
        limit=MAX_OVERLAP ** (1 / (2 if direction == "zoom" else len(parts))),
    )
    horizontal = _mover(_HORIZONTAL, parts)(axis, width, box.left, box.left + box.width)
    vertical = _mover(_VERTICAL, parts)(axis, height, box.top, box.top + box.height)
    if horizontal is None or vertical is None:
        return None
    return CropPlan(direction, granularity, horizontal, vertical)


class _Axis(NamedTuple):
    """How often the view grows, and below which share of the object its first view stays, on an axis that moves."""

    steps: int
    limit: float


_Mover = Callable[[_Axis, int, float, float], Track | None]
"""From the length of an axis and the object's place on it to the view's track; None where there is no room."""


def _still(axis: _Axis, length: int, start: float, end: float) -> Track | None:
    return Track(0, length, 0) if length >= MIN_VIEW else None


def _backward(axis: _Axis, length: int, start: float, end: float) -> Track | None:
    """The low edge moves down to 0."""
    first_view_above = end - axis.limit * (end - start)
    step = floor(first_view_above / (axis.steps - 1)) + 1
    low = axis.steps * step
    return Track(low, length, step) if low < length and length - (low - step) >= MIN_VIEW else None


def _forward(axis: _Axis, length: int, start: float, end: float) -> Track | None:
    """The high edge moves up to the length: the mirror image."""
    track = _backward(axis, length, length - end, length - start)
    return track and Track(length - track.high, length - track.low, track.step)


def _outward(axis: _Axis, length: int, start: float, end: float) -> Track | None:
    """Both edges move away from the middle of the object, which stays the middle of the view."""
    low_plus_high = floor(start) + ceil(end)
    room = min(low_plus_high, 2 * length - low_plus_high)
    first_view_below = ceil(axis.limit * (end - start))
    step = min((room - 1) // (2 * axis.steps), (first_view_below - 3) // 2)
    size = min(first_view_below - 1 - 2 * step, room - 2 * axis.steps * step)
    size -= (size - low_plus_high) % 2
    low = (low_plus_high - size) // 2
    holds_object = size + 2 * axis.steps * step >= ceil(end) - floor(start)
    return Track(low, low + size, step) if step > 0 and size + 2 * step >= MIN_VIEW and holds_object else None


_HORIZONTAL: Mapping[str, _Mover] = {"left": _backward, "right": _forward, "zoom": _outward}
_VERTICAL: Mapping[str, _Mover] = {"up": _backward, "down": _forward, "zoom": _outward}


def _mover(movers: Mapping[str, _Mover], parts: Sequence[str]) -> _Mover:
    return next((movers[part] for part in parts if part in movers), _still)
