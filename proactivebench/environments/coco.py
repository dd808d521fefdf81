"""COCO: a crop that moves towards the object, or grows until it holds it.

The first view already includes one step. A direction is used up, and its option gone, when its offset has reached
`granularity` steps (`granularity + 1` for zoom).
"""

from __future__ import annotations

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.samples import CocoSample
from proactivebench.scenarios import Action
from proactivebench.views import Crop

_ACTION_OF_PART = {
    "left": Action.LEFT,
    "right": Action.RIGHT,
    "up": Action.UP,
    "down": Action.DOWN,
    "zoom": Action.ZOOM,
}


class CocoEnvironment(Environment):
    """Cropped view."""

    scenario = scenarios.COCO
    sample: CocoSample

    def start(self) -> None:
        self._zooms = self.sample.direction == "zoom"
        self._steps = {_ACTION_OF_PART[part]: 1 for part in self.sample.direction.split("_")}
        self._last_step = self.sample.granularity + (1 if self._zooms else 0)

    @property
    def max_turns(self) -> int:
        return self._last_step * len(self._steps)

    def hint_text(self) -> str:
        return "Hint: zooming out could help with classification." if self._zooms else super().hint_text()

    def frame(self) -> str:
        return self.sample.image_template

    def crop(self) -> Crop | None:
        if self.reference:
            return None
        box, steps = self.sample.crop, self._steps
        zoom = steps.get(Action.ZOOM, 0)
        left, right, up, down = (
            steps.get(action, zoom) for action in (Action.LEFT, Action.RIGHT, Action.UP, Action.DOWN)
        )
        # `width` and `height` are the right and bottom edge, except for zoom (published layout).
        right_edge = box.width + (box.left if self._zooms else 0)
        bottom_edge = box.height + (box.top if self._zooms else 0)
        return Crop(
            box.left - left * self.sample.horizontal_step,
            box.top - up * self.sample.vertical_step,
            right_edge + right * self.sample.horizontal_step,
            bottom_edge + down * self.sample.vertical_step,
        )

    def shows_answer(self) -> bool:
        return self.reference or all(steps >= self._last_step for steps in self._steps.values())

    def shows(self, action: Action | None) -> bool:
        return action not in self._steps or self._steps[action] < self._last_step

    def accepts(self, option: str, action: Action) -> bool:
        return action in self._steps

    def move(self, action: Action) -> None:
        self._steps = {**self._steps, action: self._steps[action] + 1}
