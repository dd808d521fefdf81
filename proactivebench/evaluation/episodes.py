"""Playing one episode: show the frame, ask the model, let the environment read the answer, repeat."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from proactivebench import open_ended, prompts
from proactivebench.answers import what_counts
from proactivebench.evaluation.forced import asks_left, forced_turns
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.records import Episode, EpisodeError, Key, Turn
from proactivebench.evaluation.settings import Settings, derive_seed
from proactivebench.frames import Frames
from proactivebench.models.base import Message, Model, ReplyError, Request
from proactivebench.scenarios import AnyAction, Draw, Environment, Observation, Sample, make_environment
from proactivebench.scenarios.random_options import with_random_options
from proactivebench.views import HISTORY_SHORT_EDGE, Grey


@dataclass(frozen=True)
class Task:
    """An episode to be played.

    Attributes:
        sample: What to play.
        repeat: Which play of the sample it is.
        examples: Solved episodes that are shown in front.
    """

    sample: Sample
    repeat: int = 0
    examples: tuple[Message, ...] = ()

    @property
    def key(self) -> Key:
        """The key of its record."""
        return self.sample.scenario.name, self.sample.id, self.repeat


@dataclass(frozen=True)
class PlayedEpisode:
    """The record of an episode, and the user's texts that its turns name by their hash."""

    episode: Episode
    texts: tuple[str, ...]


def user_message(observation: Observation, settings: Settings, frames: Frames) -> Message:
    """What the user says in one turn."""
    if settings.open_ended:
        text = open_ended.open_question(observation.question, settings.hint)
    else:
        text = prompts.multiple_choice(observation.question, observation.options, short_answer=True)
    return Message("user", text, frames.picture(observation.frame_path, observation.view))


def _turns(environment: Environment, settings: Settings) -> Iterator[tuple[Environment, AnyAction | None]]:
    """Yields who is to be asked next, and what happens whatever the answer; None leaves that to the answer."""
    if settings.mode == "forced":
        yield from forced_turns(environment)
        return
    while not environment.done:
        yield environment, None


def _controlled(observation: Observation, first: Observation, settings: Settings) -> Observation:
    """A turn after a suggestion, in which the control setting may keep the next frame back."""
    if settings.control == "same":
        return observation._replace(frame_path=first.frame_path, view=first.view)
    if settings.control == "blank":
        assert not isinstance(observation.view, Grey)
        return observation._replace(view=Grey(observation.view))
    return observation


def _seeded_draw(seed: int, key: Key) -> Draw:
    """What suggestions carry out with random options: the same in every run of the same seed."""
    return lambda turn, actions: random.Random(derive_seed(seed, *key, "action", turn)).choice(actions)


def start(sample: Sample, repeat: int, settings: Settings) -> Environment:
    """An episode at its first turn, as the settings have it."""
    key = sample.scenario.name, sample.id, repeat
    draw = None
    if settings.random_options:
        sample = with_random_options(sample, random.Random(derive_seed(settings.seed, *key, "options")))
        draw = _seeded_draw(settings.seed, key)
    return make_environment(
        sample,
        reference=settings.mode == "reference",
        hint=settings.hint and not settings.open_ended,
        short_edge=HISTORY_SHORT_EDGE if settings.history else None,
        draw=draw,
    )


async def play(
    task: Task, model: Model, settings: Settings, frames: Frames, judge: Judge | None = None
) -> PlayedEpisode:
    """Plays an episode to its end.

    Args:
        task: What to play.
        model: Who answers.
        settings: How to play it.
        frames: The frames of its scenario.
        judge: Who reads the replies in mode `oeg-multi`.

    Returns:
        The record; a request that failed ends it with the error, never with an answer.
    """
    environment, forced = start(task.sample, task.repeat, settings), settings.mode == "forced"
    sample = environment.sample
    told = [Message("system", settings.system_prompt)] if settings.system_prompt else []
    past = [*told, *task.examples]
    turns: list[Turn] = []
    texts: list[str] = []
    error, correct = None, False
    first = environment.observe()
    try:
        for here, onward in _turns(environment, settings):
            observation = here.observe()
            if turns:
                observation = _controlled(observation, first, settings)
            asked = user_message(observation, settings, frames)
            seed = derive_seed(settings.seed, *task.key, here.turn)
            reply = await model.reply(Request((*past, asked), here, seed, confidence=forced))
            texts.append(asked.text)
            if settings.mode == "oeg":
                turns.append(Turn.open_ended(observation, asked.text, reply))
                break
            said = what_counts(reply)
            named, output = said, None
            if judge is not None:
                named, output = await judge.read_turn(here, asked.text, said, seed)
            verdict = here.step(named)
            correct = here.correct
            if onward is not None:
                verdict = verdict._replace(action=onward)
            turns.append(Turn.of(observation, asked.text, reply, verdict, output))
            if settings.history:
                past += (asked, Message("assistant", said))
    except ReplyError as failure:
        error = EpisodeError(kind=failure.kind, message=str(failure))
    episode = Episode(
        scenario=sample.scenario.name,
        id=sample.id,
        repeat=task.repeat,
        source=sample.source,
        answer=sample.answer,
        turns=tuple(turns),
        correct=correct,
        forced=forced,
        asks_left=asks_left(environment) if forced else 0,
        max_turns=environment.max_turns,
        valid_replies=tuple(sample.scenario.open_replies(sample)) if settings.mode == "oeg" else (),
        error=error,
    )
    return PlayedEpisode(episode, tuple(texts))
