"""ImageNet-C: a corrupted photo that the one fitting improvement makes better, level by level."""

from __future__ import annotations

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.samples import ImageNetCSample
from proactivebench.scenarios import Action


class ImageNetCEnvironment(Environment):
    """Bad image quality."""

    scenario = scenarios.IN_C
    sample: ImageNetCSample

    def frame(self) -> str:
        number = self.sample.reference_image if self.reference else self.image
        return self.sample.image_template.replace("{level}", str(number))

    def accepts(self, option: str, action: Action) -> bool:
        return option == self.sample.quality_answer and not self.last_turn

    def move(self, action: Action) -> None:
        self.image -= 1
