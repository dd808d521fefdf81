"""inspect_ai: the task `proactivebench/proactivebench`.

Inspect lends its model and keeps the log; the evaluator's own `play` makes prompts and pictures and reads the replies.
A sample is one of our samples, an epoch one play of it, and what goes wrong is an error of the sample. The score keeps
the evaluator's record, from which `import-inspect` makes a run folder.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset
from inspect_ai.dataset import Sample as InspectSample
from inspect_ai.model import ChatMessage, ChatMessageAssistant, GenerateConfig, Model, get_model
from inspect_ai.scorer import Metric, SampleScore, Score, Scorer, Target, Value, metric, scorer
from inspect_ai.solver import Generate, Solver, TaskState, solver
from inspect_ai.util import suspend_turn_limit

from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.engine import PROTOCOL
from proactivebench.evaluation.episodes import Task as Play
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_reply
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.statistics import average, estimate
from proactivebench.harnesses.episodes import ALL, Episodes, name_of
from proactivebench.models import base
from proactivebench.models.data_uris import shared_encoder
from proactivebench.models.inspect_model import chat_message, read_output
from proactivebench.models.load import OPEN_ENDED_TOKENS
from proactivebench.models.request_form import RequestForm
from proactivebench.scenarios import make_environment

RECORD, TEXTS, JUDGED = "episode", "texts", "judged"
"""Keys of a sample's store, and of its score's metadata: the record, the user's texts, what the judge said."""

GRADER = "grader"
"""Inspect's role of the model that judges free replies (`--model-role grader=...`); without it the model itself."""


class Lent(base.Model):
    """Inspect's model, as the evaluator asks models.

    Args:
        state: The sample that is played; it is shown in Inspect's viewer as it goes on.
        generate: Asks the model.
        max_pixels: Pixels to which larger pictures are scaled down; None sends them as they are.
    """

    def __init__(self, state: TaskState, generate: Generate, max_pixels: int | None):
        self.state = state
        self.said: list[ChatMessage] = []
        self._generate = generate
        self._encode = shared_encoder(max_pixels)

    async def reply(self, request: base.Request) -> str:
        self.state.messages = await asyncio.to_thread(
            lambda: [chat_message(message, self._encode) for message in request.messages]
        )
        asked = self.state.messages[-1]
        self.state = await self._generate(self.state)
        reply = read_output(self.state.output, str(self.state.model))
        self.said += [asked, ChatMessageAssistant(content=str(reply))]
        return reply

    def identity(self) -> Mapping[str, object]:
        return {"model": str(self.state.model)}


class Grader(base.Model):
    """A model of Inspect's that judges free replies."""

    def __init__(self, model: Model):
        self._model = model

    async def reply(self, request: base.Request) -> str:
        def no_picture(picture: base.Picture) -> str:
            raise AssertionError(picture)

        asked = [chat_message(message, no_picture) for message in request.messages]
        with suspend_turn_limit():  # that is the limit of the model that is judged
            return read_output(await self._model.generate(asked), str(self._model))

    def identity(self) -> Mapping[str, object]:
        return {"model": f"inspect:{self._model}"}


def _judge() -> Judge:
    return Judge(Grader(get_model(role=GRADER)))


@task
def proactivebench(
    data: str,
    scenario: str | Sequence[str] = ALL,
    mode: str = "mcqa",
    hint: bool = False,
    history: bool = False,
    shots: int = 0,
    limit: int | None = None,
    seed: int = 0,
    filtered: bool = True,
    max_pixels: int | None = None,
) -> Task:
    """ProactiveBench (arXiv:2603.19466): does a multimodal model know when to ask for help?

    Args:
        data: Folder of a benchmark, or `hub:USER/NAME[@REVISION]`.
        scenario: Name of a scenario, several names, or `all`.
        mode: `mcqa`, `reference`, or `oeg` and `oeg-multi`, whose free replies the model role `grader` judges.
        hint: Append the scenario's hint to the question.
        history: Keep earlier turns in the conversation.
        shots: Solved examples in front: 0, 1 or 3.
        limit: Samples per scenario, those that `evaluate --limit` plays.
        seed: Decides every random choice.
        filtered: Leave out what the benchmark's leak filter dropped.
        max_pixels: Pixels to which larger pictures are scaled down.
    """
    given = {"mode": mode, "hint": hint, "history": history, "shots": shots, "seed": seed, "filtered": filtered}
    episodes = Episodes.open(data, scenario, limit=limit, **given)
    tasks = {name_of(one): one for one in episodes.tasks}

    @solver
    def play() -> Solver:
        async def solve(state: TaskState, generate: Generate) -> TaskState:
            lent = Lent(state, generate, max_pixels)
            judge = _judge() if mode == "oeg-multi" else None
            one = replace(tasks[str(state.sample_id)], repeat=state.epoch - 1)
            played = await episodes.play(one, lent, judge)
            if played.episode.error is not None:
                raise ProactiveBenchError(f"{state.sample_id}: {played.episode.error.message}")
            state = lent.state
            state.messages = lent.said
            state.store.set(RECORD, played.episode.model_dump(mode="json", exclude_defaults=True))
            state.store.set(TEXTS, list(played.texts))
            state.completed = True
            return state

        return solve

    return Task(
        dataset=MemoryDataset([_sample(name, one.sample) for name, one in tasks.items()], name="ProactiveBench"),
        solver=play(),
        scorer=free_replies(seed) if mode == "oeg" else accuracy_and_suggestions(),
        config=GenerateConfig(**_form(episodes.settings).said),
        fail_on_error=0.1,
        turn_limit=max(_turns(one, mode) for one in episodes.tasks),
        version=PROTOCOL,
        metadata={"proactivebench": episodes.identity({})},
    )


