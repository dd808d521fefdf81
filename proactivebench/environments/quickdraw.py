"""Quick, Draw!: a drawing that gets one stroke more with every suggestion."""

from __future__ import annotations

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.scenarios import Action


class QuickDrawEnvironment(Environment):
    """Coarse sketch."""

    scenario = scenarios.QD
    useful_in_last_turn = False

    def frame(self) -> str:
        number = self.sample.reference_image if self.reference else self.image
        return self.sample.image_template.replace("{image}", f"{number:04d}")

    def move(self, action: Action) -> None:
        self.image += 1
