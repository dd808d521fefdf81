"""What every harness needs: the episodes of a benchmark, and one of them played from outside.

There is one way to play an episode, the evaluator's `play`: it makes prompts and pictures, reads replies and writes the
record. A harness that lends us its model awaits it. A harness that holds the loop itself (a server, a gym) drives the
same coroutine by hand, through `Steps`. So a reply is read once, in one place, whoever asks.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import coroutine
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.engine import run_identity
from proactivebench.evaluation.episodes import PlayedEpisode, Task, play
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.plan import plan
from proactivebench.evaluation.settings import Part, Settings
from proactivebench.frames import Frames
from proactivebench.models.base import Model, ReplyError, Request
from proactivebench.scenarios import Environment, Scenario
from proactivebench.work.files import parse_json

ALL = "all"
"""Stands for every scenario of a benchmark."""

DATA, SETTINGS = "PROACTIVEBENCH_DATA", "PROACTIVEBENCH_SETTINGS"
"""Environment variables where a harness has no options of its own: the benchmark, and settings as JSON
(`{"mode": "reference"}`), as `Settings` has them."""


def name_of(task: Task) -> str:
    """The name of an episode that harnesses show: `QD/12`, its further plays `QD/12/1` ..."""
    scenario, number, repeat = task.key
    return f"{scenario}/{number}/{repeat}" if repeat else f"{scenario}/{number}"


@dataclass(frozen=True)
class Episodes:
    """The episodes that some settings make of a benchmark.

    Attributes:
        benchmark: Where the samples are.
        scenarios: Those that are played.
        settings: How.
        frames: What the samples can show.
        tasks: The episodes, in the order of the benchmark.
        parts: Short scenario name -> how many of its samples they play.
    """

    benchmark: Benchmark
    scenarios: Sequence[Scenario]
    settings: Settings
    frames: Frames
    tasks: Sequence[Task]
    parts: Mapping[str, Part]

    @classmethod
    def open(cls, data: str | Path, scenario: str | Sequence[str] = ALL, **settings: Any) -> Episodes:
        """Opens a benchmark.

        Args:
            data: Its folder, or `hub:USER/NAME[@REVISION]`, which is pulled into the Hub's cache.
            scenario: Name of a scenario, several names, or `all`.
            **settings: Those of `Settings`.

        Raises:
            UsageError: There is no such benchmark, scenario or setting.
            ProactiveBenchError: It cannot be pulled, or a line is no sample.
        """
        if unknown := settings.keys() - Settings.model_fields.keys():
            raise UsageError(f"There is no setting {min(unknown)!r}. There are: {', '.join(Settings.model_fields)}.")
        names = [scenario] if isinstance(scenario, str) else list(scenario)
        names = [] if ALL in names else names
        benchmark = Benchmark.open(_folder(str(data), names))
        chosen, how = benchmark.chosen(names), Settings(**settings)
        frames = Frames.of(benchmark, chosen)
        planned = plan(benchmark, chosen, frames, how)
        return cls(benchmark, chosen, how, frames, list(planned.tasks()), planned.parts)

    @classmethod
    def of_variables(cls, scenario: str | Sequence[str] = ALL) -> Episodes:
        """Opens the benchmark that the environment variables name, for multiple choice.

        Raises:
            UsageError: They name none, or settings that it cannot be played with; and those of `open`.
        """
        data = os.environ.get(DATA)
        if not data:
            raise UsageError(f"Set {DATA} to the folder of a benchmark, or to hub:USER/NAME.")
        try:
            settings = dict(parse_json(os.environ.get(SETTINGS, "{}")))
        except (ValueError, TypeError) as error:
            raise UsageError(f"{SETTINGS} is not a JSON object of settings ({error}).") from error
        opened = cls.open(data, scenario, **settings)
        if opened.settings.mode not in ("mcqa", "reference"):
            raise UsageError(f"{SETTINGS}: mode {opened.settings.mode} is not played here; mcqa and reference are.")
        return opened

    def identity(self, model: Mapping[str, Any], judge: Judge | None = None) -> dict[str, Any]:
        """What `run.json` says when a harness has played them: everything that decides the numbers."""
        known = self.benchmark, self.scenarios, self.frames, _Named(model), self.settings, self.parts
        return run_identity(*known, judge)

    async def play(self, task: Task, model: Model, judge: Judge | None = None) -> PlayedEpisode:
        """Plays one of them with a model that a harness lends."""
        return await play(task, model, self.settings, self.frames, judge)

    def named(self, name: str) -> Task:
        """The episode of a name, as `name_of` gives it.

        Raises:
            UsageError: There is none.
        """
        for task in self.tasks:
            if name_of(task) == name:
                return task
        raise UsageError(f"There is no episode {name!r}; the first is {name_of(self.tasks[0])!r}.")

    def start(self, task: Task) -> Steps:
        """Begins one of them, to be played from outside."""
        if self.settings.mode == "oeg-multi":
            raise UsageError("Mode oeg-multi needs a judge in every turn, whom nobody asks here: choose another mode.")
        return Steps(task, self.settings, self.frames)


class Steps:
    """One episode, played from outside: look at `request`, give a reply, and so on until there is no request.

    Args:
        task: What to play.
        settings: How.
        frames: The frames of its scenario.

    Attributes:
        request: What is asked now; None at the end.
        environment: The episode that asks, or asked last; None where nothing could be asked.
        played: The record; None before the end.
    """

    def __init__(self, task: Task, settings: Settings, frames: Frames):
        self.request: Request | None = None
        self.environment: Environment | None = None
        self.played: PlayedEpisode | None = None
        self._episode = play(task, _Outside(), settings, frames)
        self._follow(lambda: self._episode.send(None))

    def reply(self, text: str) -> None:
        """Gives the model's literal answer."""
        self._require_open()
        self._follow(lambda: self._episode.send(text))

    def fail(self, error: ReplyError) -> None:
        """Says that there is no answer; the episode ends with the error."""
        self._require_open()
        self._follow(lambda: self._episode.throw(error))

    def reward(self, of_suggestion: float) -> float:
        """What the last reply earned: 1 for the right category, `of_suggestion` where it brought another frame, else 0.

        With 0 the rewards of an episode add up to its accuracy. A positive number is the paper's reward for a
        suggestion, a negative one makes suggestions cost something.
        """
        if self.environment is None or (self.played and self.played.episode.error):
            return 0.0
        if self.environment.correct:
            return 1.0
        return of_suggestion if self.environment.action else 0.0

    def close(self) -> None:
        """Leaves an episode that has not come to its end."""
        self.request = None
        self._episode.close()

    def _require_open(self) -> None:
        if self.request is None:
            raise UsageError("The episode has ended: begin another one.")

    def _follow(self, go_on: Callable[[], Request]) -> None:
        try:
            self.request = go_on()
            self.environment = self.request.environment
        except StopIteration as end:
            self.request, self.played = None, end.value


class _Outside(Model):
    """Hands each request to whoever drives the coroutine."""

    async def reply(self, request: Request) -> str:
        return await _ask(request)

    def identity(self) -> Mapping[str, object]:
        return {}


@coroutine
def _ask(request: Request) -> Generator[Request, str, str]:
    return (yield request)


class _Named(_Outside):
    def __init__(self, identity: Mapping[str, Any]):
        self._identity = identity

    def identity(self) -> Mapping[str, object]:
        return self._identity


def _folder(data: str, names: Sequence[str]) -> Path:
    if not data.startswith("hub:"):
        return Path(data)
    from rich.progress import Progress

    from builders.hub.cached import pull_to_cache
    from builders.hub.client import connect

    repo, _, revision = data.removeprefix("hub:").partition("@")
    return pull_to_cache(connect(), repo, revision, parts=names, progress=Progress(disable=True))[0]
