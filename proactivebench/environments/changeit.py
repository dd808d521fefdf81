"""ChangeIt: a video that shows the answer earlier or later; it ends on both sides."""

from __future__ import annotations

from collections.abc import Iterator

from proactivebench import scenarios
from proactivebench.environments.base import Environment
from proactivebench.samples import ChangeItSample
from proactivebench.scenarios import Action


class ChangeItEnvironment(Environment):
    """The answer is elsewhere in the video."""

    scenario = scenarios.CIT
    sample: ChangeItSample

    @property
    def max_turns(self) -> int:
        return self.sample.max_steps

    def _target(self, action: Action) -> int:
        return self.image + self.sample.step_size * (-1 if action is Action.REWIND else 1)

    def possible(self, action: Action) -> bool:
        target = self._target(action)
        return target >= 0 if action is Action.REWIND else target < self.sample.num_images

    def shows(self, action: Action | None) -> bool:
        # Only one suggestion is ever hidden: where no way is left, waiting stays on the list.
        if action is Action.FORWARD and not self.possible(Action.REWIND):
            return True
        return action is None or self.possible(action)

    def flaws(self) -> Iterator[str]:
        for action, literal in self.scenario.literals.items():
            if sum(literal.fits(option) for option in self.sample.options) != 1:
                what = "be" if literal.whole else "hold"
                yield f"options: exactly one must {what} {literal.text!r} ({action.name.lower()})"
        if not (self.possible(Action.REWIND) or self.possible(Action.FORWARD)):
            yield "step_size: from the first frame neither rewinding nor waiting leads to another one"

    def move(self, action: Action) -> None:
        self.image = self._target(action)
