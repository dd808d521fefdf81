"""MVP-N: views of a product, of which only the last one tells it from its look-alikes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.sample import Index, Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Example, Scenario, Size


class MvpnSample(Sample):
    """MVP-N: views of a product.

    Attributes:
        valid_images: Numbers of the views, in the order in which they are shown; the last is informative.
    """

    valid_images: Annotated[tuple[Index, ...], Field(min_length=1)]

    @property
    def source(self) -> str:
        """The product, of whatever set of its views."""
        return self.answer

    @model_validator(mode="after")
    def _check_views(self) -> MvpnSample:
        if len(self.valid_images) != self.num_images:
            raise ValueError(f"valid_images has {len(self.valid_images)} entries, but num_images is {self.num_images}")
        return self


class MvpnEnvironment(Environment):
    """Every suggestion brings the next view; only the last one is informative."""

    digits = 4
    sample: MvpnSample
    useful_in_last_turn = False

    def frame_path(self) -> str:
        informative = "1" if self.reference or self.last_turn else "0"
        return super().frame_path().replace("{informative}", informative)

    def frames(self) -> tuple[int, ...]:
        return self.sample.valid_images

    def move(self, action: AnyAction) -> None:
        self.frame_number = self.sample.valid_images[self.turn + 1]


MVPN = Scenario(
    name="MVP-N",
    dataset="MVP-N",
    title="uninformative view",
    placeholders=("informative", "image"),
    keywords=dict.fromkeys(("rotate", "view", "angle", "orientation", "different"), Action.ROTATE),
    keywords_combine=True,
    hint="Hint: rotating the object could provide a more informative view.",
    sample=MvpnSample,
    environment=MvpnEnvironment,
    sources=("mvpn",),
    open_suggestions=("Rotate the object", "Move the camera"),
    names_category=False,
    example=Example(
        "I cannot tell which object is this. Rotating the object or changing the viewpoint might provide a more "
        "informative view. So, first, I need to rotate the object or change the viewpoint and then answer the "
        "question. Therefore, the answer is:",
        small_edge=112,
        shortened=True,
    ),
    paper=Size(samples=4_197, images=16_800, categories=42, actions=1),
)
