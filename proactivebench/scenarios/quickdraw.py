"""Quick, Draw!: a drawing, one more stroke in every frame."""

from __future__ import annotations

from proactivebench.scenarios.environment import Environment
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Scenario, Size


class QuickDrawSample(Sample):
    """Quick, Draw!: a drawing, one more stroke in every frame."""


class QuickDrawEnvironment(Environment):
    """Every suggestion brings one more stroke."""

    digits = 4
    useful_in_last_turn = False

    def move(self, action: AnyAction) -> None:
        self.frame_number += 1


QD = Scenario(
    name="QD",
    dataset="QuickDraw",
    title="coarse sketch",
    placeholders=("image",),
    keywords=dict.fromkeys(("details", "quickdraw", "drawing", "sketch"), Action.DETAILS),
    hint="Hint: Adding more details to the quickdraw could help with classification.",
    sample=QuickDrawSample,
    environment=QuickDrawEnvironment,
    sources=("quickdraw",),
    open_suggestions=("Add more details to the drawing",),
    paper=Size(samples=3_375, images=16_900, categories=345, actions=1),
)
