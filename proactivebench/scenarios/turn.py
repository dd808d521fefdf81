"""One turn of an episode: what a model gets to see, and how its answer was read."""

from __future__ import annotations

from typing import Literal, NamedTuple

from proactivebench.answers import Outcome, Reading
from proactivebench.scenarios.scenario import AnyAction, is_abstention
from proactivebench.views import View


class Observation(NamedTuple):
    """What a model gets to see in one turn.

    Attributes:
        frame_path: Where the frame is below the data folder.
        view: What to do with the frame after loading; None shows it as it is.
        question: The question with everything in front of and behind it.
        options: Everything shown, in order; the first has the letter A. Only categories in the reference setting.
        categories: The possible answers, which are the last options.
    """

    frame_path: str
    view: View | None
    question: str
    options: tuple[str, ...]
    categories: tuple[str, ...]


Kind = Literal["suggestion", "abstention", "category", "unreadable"]
"""What an answer can be."""


class Verdict(NamedTuple):
    """How an answer was read, and what the environment did.

    Attributes:
        suggestion: The answer read against the shown suggestions and abstention.
        category: The answer read against the categories.
        action: What was asked for; STOP where the answer is not a right suggestion.
        cost: What carrying it out took; 0 where nothing was carried out, or nothing has a cost.
    """

    suggestion: Reading
    category: Reading
    action: AnyAction
    cost: float = 0.0

    @property
    def reading(self) -> Reading:
        """The reading that counts: a correct category before a correct suggestion, before any other reading."""
        if self.category.outcome is Outcome.CORRECT:
            return self.category
        return self.category if self.suggestion.outcome is Outcome.MISMATCH else self.suggestion

    @property
    def kind(self) -> Kind:
        """What the answer is, whether right or wrong."""
        reading = self.reading
        if reading.text is None:
            return "unreadable"
        if reading is self.category:
            return "category"
        return "abstention" if is_abstention(reading.text) else "suggestion"
