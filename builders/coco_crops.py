"""Where COCO's views lie: a crop that misses the object, and the steps that bring it into view.

The two axes are planned one by one, in whole pixels: a view either spans an axis, or one of its edges moves away from
the other, or both do (zoom). The first view includes one step already, and `crop`, the view before it, is a rectangle
too. No view is narrower than `MIN_VIEW`, none leaves the picture, and the last one holds the whole object.

In the eight directions the first view lies beside the object and shows nothing of its box. Steps are as few as that
takes, and as large as the picture allows. Only where the object leaves no room beside it does the camera zoom: the
first view is then the smallest one on the middle of the object from which the most steps reach all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple, get_args

from proactivebench.scenarios.coco import Direction
from raw_sources.coco import Box

MIN_VIEW = 64
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
    """Every direction from which the camera can come upon the object without showing any of it at first; else a zoom.

    Args:
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        box: Of the object; inside the picture.

    Returns:
        At most one plan for each direction, in a fixed order; none where the picture is too small.
    """
    moves = [_fewest_steps(direction, width, height, box) for direction in DIRECTIONS if direction != "zoom"]
    plans = moves if any(moves) else [_plan("zoom", GRANULARITIES[-1], width, height, box)]
    return [plan for plan in plans if plan]


def _fewest_steps(direction: Direction, width: int, height: int, box: Box) -> CropPlan | None:
    plans = (_plan(direction, granularity, width, height, box) for granularity in GRANULARITIES)
    return next(filter(None, plans), None)


def _plan(direction: Direction, granularity: int, width: int, height: int, box: Box) -> CropPlan | None:
    parts = direction.split("_")
    views = granularity + (direction == "zoom")
    # In whole pixels, so that nothing is rounded when a place is counted from the other end.
    horizontal = _mover(_HORIZONTAL, parts)(views, width, floor(box.left), ceil(box.left + box.width))
    vertical = _mover(_VERTICAL, parts)(views, height, floor(box.top), ceil(box.top + box.height))
    if horizontal is None or vertical is None:
        return None
    return CropPlan(direction, granularity, horizontal, vertical)


_Mover = Callable[[int, int, int, int], Track | None]
"""From the number of views, the length of an axis and the object's place on it to the track; None without room."""


def _still(views: int, length: int, start: int, end: int) -> Track | None:
    return Track(0, length, 0) if length >= MIN_VIEW else None


def _backward(views: int, length: int, start: int, end: int) -> Track | None:
    """The low edge moves down, from the end of the object or the few pixels behind it that make the steps come out."""
    moves = views - 1
    for low in range(end, min(end + moves, length - MIN_VIEW + 1)):
        step = min(low // moves, length - low - 1)
        if step > 0 and low - moves * step <= start:
            return Track(low + step, length, step)
    return None


def _forward(views: int, length: int, start: int, end: int) -> Track | None:
    """The high edge moves up: the mirror image."""
    track = _backward(views, length, length - end, length - start)
    return track and Track(length - track.high, length - track.low, track.step)


def _outward(views: int, length: int, start: int, end: int) -> Track | None:
    """Both edges move away from the middle of the object, which stays the middle of the view."""
    low_plus_high, size = start + end, end - start
    room = min(low_plus_high, 2 * length - low_plus_high)
    growths = 2 * (views - 1)
    for first in range(MIN_VIEW + size % 2, room, 2):
        step = min((first - 1) // 2, (room - first) // growths)
        if step > 0 and first + growths * step >= size:
            low = (low_plus_high - first) // 2 + step
            return Track(low, low_plus_high - low, step)
    return None


_HORIZONTAL: Mapping[str, _Mover] = {"left": _backward, "right": _forward, "zoom": _outward}
_VERTICAL: Mapping[str, _Mover] = {"up": _backward, "down": _forward, "zoom": _outward}


def _mover(movers: Mapping[str, _Mover], parts: Sequence[str]) -> _Mover:
    return next((movers[part] for part in parts if part in movers), _still)
