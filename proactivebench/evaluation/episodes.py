"""Playing one episode: show the frame, ask the model, let the environment read the answer, repeat."""

from __future__ import annotations

import random
from dataclasses import dataclass

from proactivebench import open_ended, prompts
from proactivebench.answers import what_counts
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.records import Episode, EpisodeError, Key, Turn
from proactivebench.evaluation.settings import Settings, derive_seed
from proactivebench.frames import Frames
from proactivebench.models.base import Message, Model, ReplyError, Request
from proactivebench.scenarios import Draw, Observation, Sample, make_environment
from proactivebench.scenarios.random_options import with_random_options
from proactivebench.views import HISTORY_SHORT_EDGE


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


def _seeded_draw(seed: int, key: Key) -> Draw:
    """What suggestions carry out with random options: the same in every run of the same seed."""
    return lambda turn, actions: random.Random(derive_seed(seed, *key, "action", turn)).choice(actions)


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
    sample, draw = task.sample, None
    if settings.random_options:
        sample = with_random_options(sample, random.Random(derive_seed(settings.seed, *task.key, "options")))
        draw = _seeded_draw(settings.seed, task.key)
    environment = make_environment(
        sample,
        reference=settings.mode == "reference",
        hint=settings.hint and not settings.open_ended,
        short_edge=HISTORY_SHORT_EDGE if settings.history else None,
        draw=draw,
    )
    told = [Message("system", settings.system_prompt)] if settings.system_prompt else []
    past = [*told, *task.examples]
    turns: list[Turn] = []
    texts: list[str] = []
    error = None
    try:
        while not environment.done:
            observation = environment.observe()
            asked = user_message(observation, settings, frames)
            seed = derive_seed(settings.seed, *task.key, environment.turn)
            reply = await model.reply(Request((*past, asked), environment, seed))
            texts.append(asked.text)
            if settings.mode == "oeg":
                turns.append(Turn.open_ended(observation, asked.text, reply))
                break
            said = what_counts(reply)
            named, output = said, None
            if judge is not None:
                named, output = await judge.read_turn(environment, asked.text, said, seed)
            turns.append(Turn.of(observation, asked.text, reply, environment.step(named), output))
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
        correct=environment.correct,
        max_turns=environment.max_turns,
        valid_replies=tuple(sample.scenario.open_replies(sample)) if settings.mode == "oeg" else (),
        error=error,
    )
    return PlayedEpisode(episode, tuple(texts))
