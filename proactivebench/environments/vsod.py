"""VSOD: a video in which something hides the subject for a while; its ends are joined."""

from __future__ import annotations

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.scenarios import Action


class VsodEnvironment(Environment):
    """Temporal occlusion."""

    scenario = scenarios.VSOD

    def frame(self) -> str:
        number = self.sample.reference_image if self.reference else self.image
        return self.sample.image_template.replace("{image}", f"{number:04d}")

    def move(self, action: Action) -> None:
        self.image = (self.image + (-1 if action is Action.REWIND else 1)) % self.sample.num_images
