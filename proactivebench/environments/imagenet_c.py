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
    useful_in_last_turn = False

    def frame(self) -> str:
        number = self.sample.reference_image if self.reference else self.image
        return self.sample.image_template.replace("{level}", str(number))

    def frames(self) -> range:
        return range(1, 6)

    def useful(self) -> list[str]:
        # Random options: the answer is none of them.
        answer = self.sample.quality_answer
        return [answer] if answer in self.sample.options else super().useful()

    def move(self, action: Action) -> None:
        self.image -= 1
