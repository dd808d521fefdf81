"""ROD: an occluder hides an object and can be moved to either side.

A right category in the first turn does not count: the object cannot be known there.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Example, Scenario, Size

MISSING_FRAME = "natural_bluebl_greenr-banana-s6"
"""The one frame that the raw data lack; the next one in the direction of movement stands in for it."""

SIDEWAYS = {"to the left": Action.LEFT, "to the right": Action.RIGHT}


class RodSample(Sample):
    """Realistic-Occlusion-Dataset: an occluder in front of an object."""

    @property
    def source(self) -> str:
        """The object, of whatever occluder, light and room (`natural_redbl_greenr-banana-s{image}.jpg`)."""
        return PurePosixPath(self.image_template).name.partition("-")[2].rpartition("-")[0] or self.image_template


class RodEnvironment(Environment):
    """The occluder can be moved to either side."""

    def frame_path(self) -> str:
        path = super().frame_path()
        if self.reference or MISSING_FRAME not in path:
            return path
        return path.replace(MISSING_FRAME, MISSING_FRAME[:-1] + ("5" if self.action is Action.LEFT else "7"))

    def category_counts(self) -> bool:
        return self.reference or self.turn > 0

    def move(self, action: AnyAction) -> None:
        self.frame_number = (self.frame_number + (-1 if action is Action.LEFT else 1)) % self.sample.num_images


ROD = Scenario(
    name="ROD",
    dataset="Realistic-Occlusion-Dataset",
    title="occluded object",
    placeholders=("image",),
    keywords=SIDEWAYS,
    hint="Hint: moving the occluding object might reveal what is behind it.",
    reference_question="What type of object is in the image?",
    sample=RodSample,
    environment=RodEnvironment,
    sources=("rod",),
    open_suggestions=("Move the blocks", "Move the camera"),
    names_category=False,
    example=Example(
        "I cannot see what is behind the occluding object. Moving the occluding object might reveal its position. So, "
        "first, I need to move the occluding object and then answer the question. Therefore, the answer is:",
        small_edge=512,
        one_move=True,
    ),
    paper=Size(samples=88, images=1_200, categories=16, actions=2),
)
