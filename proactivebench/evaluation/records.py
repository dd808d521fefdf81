"""What is kept of an episode: one line of `episodes.jsonl`.

A record holds what happened and how it was read, not the scores, so that every number can be computed again. The user's
texts are kept once each in `prompts.jsonl` and named here by their hash; pictures are named by path and crop.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    field_validator,
    model_validator,
)  # fmt: skip

from proactivebench import scenarios
from proactivebench.answers import Outcome, what_counts
from proactivebench.evaluation.judge import JudgeError
from proactivebench.models.base import Refusal, Reply
from proactivebench.scenarios import SCENARIOS, Action, AnyAction, Observation, Verdict
from proactivebench.views import Crop, Grey, View

Kind = scenarios.Kind | Literal["open_ended"]
"""What an answer is; `open_ended` where a judge reads it instead of the environment."""

Key = tuple[str, int, int]
"""What a run holds once: short scenario name, sample id, repeat."""


def text_hash(text: str) -> str:
    """The name of a text in `prompts.jsonl`: 16 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def crop_of(view: View | None) -> tuple[float, float, float, float] | None:
    """The rectangle that a view shows, or would if it were not grey: left, top, right, bottom."""
    view = view.instead_of if isinstance(view, Grey) else view
    return (view.left, view.top, view.right, view.bottom) if isinstance(view, Crop) else None


def _action(value: Any) -> AnyAction:
    return value if isinstance(value, AnyAction) else Action(value)


AnAction = Annotated[AnyAction, PlainValidator(_action), PlainSerializer(int, return_type=int)]
"""Kept by its code; what a code of a scenario from outside means, its `Episode` knows."""


def _about(reply: str) -> dict[str, Any]:
    """A reply and what is known of it beside its words."""
    known = {
        name: getattr(reply, name)
        for name in ("answered_by", "confidence", "cut", "seconds", "tokens")
        if isinstance(reply, Reply)
    }
    return {"reply": reply, "refused": isinstance(reply, Refusal), **known}


class Turn(BaseModel):
    """One turn of an episode.

    Attributes:
        frame_path: Of the frame below the data folder.
        crop: What was shown of it in pixels (left, top, right, bottom); None for all of it.
        grey: Whether a grey picture of that size was shown instead.
        prompt: Hash of the user's text.
        reply: The model's literal answer.
        answered_by: The model that a server says the reply is of, where that is not the one that was asked.
        confidence: The probability that the model gave its reply, 0 to 1; in mode `forced`, of models that tell.
        seconds: How long the answer took, of a person.
        tokens: How many tokens were generated for the reply, of models that tell.
        refused: Whether the model is known to have declined to answer; it is read like any other reply.
        cut: Whether the reply reached the limit of tokens before its end; it is read like any other reply.
        kind: What the answer is.
        chosen: The option that it names, as it was shown; None where it is unreadable.
        by: What named it: the full text or the letter.
        suggestion: How the answer compares with the shown suggestions and abstention; None where a judge reads it.
        category: How it compares with the categories; None where a judge reads it.
        action: What the environment did; in mode `forced` it moves on whatever was named.
        cost: What that took, in scenarios whose suggestions have costs.
        judge: The judge's literal output, where it was asked in the middle of the episode.
    """

    model_config = ConfigDict(frozen=True)

    frame_path: str
    crop: tuple[float, float, float, float] | None = None
    grey: bool = False
    prompt: str
    reply: str
    answered_by: str | None = None
    confidence: float | None = None
    seconds: float | None = None
    tokens: int | None = None
    refused: bool = False
    cut: bool = False
    kind: Kind
    chosen: str | None = None
    by: Literal["text", "letter"] | None = None
    suggestion: Outcome | None = None
    category: Outcome | None = None
    action: AnAction = Action.STOP
    cost: float = 0.0
    judge: str | None = None

    @property
    def said(self) -> str:
        """What is read of the reply."""
        return what_counts(self.reply)

    @classmethod
    def open_ended(cls, observation: Observation, prompt: str, reply: str) -> Turn:
        """The record of a turn that a judge will read."""
        return cls(
            frame_path=observation.frame_path,
            crop=crop_of(observation.view),
            grey=isinstance(observation.view, Grey),
            prompt=text_hash(prompt),
            **_about(reply),
            kind="open_ended",
        )

    @classmethod
    def of(cls, observation: Observation, prompt: str, reply: str, verdict: Verdict, judge: str | None = None) -> Turn:
        """The record of a turn that was just played."""
        return cls(
            frame_path=observation.frame_path,
            crop=crop_of(observation.view),
            grey=isinstance(observation.view, Grey),
            prompt=text_hash(prompt),
            **_about(reply),
            kind=verdict.kind,
            chosen=verdict.reading.text,
            by=verdict.reading.by,
            suggestion=verdict.suggestion.outcome,
            category=verdict.category.outcome,
            action=verdict.action,
            cost=verdict.cost,
            judge=judge,
        )


