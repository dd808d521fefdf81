"""COCO: a crop that moves towards the object, or grows until it holds it.

The first view already includes one step. A direction is used up when its offset has reached `granularity` steps
(`granularity + 1` for zoom), at once where a step is 0 pixels wide. Suggestions leave the list by axis: where nothing
is left to move along an axis, neither of its ways is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Self
from typing import Literal as OneOf

from pydantic import BaseModel, ConfigDict, Field

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.rod import SIDEWAYS
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Literal, Scenario, Size, is_abstention
from proactivebench.views import Crop

MAX_STEPS = 50
MAX_PIXELS = 100_000
"""Bounds of a sample, far above any real one: 5 steps, and less than 1,000 pixels."""

Step = Annotated[int | float, Field(ge=0, le=MAX_PIXELS)]
Edge = Annotated[int | float, Field(ge=-MAX_PIXELS, le=MAX_PIXELS)]

Direction = OneOf["left", "right", "up", "down", "up_left", "up_right", "down_left", "down_right", "zoom"]

_ACTION_OF_PART: Mapping[str, AnyAction] = {
    "left": Action.LEFT,
    "right": Action.RIGHT,
    "up": Action.UP,
    "down": Action.DOWN,
    "zoom": Action.ZOOM,
}
_OTHER_WAY: Mapping[AnyAction, AnyAction] = {
    Action.LEFT: Action.RIGHT,
    Action.RIGHT: Action.LEFT,
    Action.UP: Action.DOWN,
    Action.DOWN: Action.UP,
    Action.ZOOM: Action.ZOOM,
}

HORIZONTAL = (Action.LEFT, Action.RIGHT, Action.ZOOM)
VERTICAL = (Action.UP, Action.DOWN, Action.ZOOM)


@lru_cache(maxsize=4096)
def offset(step: float, steps: int) -> float:
    """Pixels after some steps; a product would differ from the published package in the last digit."""
    pixels = step if steps else 0.0
    for number in range(1, steps):
        pixels = pixels / number * (number + 1)
    return pixels


class CropBox(BaseModel):
    """A rectangle in pixels, origin top left; edges up to `MAX_PIXELS`.

    Attributes:
        top: Upper edge.
        left: Left edge.
        width: The RIGHT EDGE for the eight directions, the width for `zoom` (published layout).
        height: The BOTTOM EDGE for the eight directions, the height for `zoom` (published layout).
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    top: Edge
    left: Edge
    width: Edge
    height: Edge


class CocoSample(Sample):
    """COCO 2014: a crop of a photo that moves or grows towards the object.

    Attributes:
        direction: Where the object lies, seen from the crop; `zoom` grows the crop on all sides.
        granularity: Number of steps along one axis, at most `MAX_STEPS`.
        horizontal_step: Pixels of one step to the left or right.
        vertical_step: Pixels of one step up or down.
        crop: The view before the first step.
    """

    direction: Direction
    granularity: Annotated[int, Field(ge=1, le=MAX_STEPS)]
    horizontal_step: Step
    vertical_step: Step
    crop: CropBox

    @property
    def object_box(self) -> Crop | None:
        box = (self.model_extra or {}).get("box")
        return Crop(box["left"], box["top"], box["left"] + box["width"], box["top"] + box["height"]) if box else None

    @classmethod
    def lenient(cls, entry: Mapping[str, Any]) -> Self:
        return super().lenient({**entry, "crop": CropBox.model_construct(None, **entry["crop"])})


