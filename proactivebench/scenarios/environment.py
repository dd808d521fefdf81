"""The state machine that all scenarios share: observe, answer, move on.

A scenario differs from its neighbours in five things only, and its class says these and nothing else: how it moves
(`actions`, `possible`, `move`), what it shows (`frame_path`, `crop`), which suggestions it shows and accepts (`shows`,
`useful`, `useful_in_last_turn`), how many turns it has (`max_turns`), and when a right category counts
(`category_counts`).

Three things lie beyond the paper's seven, which use none of them. A suggestion may have an *argument*: each value of it
is an action of its own (`ZOOM_TOP_LEFT`, `ZOOM_TOP_RIGHT`), with a keyword of its own. It may have a *cost*:
`Scenario.costs` says what carrying out an action takes. And it may *not help*: `move` then leaves everything as it is
and sets `notice`, which the model reads in front of the next question.

With random options the suggestions belong to other scenarios: all of them are shown and right, and each carries out an
action that is drawn from those of the scenario.

Environments do no I/O. A move replaces what it changes, so that `copy.copy(environment)` is a branch to look ahead in.
The rules are published protocol (`prompts` and `answers` hold the texts and their reading).
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import ClassVar, Self

from proactivebench import prompts
from proactivebench.answers import Outcome, read
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import Action, AnyAction, Scenario, is_abstention
from proactivebench.scenarios.turn import Observation, Verdict
from proactivebench.views import Crop, ShortEdge, View

Draw = Callable[[int, Sequence[AnyAction]], AnyAction]
"""Chooses one of several actions, given the number of the turn; the same each time where one looks ahead."""


@lru_cache(maxsize=4096)
def _with_actions(scenario: Scenario, options: tuple[str, ...]) -> tuple[tuple[str, AnyAction | None], ...]:
    """Each option with the action it asks for; None for abstentions and options that name no action."""
    return tuple((option, None if is_abstention(option) else scenario.action_of(option)) for option in options)


class Environment(ABC):
    """One episode of one sample.

    Args:
        sample: The sample to play.
        reference: Show the reference frame once, with the categories alone.
        hint: Append the scenario's hint to the question (can be changed between turns).
        short_edge: Pixels to which the frames' short edge is resized; None leaves their size. Crops keep theirs.
        draw: Random options: every suggestion is right and carries out what this draws; None plays them as they are.

    Attributes:
        turn: Number of answers read so far.
        frame_number: Number of the frame that the episode has come to.
        done: Whether the episode has ended. An answer after the end is read like any other (published protocol).
        correct: Whether the right category was given.
        action: What the last answer did; None before the first, STOP where nothing moved.
        notice: What the environment says about the last action, in front of the question; set by `move`.
        options: Everything that is shown now: suggestions and abstention, then the categories.
        accepted: The suggestions that are right now.
    """

    scenario: ClassVar[Scenario]
    digits: ClassVar[int] = 1
    """Digits of a frame's number in its path, at least."""
    useful_in_last_turn: ClassVar[bool] = True
    """Whether suggestions are right in the last turn too, though nothing follows."""

    def __init__(
        self,
        sample: Sample,
        *,
        reference: bool = False,
        hint: bool = False,
        short_edge: int | None = None,
        draw: Draw | None = None,
    ):
        self.sample = sample
        self.reference = reference
        self.hint = hint
        self.short_edge = short_edge
        self.draw = draw
        self.turn = 0
        self.frame_number = sample.first_image
        self.done = False
        self.correct = False
        self.action: AnyAction | None = None
        self.notice = ""
        self.start()
        self._asking = () if reference else _with_actions(self.scenario, sample.options)
        useful, actions = self.useful(), self.actions()
        self._useful = {option for option, action in self._asking if option in useful and (draw or action in actions)}
        self._settle()

    # What a scenario decides.

    def start(self) -> None:
        """Sets up what the scenario keeps beside the number of the current frame."""

    @property
    def max_turns(self) -> int:
        """Turns after which the episode ends in any case."""
        return self.sample.num_images

    def hint_text(self) -> str:
        """The sentence of the hint setting."""
        return self.scenario.hint

    def frame_path(self) -> str:
        """Where the shown frame is below the data folder."""
        return self.sample.image_template.replace("{image}", f"{self.shown_frame:0{self.digits}d}")

    def crop(self) -> Crop | None:
        """The part of the frame that is shown; None for all of it."""
        return None

    def shows_answer(self) -> bool:
        """Whether the current frame is the reference frame."""
        return self.reference or self.frame_number == self.sample.reference_image

    def shows(self, action: AnyAction | None) -> bool:
        """Whether options that ask for this action are shown now."""
        return True

    def useful(self) -> list[str]:
        """The suggestions that are right wherever they are possible."""
        return [option for option in self.sample.options if not is_abstention(option)]

    def actions(self) -> list[AnyAction]:
        """What can be carried out at some time of the episode."""
        return list(dict.fromkeys(self.scenario.keywords.values()))

    def possible(self, action: AnyAction) -> bool:
        """Whether this can be carried out now."""
        return True

    def published_open_answers(self) -> str:
        """The valid free replies as the published package writes them: one string."""
        return self._one_text(self.scenario.open_replies(self.sample))

    def category_counts(self) -> bool:
        """Whether the right category is right already now."""
        return True

    def frames(self) -> Collection[int]:
        """Numbers of the frames that there are."""
        return range(self.sample.num_images)

    def flaws(self) -> Iterable[str]:
        """What is wrong with the sample that only this scenario knows, each starting with the field it is about."""
        return ()

    @abstractmethod
    def move(self, action: AnyAction) -> None:
        """Carries out a possible action, or says in `notice` that it did not help."""

    # What all scenarios share.

    @property
    def shown_frame(self) -> int:
        """Number of the frame that is shown."""
        return self.sample.reference_image if self.reference else self.frame_number

    @staticmethod
    def _one_text(replies: Iterable[str], separator: str = ", ") -> str:
        return separator.join(replies).replace(".", "") + "."

    @property
    def last_turn(self) -> bool:
        """Whether the episode ends with the next answer, whatever it is."""
        return self.turn + 1 == self.max_turns

    def _settle(self) -> None:
        """Works out what the new turn shows and accepts."""
        self._shown = self._asking if self.draw else [one for one in self._asking if self.shows(one[1])]
        asking = tuple([option for option, _ in self._shown])
        self.options = asking + self.sample.categories
        too_late = not self.useful_in_last_turn and self.turn + 1 >= self.max_turns
        self.accepted = () if too_late else tuple([option for option in asking if option in self._useful])

    @property
    def suggestions(self) -> tuple[str, ...]:
        """The suggestions that are shown now, right or not."""
        return tuple(option for option, _ in self._shown if not is_abstention(option))

    def _carried_out(self, action: AnyAction | None) -> AnyAction:
        """What an accepted suggestion does: what it asks for, or with random options what is drawn."""
        if self.draw is None:
            return action or Action.STOP
        actions = self.actions()
        # One entry per keyword: the published package draws a keyword and not an action.
        return self.draw(self.turn, [action for action in self.scenario.keywords.values() if action in actions])

    def question(self) -> str:
        """The question with everything in front of and behind it."""
        said = self.notice and f"{self.notice} "
        reference_question = self.scenario.reference_question if self.reference else None
        return said + prompts.question(
            reference_question or self.sample.prompt,
            pre_prompt=self.scenario.pre_prompt,
            hint=self.hint_text() if self.hint else "",
        )

    def with_categories_alone(self) -> Self:
        """The same turn without suggestions and abstention; this environment stays as it is."""
        here = copy.copy(self)
        here._asking = ()
        here._settle()
        return here

    def observe(self) -> Observation:
        """The current turn, as a model sees it."""
        smaller = None if self.short_edge is None else ShortEdge(self.short_edge)
        view: View | None = self.crop() or smaller
        return Observation(self.frame_path(), view, self.question(), self.options, self.sample.categories)

    def step(self, answer: str) -> Verdict:
        """Reads an answer and moves on."""
        right = (self.sample.answer,) if self.category_counts() else ()
        suggestion, category = read(answer, self.options, self.accepted, self.sample.categories, right)
        action: AnyAction = Action.STOP
        if category.outcome is Outcome.CORRECT:
            self.correct = True
        elif suggestion.outcome is Outcome.CORRECT and suggestion.position is not None:
            action = self._carried_out(self._shown[suggestion.position][1])
        moved = self._act(action)
        return Verdict(suggestion, category, action, self.scenario.cost_of(action) if moved else 0.0)

    def ahead(self) -> Iterator[Self]:
        """Yields the episode after each suggestion that is right now and does not end it."""
        for option, action in self._shown:
            if option in self.accepted:
                branch = copy.copy(self)
                branch._act(self._carried_out(action))
                if not branch.done:
                    yield branch

    def _act(self, action: AnyAction) -> bool:
        """Moves where that is possible, else ends the episode; returns whether it moved."""
        moved = action is not Action.STOP and not self.last_turn and self.possible(action)
        self.notice = ""
        if moved:
            self.move(action)
        self.action = action if moved else Action.STOP
        self.done |= not moved
        self.turn += 1
        if moved or not self.useful_in_last_turn:
            self._settle()
        return moved