class EpisodeError(BaseModel):
    """Why an episode ended without a score: the boundary that failed, and its words."""

    model_config = ConfigDict(frozen=True)

    kind: str
    message: str


class Episode(BaseModel):
    """One finished episode.

    Attributes:
        scenario: Short name.
        id: The sample's id.
        repeat: Which of several plays of the same sample, from 0.
        source: What the sample's frames show (an object, a video, a photo); samples can share one.
        answer: The right category.
        turns: What happened, in order.
        correct: Whether it ended with the right category; in mode `forced`, whether the last one is right.
        forced: Whether a category had to be named on every frame.
        asks_left: Suggestions that it would take at the last frame before one ends it, None where none is offered
            there; in mode `forced` alone.
        max_turns: Turns after which it would have ended in any case.
        valid_replies: What a judge shall accept; in mode `oeg` alone.
        error: Set where it could not be played to its end; it has no score then.
    """

    model_config = ConfigDict(frozen=True)

    scenario: str
    id: int
    repeat: int = 0
    source: str
    answer: str
    turns: tuple[Turn, ...]
    correct: bool
    forced: bool = False
    asks_left: int | None = 0
    max_turns: int
    valid_replies: tuple[str, ...] = ()
    error: EpisodeError | None = None

    @field_validator("turns", mode="before")
    @classmethod
    def _with_its_actions(cls, turns: object, info: ValidationInfo) -> object:
        """Replaces the codes that only the scenario knows by its actions."""
        scenario = SCENARIOS.get(info.data.get("scenario", ""))
        if scenario is None or not isinstance(turns, list | tuple):
            return turns
        return [
            {**turn, "action": scenario.action_with(turn["action"])}
            if isinstance(turn, dict) and isinstance(turn.get("action"), int)
            else turn
            for turn in turns
        ]

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.scenario not in SCENARIOS:
            raise ValueError(f"there is no scenario {self.scenario!r}; if a plug-in brings it, name it with --plugin")
        if not self.turns and self.error is None:
            raise ValueError("it has neither turns nor an error")
        return self

    @property
    def key(self) -> Key:
        """What a run holds once."""
        return self.scenario, self.id, self.repeat

    @property
    def scores(self) -> dict[str, float]:
        """Accuracy and, unless forced, number of suggestions and what they took where they have costs.

        They mean something only without an error.
        """
        scores = {"acc": float(self.correct)}
        if not self.forced:
            scores["psr"] = len(self.turns) - 1.0
            if SCENARIOS[self.scenario].costs:
                scores["cost"] = sum(turn.cost for turn in self.turns)
        return scores

    @property
    def unreadable_judgement(self) -> bool:
        """Whether a judge ended it with output that cannot be read."""
        return self.error is not None and self.error.kind == JudgeError.kind

    @property
    def published_scores(self) -> dict[str, float] | None:
        """Its scores as the published package counts, for which such output means that the reply said nothing right."""
        if self.unreadable_judgement:
            # The reply that was judged is not a turn of the record.
            return self.scores | {"acc": 0.0, "psr": float(len(self.turns))}
        return self.scores if self.error is None else None

    @property
    def right_at_first_sight(self) -> bool:
        """Whether the first answer is right, as the environment judged it: on ROD no category is."""
        return bool(self.turns) and self.turns[0].category is Outcome.CORRECT
