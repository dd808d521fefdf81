"""Playing one episode: show the frame, ask the model, let the environment read the answer, repeat."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from proactivebench import prompts
from proactivebench.environments import make_environment
from proactivebench.evaluation.records import Episode, EpisodeError, Turn
from proactivebench.evaluation.settings import Settings, derive_seed
from proactivebench.models.base import Message, Model, Picture, ReplyError, Request
from proactivebench.samples import Sample
from proactivebench.views import HISTORY_SHORT_EDGE


@dataclass(frozen=True)
class Task:
    """An episode to be played."""

    sample: Sample
    repeat: int = 0

    @property
    def key(self) -> tuple[str, int, int]:
        """The key of its record."""
        return self.sample.scenario.name, self.sample.id, self.repeat


@dataclass(frozen=True)
class PlayedEpisode:
    """The record of an episode, and the user's texts that its turns name by their hash."""

    episode: Episode
    texts: tuple[str, ...]


async def play(task: Task, model: Model, settings: Settings, root: Path) -> PlayedEpisode:
    """Plays an episode to its end.

    Args:
        task: What to play.
        model: Who answers.
        settings: How to play it.
        root: The folder that frame paths start from.

    Returns:
        The record; a request that failed ends it with the error, never with an answer.
    """
    environment = make_environment(
        task.sample,
        reference=settings.mode == "reference",
        hint=settings.hint,
        short_edge=HISTORY_SHORT_EDGE if settings.history else None,
    )
    past: list[Message] = []
    turns: list[Turn] = []
    texts: list[str] = []
    error = None
    while not environment.done:
        observation = environment.observe()
        text = prompts.multiple_choice(observation.question, observation.options, short_answer=True)
        asked = Message("user", text, Picture(root / observation.image, observation.view))
        seed = derive_seed(settings.seed, *task.key, environment.turn)
        try:
            reply = await model.reply(Request((*past, asked), environment, seed))
        except ReplyError as failure:
            error = EpisodeError(kind=failure.kind, message=str(failure))
            break
        turns.append(Turn.of(observation, text, reply, environment.step(reply)))
        texts.append(text)
        if settings.history:
            past += (asked, Message("assistant", reply))
    episode = Episode(
        scenario=task.sample.scenario.name,
        id=task.sample.id,
        repeat=task.repeat,
        source=task.sample.image_template,
        turns=tuple(turns),
        correct=environment.correct,
        max_turns=environment.max_turns,
        error=error,
    )
    return PlayedEpisode(episode, tuple(texts))
