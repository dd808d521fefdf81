"""The seven scenarios: their names, fixed texts and actions.

Everything here is published protocol (arXiv:2603.19466, section 3, and the package `proactivebench` 0.1.1): the strings
are part of the interface and stay letter by letter. How a scenario moves is decided in `environments`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from proactivebench.errors import UsageError


class Action(IntEnum):
    """What an environment does after an answer. The values are the published codes of `action_history`."""

    STOP = 0
    LEFT = 1
    RIGHT = 2
    REWIND = 3
    FORWARD = 4
    ROTATE = 5
    BRIGHTNESS = 6
    CONTRAST = 7
    SATURATE = 8
    BLUR = 9
    NOISE = 10
    JPEG_COMPRESSION = 11
    PIXELATE = 12
    ARTIFACTS = 13
    DETAILS = 14
    UP = 15
    DOWN = 16
    ZOOM = 17


class Literal(NamedTuple):
    """A text that the published package looks for in the suggestions, letter by letter, whatever the keywords say.

    Attributes:
        text: What it looks for.
        whole: Whether that is the whole suggestion; else a part of it.
    """

    text: str
    whole: bool = True

    def fits(self, suggestion: str) -> bool:
        """Whether the published package finds it."""
        return suggestion == self.text if self.whole else self.text in suggestion


@dataclass(frozen=True, eq=False)
class Scenario:
    """The constants of one scenario.

    Attributes:
        name: Short name, as in the paper's tables (`QD`).
        dataset: Name of the folder and prefix of the JSONL file (`QuickDraw`).
        title: What makes the first frame unanswerable, in words.
        placeholders: The placeholders that `image_template` holds, without braces.
        keywords: Lower-case text that a suggestion contains -> the action it asks for.
        hint: Sentence that the hint setting appends to the question.
        pre_prompt: Sentence in front of every question.
        reference_question: Replaces the question in the reference setting, if there is one.
        literals: Action -> what the published package looks for in a suggestion of it; for others the keyword will do.
        keywords_combine: Whether a suggestion may hold several keywords, of one action.
    """

    name: str
    dataset: str
    title: str
    placeholders: tuple[str, ...]
    keywords: Mapping[str, Action]
    hint: str
    pre_prompt: str = ""
    reference_question: str | None = None
    literals: Mapping[Action, Literal] = field(default_factory=dict)
    keywords_combine: bool = False

    def action_of(self, option: str) -> Action | None:
        """The action that an option asks for; None where it holds no keyword or those of several actions."""
        text = option.lower()
        actions = {action for keyword, action in self.keywords.items() if keyword in text}
        return actions.pop() if len(actions) == 1 else None

    def flaw_of(self, suggestion: str) -> str | None:
        """Why the published package does not understand a suggestion, and what it needs; None where it does."""
        found = [keyword for keyword in self.keywords if keyword in suggestion.lower()]
        action = self.action_of(suggestion)
        if action is None or (len(found) > 1 and not self.keywords_combine):
            many = "" if self.keywords_combine else " by one keyword"
            keywords = ", ".join(self.keywords)
            return f"{suggestion!r} must name exactly one action of {self.name}{many}; its keywords are {keywords}"
        literal = self.literals.get(action)
        if literal is None or literal.fits(suggestion):
            return None
        needed = "be" if literal.whole else "hold"
        return f"{suggestion!r} must {needed} {literal.text!r}, letter by letter, or the published package fails on it"


_VIDEO_PRE_PROMPT = "This is a frame extracted from a video. Answer the following question."
_VIDEO_KEYWORDS = {"rewind the video.": Action.REWIND, "wait for the": Action.FORWARD}
_SIDEWAYS_KEYWORDS = {"to the left": Action.LEFT, "to the right": Action.RIGHT}

ROD = Scenario(
    name="ROD",
    dataset="Realistic-Occlusion-Dataset",
    title="occluded object",
    placeholders=("image",),
    keywords=_SIDEWAYS_KEYWORDS,
    hint="Hint: moving the occluding object might reveal what is behind it.",
    reference_question="What type of object is in the image?",
)
VSOD = Scenario(
    name="VSOD",
    dataset="OcclusionDataSet-MM20",
    title="temporal occlusion",
    placeholders=("image",),
    keywords=_VIDEO_KEYWORDS,
    hint="Hint: If there is an occlusion, waiting for it to disappear or rewinding the video might reveal "
    "what's behind it.",
    pre_prompt=_VIDEO_PRE_PROMPT,
)
MVPN = Scenario(
    name="MVP-N",
    dataset="MVP-N",
    title="uninformative view",
    placeholders=("informative", "image"),
    keywords=dict.fromkeys(("rotate", "view", "angle", "orientation", "different"), Action.ROTATE),
    keywords_combine=True,
    hint="Hint: rotating the object could provide a more informative view.",
)
IN_C = Scenario(
    name="IN-C",
    dataset="ImageNet-C",
    title="bad image quality",
    placeholders=("level",),
    keywords={
        "brightness": Action.BRIGHTNESS,
        "contrast": Action.CONTRAST,
        "saturation": Action.SATURATE,
        "deblur": Action.BLUR,
        "denoise": Action.NOISE,
        "compression": Action.JPEG_COMPRESSION,
        "resolution": Action.PIXELATE,
        "artifacts": Action.ARTIFACTS,
    },
    hint="Hint: enhancing the image quality could help with classification.",
)
QD = Scenario(
    name="QD",
    dataset="QuickDraw",
    title="coarse sketch",
    placeholders=("image",),
    keywords=dict.fromkeys(("details", "quickdraw", "drawing", "sketch"), Action.DETAILS),
    hint="Hint: Adding more details to the quickdraw could help with classification.",
)
CIT = Scenario(
    name="CIT",
    dataset="ChangeIt",
    title="the answer is elsewhere in the video",
    placeholders=("image",),
    keywords=_VIDEO_KEYWORDS,
    hint="Hint: If you cannot answer the question, waiting for it to appear or rewinding the video could help with "
    "classification.",
    pre_prompt=_VIDEO_PRE_PROMPT,
    literals={
        Action.REWIND: Literal("Rewind the video."),
        Action.FORWARD: Literal("Wait for the", whole=False),
    },
)
COCO = Scenario(
    name="COCO",
    dataset="coco2014",
    title="cropped view",
    placeholders=(),
    keywords=_SIDEWAYS_KEYWORDS | {"up": Action.UP, "down": Action.DOWN, "farther": Action.ZOOM},
    hint="Hint: moving the camera could help with classification.",
    literals={
        Action.LEFT: Literal("Move the camera to the left."),
        Action.RIGHT: Literal("Move the camera to the right."),
        Action.UP: Literal("Move the camera up."),
        Action.DOWN: Literal("Move the camera down."),
        Action.ZOOM: Literal("Move farther from the object."),
    },
)

SCENARIOS: Mapping[str, Scenario] = {s.name: s for s in (ROD, VSOD, MVPN, IN_C, QD, CIT, COCO)}
"""Short name -> scenario, in the order of the paper's tables."""


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))


_BY_ANY_NAME = {_plain(name): s for s in SCENARIOS.values() for name in (s.name, s.dataset)}


def get_scenario(name: str) -> Scenario:
    """Finds a scenario by its short or its dataset name; letter case and punctuation do not matter.

    Raises:
        UsageError: No scenario has that name; the message lists those that exist.
    """
    try:
        return _BY_ANY_NAME[_plain(name)]
    except KeyError:
        known = ", ".join(f"{s.name} ({s.dataset})" for s in SCENARIOS.values())
        raise UsageError(f"There is no scenario {name!r}. The scenarios are: {known}.") from None


def is_abstention(option: str) -> bool:
    """Whether an option of `options` declines to answer instead of suggesting something."""
    text = option.lower()
    return "cannot" in text or "do not" in text
