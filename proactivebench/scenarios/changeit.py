"""ChangeIt: a video that shows the answer at another time."""

from __future__ import annotations

from collections.abc import Iterator

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.sample import Count, Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Literal, Scenario, Size
from proactivebench.scenarios.vsod import VIDEO_KEYWORDS, VIDEO_PRE_PROMPT


class ChangeItSample(Sample):
    """ChangeIt: a video that shows the answer at another time.

    Attributes:
        step_size: Frames between two positions.
        max_steps: Turns of an episode.
    """

    step_size: Count
    max_steps: Count


class ChangeItEnvironment(Environment):
    """The answer is shown earlier or later; the video ends on both sides."""

    sample: ChangeItSample

    @property
    def max_turns(self) -> int:
        return self.sample.max_steps

    def _target(self, action: AnyAction) -> int:
        return self.frame_number + self.sample.step_size * (-1 if action is Action.REWIND else 1)

    def possible(self, action: AnyAction) -> bool:
        target = self._target(action)
        return target >= 0 if action is Action.REWIND else target < self.sample.num_images

    def shows(self, action: AnyAction | None) -> bool:
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

    def move(self, action: AnyAction) -> None:
        self.frame_number = self._target(action)

    def published_open_answers(self) -> str:
        # Published: what the present turn shows, rewinding in any case, and no space after the commas.
        return self._one_text([*self.suggestions, "Rewind the video", self.sample.answer], separator=",")


def _wait(sample: ChangeItSample) -> str:
    ways = (option for option in sample.options if CIT.action_of(option) is Action.FORWARD)
    return next(ways, "Wait for it to appear")


CIT = Scenario(
    name="CIT",
    dataset="ChangeIt",
    title="the answer is elsewhere in the video",
    placeholders=("image",),
    keywords=VIDEO_KEYWORDS,
    hint="Hint: If you cannot answer the question, waiting for it to appear or rewinding the video could help with "
    "classification.",
    pre_prompt=VIDEO_PRE_PROMPT,
    literals={
        Action.REWIND: Literal("Rewind the video."),
        Action.FORWARD: Literal("Wait for the", whole=False),
    },
    sample=ChangeItSample,
    environment=ChangeItEnvironment,
    sources=("changeit",),
    open_suggestions=(_wait, "Rewind the video"),
    paper=Size(samples=946, images=22_800, categories=69, actions=2),
)
