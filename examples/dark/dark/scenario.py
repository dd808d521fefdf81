"""DARK: a photograph taken in the dark. A longer exposure brings light step by step, the flash all of it at once.

Light has a price here, so this scenario has costs beside psr: a much longer exposure keeps everyone still for twice as
long, and a flash disturbs.
"""

from __future__ import annotations

from proactivebench.scenarios import AnyAction, Environment, Sample, Scenario


class DarkAction(AnyAction):
    """What the photographer can do."""

    EXPOSED_LONGER = 101
    EXPOSED_MUCH_LONGER = 102
    USED_THE_FLASH = 103


STEPS = {DarkAction.EXPOSED_LONGER: 1, DarkAction.EXPOSED_MUCH_LONGER: 2}


class DarkSample(Sample):
    """A photograph at several exposures; frame 0 is the darkest."""


class DarkEnvironment(Environment):
    """Every suggestion leads to a brighter frame, until there is light enough."""

    useful_in_last_turn = False

    @property
    def brightest(self) -> int:
        """Number of the frame that has all the light."""
        return self.sample.num_images - 1

    def shows(self, action: AnyAction | None) -> bool:
        return action is None or self.frame_number < self.brightest

    def move(self, action: AnyAction) -> None:
        steps = STEPS.get(DarkAction(action), self.brightest)
        self.frame_number = min(self.frame_number + steps, self.brightest)


DARK = Scenario(
    name="DARK",
    dataset="Dark",
    title="too little light",
    placeholders=("image",),
    keywords={
        "a longer exposure": DarkAction.EXPOSED_LONGER,
        "a much longer exposure": DarkAction.EXPOSED_MUCH_LONGER,
        "flash": DarkAction.USED_THE_FLASH,
    },
    hint="Hint: more light might show what is in the picture.",
    sample=DarkSample,
    environment=DarkEnvironment,
    sources=("photos",),
    open_suggestions=("Use a longer exposure", "Use the flash"),
    costs={DarkAction.EXPOSED_LONGER: 1, DarkAction.EXPOSED_MUCH_LONGER: 2, DarkAction.USED_THE_FLASH: 3},
)