def _turns(one: Play, mode: str) -> int:
    """How often a model can be asked in an episode."""
    return make_environment(one.sample).max_turns if mode in ("mcqa", "oeg-multi") else 1


def _record(state: TaskState) -> dict[str, Any]:
    """What was kept of a played episode.

    Raises:
        ProactiveBenchError: It has not come to its end.
    """
    found: dict[str, Any] | None = state.store.get(RECORD)
    if found is None:
        raise ProactiveBenchError(f"{state.sample_id}: a limit of Inspect's ended the episode, so it has no score.")
    return found


def _form(settings: Settings) -> RequestForm:
    """What `evaluate` says in requests of such episodes."""
    return RequestForm(sample=True, max_new_tokens=OPEN_ENDED_TOKENS) if settings.open_ended else RequestForm()


def _sample(name: str, sample: Any) -> InspectSample:
    """What Inspect needs to know of a sample; its pictures are read when it is played."""
    known = {"scenario": sample.scenario.name, "source": sample.source}
    return InspectSample(id=name, input=sample.prompt, target=sample.answer, metadata=known)


@metric
def by_scenario() -> Metric:
    """Means of the scenarios and their unweighted average, with standard errors over sources: as in `evaluate`."""

    def measure(scores: list[SampleScore]) -> Value:
        groups: dict[str, list[SampleScore]] = {}
        for one in scores:
            groups.setdefault((one.sample_metadata or {})["scenario"], []).append(one)
        found = {
            name: estimate([one.score.as_float() for one in group], [one.sample_metadata["source"] for one in group])
            for name, group in groups.items()
        }
        if found:
            found["average"] = average(list(found.values()))
        means = {name: one.mean for name, one in found.items()}
        return means | {f"{name}_se": one.se for name, one in found.items() if one.se is not None}

    return measure


@scorer(metrics={"acc": [by_scenario()], "psr": [by_scenario()]})
def accuracy_and_suggestions() -> Scorer:
    """`acc`: whether the episode ended with the right category; `psr`: how many suggestions it took."""

    async def score(state: TaskState, target: Target) -> Score:
        episode = Episode.model_validate(_record(state))
        return Score(
            value=dict(episode.scores),
            answer=episode.turns[-1].said,
            explanation=f"Turn {len(episode.turns)} of {episode.max_turns} ended it: {episode.turns[-1].kind}.",
            metadata={RECORD: state.store.get(RECORD), TEXTS: state.store.get(TEXTS)},
        )

    return score


@scorer(metrics={"agg": [by_scenario()], "cc": [by_scenario()], "ps": [by_scenario()]})
def free_replies(seed: int = 0) -> Scorer:
    """`cc`: the reply names the right category; `ps`: it makes a valid suggestion; `agg`: either. A judge reads it."""

    async def score(state: TaskState, target: Target) -> Score:
        episode = Episode.model_validate(_record(state))
        judged = await judge_reply(episode, state.store.get(TEXTS)[0], _judge(), seed)
        if judged.error is not None:
            raise ProactiveBenchError(judged.error.message)
        return Score(
            value=dict(judged.scores),
            answer=episode.turns[0].said,
            explanation=judged.output,
            metadata={
                RECORD: state.store.get(RECORD),
                TEXTS: state.store.get(TEXTS),
                JUDGED: judged.model_dump(mode="json", exclude_defaults=True),
            },
        )

    return score
