"""The texts that builders put into samples.

Rule of the protocol: a suggestion holds exactly one keyword of its scenario's actions (`Scenario.keywords`), an
abstention holds `cannot` or `do not` and no keyword at all. Questions and abstentions are drawn from pools of our own
wording, and so are the suggestions of Quick, Draw! and MVP-N; the other scenarios have the suggestions of the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

ABSTENTIONS = (
    "I cannot tell from this picture.",
    "I do not know what this is.",
    "I cannot answer this with certainty.",
)


class Texts(NamedTuple):
    """The texts of one sample; `options` are in the order in which they are shown."""

    prompt: str
    options: list[str]


@dataclass(frozen=True)
class Wording:
    """The pools of a scenario in which every suggestion asks for the same action."""

    questions: tuple[str, ...]
    suggestions: tuple[str, ...]
    abstentions: tuple[str, ...] = ABSTENTIONS

    def draw(self, random: Random) -> Texts:
        """A question, and one suggestion and one abstention in random order."""
        return draw_texts(random, self.questions, [random.choice(self.suggestions)], self.abstentions)


def draw_texts(
    random: Random, questions: Sequence[str], suggestions: Iterable[str], abstentions: Sequence[str] = ABSTENTIONS
) -> Texts:
    """A question, and all of the suggestions and one abstention in random order."""
    options = [*suggestions, random.choice(abstentions)]
    random.shuffle(options)
    return Texts(random.choice(questions), options)


QUICKDRAW = Wording(
    questions=(
        "Which object is being drawn here?",
        "What is this doodle meant to be?",
        "What was the player trying to draw?",
        "Can you name the thing in this drawing?",
        "What does this drawing show?",
        "What do these pen strokes represent?",
        "How would you label this quick drawing?",
        "What did someone have in mind when drawing this?",
        "What are these lines supposed to show?",
        "Do you recognize what has been sketched here?",
        "Which word describes this doodle best?",
        "What is the subject of this hand-drawn picture?",
        "If this were a guessing game, what would your guess for this drawing be?",
        "What is this line drawing of?",
        "What can be seen in this simple drawing?",
    ),
    suggestions=(
        "Add a few more details.",
        "Let me see more details first.",
        "Give me some additional details.",
        "Could you put in some missing details?",
        "Continue the drawing, please.",
        "Please add the next stroke to the drawing.",
        "Show me a later stage of the drawing.",
        "Could you carry on with the drawing a little?",
        "Please work on the sketch a bit longer.",
        "Make the sketch more complete.",
        "Could you add another line to the sketch?",
        "Keep going with the quickdraw.",
        "Please add one more stroke to the quickdraw.",
    ),
)


def category_text(name: str) -> str:
    """A category as it is shown: `The Eiffel Tower` becomes `The eiffel tower.`."""
    return f"{name.capitalize()}."
