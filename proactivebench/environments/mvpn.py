"""MVP-N: views of a product; only the last one is informative."""

from __future__ import annotations

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.samples import MvpnSample
from proactivebench.scenarios import Action


class MvpnEnvironment(Environment):
    """Uninformative view."""

    scenario = scenarios.MVPN
    sample: MvpnSample
    useful_in_last_turn = False

    def frame(self) -> str:
        number = self.sample.reference_image if self.reference else self.image
        informative = "1" if self.reference or self.last_turn else "0"
        template = self.sample.image_template.replace("{informative}", informative)
        return template.replace("{image}", f"{number:04d}")

    def frames(self) -> tuple[int, ...]:
        return self.sample.valid_images

    def move(self, action: Action) -> None:
        self.image = self.sample.valid_images[self.turn + 1]