class CocoEnvironment(Environment):
    """The crop moves towards the object, or grows until it holds it."""

    sample: CocoSample

    def start(self) -> None:
        self._zooms = self.sample.direction == "zoom"
        self._steps = {_ACTION_OF_PART[part]: 1 for part in self.sample.direction.split("_")}
        self._last_step = self.sample.granularity + (1 if self._zooms else 0)
        # What one step of each action measures along the axes that it moves on, and all steps along them.
        self._axes = {action: [(step, self.farthest(step)) for step in self._pixels(action)] for action in self._steps}

    @property
    def max_turns(self) -> int:
        return self._last_step * len(self._steps)

    def hint_text(self) -> str:
        return "Hint: zooming out could help with classification." if self._zooms else super().hint_text()

    def frame_path(self) -> str:
        return self.sample.image_template

    def crop(self) -> Crop | None:
        if self.reference:
            return None
        box, steps = self.sample.crop, self._steps.get
        width, height, zoom = self.sample.horizontal_step, self.sample.vertical_step, steps(Action.ZOOM, 0)
        left, right = offset(width, steps(Action.LEFT, zoom)), offset(width, steps(Action.RIGHT, zoom))
        up, down = offset(height, steps(Action.UP, zoom)), offset(height, steps(Action.DOWN, zoom))
        # `width` and `height` are the right and bottom edge, except for zoom (published layout).
        return Crop(
            box.left - left,
            box.top - up,
            (box.left if self._zooms else 0) + (box.width + right),
            (box.top if self._zooms else 0) + (box.height + down),
        )

    def steps_along(self, axis: tuple[Action, ...]) -> int:
        """Steps along an axis so far, with that of the first view; 0 where the crop never moves along it."""
        return max(self._steps.get(way, 0) for way in axis)

    def farthest(self, step: float) -> float:
        """Pixels after all steps along an axis, given those of one."""
        return step * self._last_step

    def _pixels(self, action: AnyAction) -> list[float]:
        """What one step measures along the axes that it moves on."""
        axes = ((self.sample.horizontal_step, HORIZONTAL), (self.sample.vertical_step, VERTICAL))
        return [step for step, axis in axes if action in axis]

    def _leads_on(self, action: AnyAction) -> bool:
        if action not in self._steps:
            return False
        steps, zooms = self._steps[action], self._zooms
        for step, end in self._axes[action]:
            so_far = offset(step, steps)
            # Published: a zoom whose offset is rounded past its end stays on the list, a direction does not.
            if so_far != end if zooms else so_far < end:
                return True
        return False

    def shows_answer(self) -> bool:
        left = (action for action, steps in self._steps.items() if steps < self._last_step)
        return self.reference or not any(any(self._pixels(action)) for action in left)

    def shows(self, action: AnyAction | None) -> bool:
        if action is None or (action is Action.ZOOM) is not self._zooms:
            return True
        return self._leads_on(action) or self._leads_on(_OTHER_WAY[action])

    def actions(self) -> list[AnyAction]:
        return list(self._steps)

    def possible(self, action: AnyAction) -> bool:
        return action in self._steps

    def flaws(self) -> Iterator[str]:
        suggested = [self.scenario.action_of(option) for option in self.sample.options if not is_abstention(option)]
        if Counter(suggested) != Counter(self._steps):
            needed = " and ".join(repr(self.scenario.literals[action].text) for action in self._steps)
            yield f"options: the suggestions for the direction {self.sample.direction} must be {needed}"
        wide, high = (
            offset(step, self._last_step) == self.farthest(step)
            for step in (self.sample.horizontal_step, self.sample.vertical_step)
        )
        if self._zooms and wide and not high:
            yield "vertical_step: rounding keeps it from the last view that horizontal_step reaches; use whole pixels"

    def move(self, action: AnyAction) -> None:
        self._steps = {**self._steps, action: self._steps[action] + 1}


COCO = Scenario(
    name="COCO",
    dataset="coco2014",
    title="cropped view",
    placeholders=(),
    keywords=SIDEWAYS | {"up": Action.UP, "down": Action.DOWN, "farther": Action.ZOOM},
    hint="Hint: moving the camera could help with classification.",
    literals={
        Action.LEFT: Literal("Move the camera to the left."),
        Action.RIGHT: Literal("Move the camera to the right."),
        Action.UP: Literal("Move the camera up."),
        Action.DOWN: Literal("Move the camera down."),
        Action.ZOOM: Literal("Move farther from the object."),
    },
    sample=CocoSample,
    environment=CocoEnvironment,
    sources=("coco",),
    open_suggestions=("Move the camera", "Move farther from the object"),
    paper=Size(samples=4_384, images=13_800, categories=78, actions=5),
)
