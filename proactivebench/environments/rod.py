"""ROD: an occluder that can be moved to either side.

A right category in the first turn does not count: the object cannot be known there.
"""

from __future__ import annotations

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.scenarios import Action

MISSING_FRAME = "natural_bluebl_greenr-banana-s6"
"""The one frame that the raw data lack; the next one in the direction of movement stands in for it."""


class RodEnvironment(Environment):
    """Occluded object."""

    scenario = scenarios.ROD

    def frame(self) -> str:
        path = super().frame()
        if self.reference or MISSING_FRAME not in path:
            return path
        return path.replace(MISSING_FRAME, MISSING_FRAME[:-1] + ("5" if self.action is Action.LEFT else "7"))

    def category_counts(self) -> bool:
        return self.reference or self.turn > 0

    def move(self, action: Action) -> None:
        self.image = (self.image + (-1 if action is Action.LEFT else 1)) % self.sample.num_images
