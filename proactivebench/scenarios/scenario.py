"""What a scenario is: everything that sets it apart from its neighbours, in one object.

Each scenario has a page of its own in this folder (`rod`, `vsod`, ...): the schema of its samples, its environment, and
at the end its `Scenario`, which holds its names and texts and leads to both. Outside these pages nothing asks which
scenario it is. The texts of the seven are published protocol (arXiv:2603.19466, section 3, and the package
`proactivebench` 0.1.1): part of the interface, letter by letter.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from proactivebench.scenarios.environment import Environment
    from proactivebench.scenarios.sample import Sample


_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


class AnyAction(IntEnum):
    """What an environment can do after an answer; a scenario from outside makes a subclass with codes of its own."""

    @property
    def words(self) -> str:
        """What it did, in words that follow "The environment"."""
        return self.name.lower().replace("_", " ")


class Action(AnyAction):
    """The actions of the seven scenarios. Values: the published codes of `action_history`. STOP is everyone's."""

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

    @property
    def words(self) -> str:
        return _WORDS.get(self, "improved the picture")


_WORDS = {
    Action.LEFT: "moved left",
    Action.RIGHT: "moved right",
    Action.REWIND: "rewound the video",
    Action.FORWARD: "waited",
    Action.ROTATE: "turned to the next view",
    Action.DETAILS: "added a detail",
    Action.UP: "moved up",
    Action.DOWN: "moved down",
    Action.ZOOM: "moved farther",
}


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


@dataclass(frozen=True)
class Example:
    """How an episode is solved in front of a question (few-shot setting).

    Attributes:
        reasoning: Sentence that spells the reasoning out, in front of a suggestion (published text).
        small_edge: Pixels of the frames' short edge where examples are shrunk, which the paper does for one model.
        one_move: Whether the example makes one suggestion, drawn from all right ones, and names the category on the
            next frame; else it makes the first right one on every frame while there is any.
        shortened: Whether the paper shows the first and the last turn alone where it shrinks three examples.
    """

    reasoning: str
    small_edge: int
    one_move: bool = False
    shortened: bool = False


@dataclass(frozen=True)
class Size:
    """How large the paper's benchmark is (figure 2 and appendix A, before the leak filter).

    Attributes:
        samples: Number of samples.
        images: Number of views that episodes can show, rounded to hundreds.
        categories: Number of different answers.
        actions: Number of different proactive behaviours.
    """

    samples: int
    images: int
    categories: int
    actions: int


@dataclass(frozen=True, eq=False)
class Scenario:
    """One scenario; its sample and its environment class know it as their `scenario`.

    Attributes:
        name: Short name, as in the paper's tables (`QD`).
        dataset: Name of the folder and prefix of the JSONL file (`QuickDraw`).
        title: What makes the first frame unanswerable, in words.
        placeholders: The placeholders that `image_template` holds, without braces.
        keywords: Lower-case text that a suggestion contains -> the action it asks for.
        hint: Sentence that the hint setting appends to the question.
        sample: The schema of its samples.
        environment: How its episodes are played.
        sources: Names of the raw sources that it is made from; their licences decide whether it may be published.
        open_suggestions: The suggestions that are valid free replies, as texts without a period, or as functions from
            a sample to such a text.
        names_category: Whether the category is a valid free reply, too.
        pre_prompt: Sentence in front of every question.
        reference_question: Replaces the question in the reference setting, if there is one.
        literals: Action -> what the published package looks for in a suggestion of it; for others the keyword will do.
        keywords_combine: Whether a suggestion may hold several keywords, of one action.
        costs: Action -> what carrying it out takes, in a unit of the scenario's own, at least 0; others take 1. Empty
            where suggestions have no costs, and psr alone counts them.
        example: How it is solved in the few-shot setting; None where the paper has no examples.
        paper: How large the paper's is; None for a scenario that the paper does not have.
    """

    name: str
    dataset: str
    title: str
    placeholders: tuple[str, ...]
    keywords: Mapping[str, AnyAction]
    hint: str
    sample: type[Sample]
    environment: type[Environment]
    sources: tuple[str, ...]
    open_suggestions: tuple[str | Callable[[Any], str], ...]
    names_category: bool = True
    pre_prompt: str = ""
    reference_question: str | None = None
    literals: Mapping[AnyAction, Literal] = field(default_factory=dict)
    keywords_combine: bool = False
    costs: Mapping[AnyAction, float] = field(default_factory=dict)
    example: Example | None = None
    paper: Size | None = None

    def __post_init__(self) -> None:
        for name in (self.name, self.dataset):
            if not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} must be letters, digits, hyphens and underscores: it names files")
        for cls in (self.sample, self.environment):
            if "scenario" in vars(cls):
                raise ValueError(f"{self.name}: {cls.__name__} is that of {cls.scenario.name}; make a subclass of it")
        for action in self.keywords.values():
            if not isinstance(action, Action) and int(action) in {int(ours) for ours in Action}:
                raise ValueError(f"{action!r} has a code of the seven scenarios; choose one from {max(Action) + 1}")
        for action, cost in self.costs.items():
            if not 0 <= cost < math.inf:
                raise ValueError(f"{self.name}: the cost of {action!r} is {cost}; expected 0 or more")
        self.sample.scenario = self.environment.scenario = self

    def action_with(self, code: int) -> AnyAction:
        """The action with a code, as records keep it: one of the seven's, or of the scenario's own.

        Raises:
            ValueError: There is none.
        """
        kinds: dict[type[AnyAction], None] = dict.fromkeys([Action, *map(type, self.keywords.values())])
        for kind in kinds:
            for action in kind:
                if action == code:
                    return action
        raise ValueError(f"{self.name} has no action with code {code}")

    def action_of(self, option: str) -> AnyAction | None:
        """The action that an option asks for; None where it holds no keyword or those of several actions."""
        text = option.lower()
        actions = {action for keyword, action in self.keywords.items() if keyword in text}
        return actions.pop() if len(actions) == 1 else None

    def cost_of(self, action: AnyAction) -> float:
        """What carrying out an action takes; 0 where nothing has a cost."""
        return self.costs.get(action, 1.0) if self.costs else 0.0

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

    def open_suggestions_of(self, sample: Sample) -> list[str]:
        """The suggestions that are valid free replies to a sample, without a period."""
        texts = (text if isinstance(text, str) else text(sample) for text in self.open_suggestions)
        return [text.removesuffix(".") for text in texts]

    def open_replies(self, sample: Sample) -> list[str]:
        """The free replies that a judge accepts: the suggestions first, then the category where it is valid."""
        category = [sample.answer.replace(".", "")] if self.names_category else []
        return [*self.open_suggestions_of(sample), *category]


def is_abstention(option: str) -> bool:
    """Whether an option of `options` declines to answer instead of suggesting something."""
    text = option.lower()
    return "cannot" in text or "do not" in text
