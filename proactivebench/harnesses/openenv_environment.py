"""OpenEnv: the episodes behind a server, and the client that plays them from afar.

An observation carries what the evaluator would show a model, as a conversation in OpenAI's form with pictures as data
URIs; an action is the model's reply. Each session has an episode of its own, and all of them read one benchmark.
"""

from __future__ import annotations

import os
import random
from functools import cache
from typing import Any
from uuid import uuid4

from openenv.core import EnvClient
from openenv.core.client_types import StepResult
from openenv.core.env_server.interfaces import Environment
from openenv.core.env_server.types import Action, EnvironmentMetadata, Observation, State
from pydantic import Field

from proactivebench import __version__
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.harnesses.episodes import ALL, DATA, SETTINGS, Episodes, Steps, name_of
from proactivebench.models.data_uris import chat_messages, shared_encoder

SCENARIO, SUGGESTION_REWARD = "PROACTIVEBENCH_SCENARIO", "PROACTIVEBENCH_SUGGESTION_REWARD"
"""Environment variables of a server, beside `DATA` and `SETTINGS`: what it plays, and what a suggestion earns."""

SPLIT = "test"


class ProactiveBenchAction(Action):
    """A model's reply."""

    reply: str = Field(description="The literal reply: an option in words, or its letter")


class ProactiveBenchObservation(Observation):
    """What is asked; after the end no messages, and the scores."""

    id: str = Field(default="", description="Name of the episode, such as QD/12")
    messages: list[dict[str, Any]] = Field(default_factory=list, description="Conversation in OpenAI's form")
    options: list[str] = Field(default_factory=list, description="The texts that are shown, from the letter A on")
    scores: dict[str, float] = Field(default_factory=dict, description="acc and psr, at the end")
    record: dict[str, Any] = Field(default_factory=dict, description="The evaluator's record, at the end")


@cache
def _opened(scenario: str, *_: str | None) -> Episodes:
    """Read once for all sessions of a server, as long as its variables stay."""
    return Episodes.of_variables(scenario.split(","))


@cache
def _encoder() -> Any:
    return shared_encoder()


class ProactiveBenchEnvironment(Environment[ProactiveBenchAction, ProactiveBenchObservation, State]):
    """One session. The environment variables of the server say which benchmark it plays.

    Raises:
        UsageError: They name none, or none that is there.
    """

    SUPPORTS_CONCURRENT_SESSIONS = True

    def __init__(self) -> None:
        super().__init__()
        self._episodes = _opened(os.environ.get(SCENARIO, ALL), os.environ.get(DATA), os.environ.get(SETTINGS))
        self._suggestion_reward = float(os.environ.get(SUGGESTION_REWARD, "0"))
        self._state = State()
        self._steps: Steps | None = None

    def reset(
        self, seed: int | None = None, episode_id: str | None = None, **selected: Any
    ) -> ProactiveBenchObservation:
        """Begins an episode: `id="QD/12"`, or `index` in the split `test`, or one that `seed` draws."""
        tasks = self._episodes.tasks
        if "id" in selected:
            task = self._episodes.named(selected["id"])
        elif "index" in selected:
            task = self._task(selected.get("split", SPLIT), selected["index"])
        else:
            task = random.Random(seed).choice(tasks)
        self.close()
        self._id = name_of(task)
        self._steps = self._episodes.start(task)
        self._state = State(episode_id=episode_id or str(uuid4()), step_count=0)
        return self._observe(self._steps, None)

    def step(self, action: ProactiveBenchAction, timeout_s: float | None = None, **_: Any) -> ProactiveBenchObservation:
        """Reads a reply as the evaluator does."""
        if self._steps is None:
            raise UsageError("Begin an episode with reset.")
        self._steps.reply(action.reply)
        self._state.step_count += 1
        return self._observe(self._steps, self._steps.reward(self._suggestion_reward))

    def close(self) -> None:
        """Leaves the episode."""
        if self._steps is not None:
            self._steps.close()
        self._steps = None

    @property
    def state(self) -> State:
        return self._state

    def get_metadata(self) -> EnvironmentMetadata:
        """What the server says about itself."""
        about = "ProactiveBench (arXiv:2603.19466): does a multimodal model know when to ask for help?"
        return EnvironmentMetadata(name="proactivebench", description=about, version=__version__)

    def _observe(self, steps: Steps, reward: float | None) -> ProactiveBenchObservation:
        if steps.request is not None and steps.environment is not None:
            return ProactiveBenchObservation(
                done=False,
                reward=reward,
                id=self._id,
                messages=chat_messages(steps.request.messages, _encoder()),
                options=list(steps.environment.observe().options),
            )
        assert steps.played is not None
        episode = steps.played.episode
        if episode.error is not None:
            raise ProactiveBenchError(f"{self._id}: {episode.error.message}")
        record = episode.model_dump(mode="json", exclude_defaults=True)
        return ProactiveBenchObservation(done=True, reward=reward, id=self._id, scores=episode.scores, record=record)

    # The optional interface of environments with a data set: what can be played, without playing it.

    def list_splits(self) -> list[str]:
        """The one split."""
        return [SPLIT]

    def num_tasks(self, split: str) -> int:
        """How many episodes there are."""
        return len(self._episodes.tasks) if split == SPLIT else 0

    def list_tasks(self, split: str) -> list[dict[str, Any]]:
        """All of them."""
        return self.get_task_range(split)

    def get_task(self, split: str, index: int) -> dict[str, Any]:
        """One of them."""
        return {"id": name_of(self._task(split, index)), "index": index}

    def get_task_range(self, split: str, start: int | None = None, stop: int | None = None) -> list[dict[str, Any]]:
        """Some of them."""
        return [self.get_task(split, index) for index in range(self.num_tasks(split))[start:stop]]

    def _task(self, split: str, index: int) -> Any:
        if not 0 <= index < self.num_tasks(split):
            raise IndexError(f"{split} has {self.num_tasks(split)} episodes, so none with the index {index}.")
        return self._episodes.tasks[index]


class ProactiveBenchEnv(EnvClient[ProactiveBenchAction, ProactiveBenchObservation, State]):
    """The client: `ProactiveBenchEnv(base_url="http://localhost:8000").sync()`."""

    def _step_payload(self, action: ProactiveBenchAction) -> dict[str, Any]:
        return {"reply": action.reply}

    def _parse_result(self, payload: dict[str, Any]) -> StepResult[ProactiveBenchObservation]:
        done, reward = payload.get("done", False), payload.get("reward")
        shown = {**payload.get("observation", {}), "done": done, "reward": reward}
        return StepResult(observation=ProactiveBenchObservation.model_validate(shown), reward=reward, done=done)

    def _parse_state(self, payload: dict[str, Any]) -> State:
        return State.model_validate(payload)
