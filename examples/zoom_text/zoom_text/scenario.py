"""ZOOM: a page of four notes, too small to be read. One of two kinds of suggestion helps, if its argument is right.

"Zoom into the top left quarter" has an argument: each quarter is an action. "Increase the contrast" is carried out like
any suggestion, and does not help; the environment says so in front of the next question.
"""

from __future__ import annotations

from proactivebench.scenarios import AnyAction, Environment, Sample, Scenario


class ZoomAction(AnyAction):
    """What can be done with a page; the frame of a quarter has the number behind the hundred."""

    ZOOMED_INTO_THE_TOP_LEFT = 101
    ZOOMED_INTO_THE_TOP_RIGHT = 102
    ZOOMED_INTO_THE_BOTTOM_LEFT = 103
    ZOOMED_INTO_THE_BOTTOM_RIGHT = 104
    INCREASED_THE_CONTRAST = 105


QUARTERS = ("top left", "top right", "bottom left", "bottom right")


class ZoomSample(Sample):
    """A page: frame 0 is all of it, frames 1 to 4 are its quarters."""


class ZoomEnvironment(Environment):
    """Any quarter can be seen at any time; what changes nothing gets a notice."""

    useful_in_last_turn = False

    def move(self, action: AnyAction) -> None:
        if action is ZoomAction.INCREASED_THE_CONTRAST:
            self.notice = "The contrast was increased, but that did not help."
        elif self.frame_number == action - 100:
            self.notice = "This is that quarter already."
        else:
            self.frame_number = action - 100


ZOOM = Scenario(
    name="ZOOM",
    dataset="ZoomText",
    title="text too small",
    placeholders=("image",),
    keywords={
        **{quarter: ZoomAction(101 + number) for number, quarter in enumerate(QUARTERS)},
        "contrast": ZoomAction.INCREASED_THE_CONTRAST,
    },
    hint="Hint: a closer look at a part of the page might make its text legible.",
    sample=ZoomSample,
    environment=ZoomEnvironment,
    sources=("notes",),
    open_suggestions=(lambda sample: f"Zoom into the {QUARTERS[sample.reference_image - 1]} quarter",),
)
