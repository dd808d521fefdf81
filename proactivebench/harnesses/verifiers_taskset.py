"""verifiers (v1) and the Environments Hub: a taskset, and the environment that plays it.

With history an episode is one conversation, and one trace. Without it, which is the default protocol, every turn is a
conversation of its own: an episode is as many traces as it has turns, and a trainer may credit each. Either way the
evaluator's own `play` asks the agent and reads what it says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal

import verifiers.v1 as vf

from proactivebench.errors import ProactiveBenchError, ReplyError
from proactivebench.harnesses.episodes import ALL, Episodes, name_of
from proactivebench.models.base import Message, Model, Request
from proactivebench.models.data_uris import shared_encoder


class RolloutError(ReplyError):
    """A rollout that ended without a reply."""

    kind = "rollout"


class ProactiveBenchData(vf.TaskData):
    """An episode, by the name that `Episodes` gives it; the prompts are made as it is played."""

    episode: str
    answer: str


class ProactiveBenchTask(vf.Task[ProactiveBenchData, vf.State, vf.TaskConfig]):
    """One episode."""

    @property
    def key(self) -> str:
        return str(self.data.episode)


class ProactiveBenchTasksetConfig(vf.TasksetConfig):
    """What is played (`--env.taskset.*`).

    Attributes:
        data: Folder of a benchmark, or `hub:USER/NAME[@REVISION]`.
        scenario: Name of a scenario, several joined by commas, or `all`.
        mode: `mcqa`, or `reference`: the reference frame alone.
        hint: Append the scenario's hint to the question.
        history: Keep earlier turns in the conversation.
        limit: Samples per scenario.
        filtered: Leave out what the benchmark's leak filter dropped.
    """

    data: str = ""
    scenario: str = ALL
    mode: Literal["mcqa", "reference"] = "mcqa"
    hint: bool = False
    history: bool = False
    limit: int | None = None
    filtered: bool = True

    def episodes(self) -> Episodes:
        """The episodes, read once in a process."""
        if not self.data:
            raise ValueError("Name a benchmark: --env.taskset.data FOLDER, or hub:USER/NAME.")
        settings = {name: getattr(self, name) for name in ("mode", "hint", "history", "limit", "filtered")}
        return _opened(self.data, self.scenario, **settings)


@cache
def _opened(data: str, scenario: str, **settings: Any) -> Episodes:
    return Episodes.open(data, scenario.split(","), **settings)


class ProactiveBenchTaskset(vf.Taskset[ProactiveBenchTask, ProactiveBenchTasksetConfig]):
    """The episodes of a benchmark as tasks."""

    def load(self) -> Iterable[ProactiveBenchTask]:
        for one in self.config.episodes().tasks:
            data = ProactiveBenchData(id=name_of(one), episode=name_of(one), answer=one.sample.answer)
            yield ProactiveBenchTask(data, self.config.task)


class ProactiveBenchEnvConfig(vf.EnvConfig):
    """Who plays, and what earns what.

    Attributes:
        agent: The model under evaluation or training: a plain chat, without tools.
        suggestion_reward: What a suggestion earns that brings another frame, beside 1 for the right category: 0 leaves
            accuracy, 0.75 is the paper's, a negative number makes suggestions cost something.
        credit: `episode`: a turn is rewarded with all that is earned from it to the end; `turn`: with what it earns
            itself, as in the paper. A conversation with history is one trace and has the sum either way.
    """

    agent: vf.AgentConfig = vf.AgentConfig(harness={"id": "null"}, runtime={"type": "subprocess"})
    suggestion_reward: float = 0.0
    credit: Literal["episode", "turn"] = "episode"


class ProactiveBenchEnv(vf.Env[ProactiveBenchEnvConfig]):
    """Plays episodes. Every trace has a reward, and the last of an episode also `acc`, `psr` and the record."""

    async def run(self, task: ProactiveBenchTask, agents: vf.Agents) -> None:
        config = self.config.taskset
        assert isinstance(config, ProactiveBenchTasksetConfig)
        episodes = config.episodes()
        one = episodes.named(task.data.episode)
        if config.history:
            async with agents.agent.interaction(task) as interaction:
                played = await episodes.play(one, Conversation(interaction))
            traces = [interaction.trace]
        else:
            turns = SingleTurns(task, agents.agent)
            played = await episodes.play(one, turns)
            traces = turns.traces
        episode = played.episode
        if episode.error is not None:
            raise ProactiveBenchError(f"{task.data.episode}: {episode.error.message}")
        # A suggestion in the last turn brought nothing.
        earned = [self.config.suggestion_reward] * (len(episode.turns) - 1) + [float(episode.correct)]
        for number, trace in enumerate(traces):
            alone = self.config.credit == "turn" and not config.history
            trace.record_reward("reward", earned[number] if alone else sum(earned[number:]))
        traces[-1].record_metrics(episode.scores)
        traces[-1].info["proactivebench"] = episode.model_dump(mode="json", exclude_defaults=True)


class SingleTurns(Model):
    """Asks the agent anew in every turn.

    Attributes:
        traces: One for each turn so far.
    """

    def __init__(self, task: ProactiveBenchTask, agent: vf.Agent):
        self.traces: list[vf.Trace] = []
        self._task, self._agent = task, agent

    async def reply(self, request: Request) -> str:
        prompt = await asyncio.to_thread(lambda: [_message(message) for message in request.messages])
        trace = await self._agent.run(self._task.with_data(prompt=prompt))
        self.traces.append(trace)
        return _said(trace, ended=not trace.ok)

    def identity(self) -> Mapping[str, object]:
        return {}


class Conversation(Model):
    """Goes on with one conversation, which the agent remembers."""

    def __init__(self, interaction: vf.Interaction):
        self._interaction = interaction

    async def reply(self, request: Request) -> str:
        asked = await asyncio.to_thread(_message, request.messages[-1])
        segment = await self._interaction.turn([asked])
        return _said(self._interaction.trace, ended=segment.terminated)

    def identity(self) -> Mapping[str, object]:
        return {}


def _said(trace: vf.Trace, *, ended: bool) -> str:
    """The agent's literal last words."""
    if ended or not trace.assistant_messages:
        why = trace.last_error.message if trace.last_error else trace.stop_condition
        raise RolloutError(f"The rollout ended without a reply ({why}).")
    return trace.assistant_messages[-1].content or ""


_encode = shared_encoder()
_ROLES: Mapping[str, Any] = {"system": vf.SystemMessage, "user": vf.UserMessage, "assistant": vf.AssistantMessage}


def _message(message: Message) -> Any:
    """A message in the form of verifiers."""
    if message.picture is None:
        return _ROLES[message.role](content=message.text)
    picture = vf.ImageUrlContentPart(image_url=vf.ImageUrlSource(url=_encode(message.picture)))
    return _ROLES[message.role](content=[picture, vf.TextContentPart(text=message.text)])
