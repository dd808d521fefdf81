"""What is launched: a TOML file with commands as they are typed, each for several values and shards.

```toml
executor = "slurm"                # local, slurm or ray
folder = "launched"               # logs, and a marker for every task that is done
workers = 8                       # tasks at once
options = { time = "4:00:00", partition = "gpu", gpus_per_task = 1 }

[[stages]]
command = "build qd rod --raw raw --out data"
shards = 7

[[stages]]
command = "evaluate --data data --model openai:{model} --scenario {scenario} --out runs/{model}/{scenario}"
each = { model = ["org/a", "org/b"], scenario = ["qd", "rod"] }
shards = 2
server = "vllm serve {model} --port {port}"
```

A stage begins when the one before it is done. Of a stage with shards, what lies in `--out` is merged at its end.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from itertools import product
from math import prod
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError, model_validator

from proactivebench.errors import UsageError
from proactivebench.work.files import read_text
from proactivebench.work.shards import Shard

MOST_TASKS = 100_000
"""Tasks of a stage; more than any cluster queues."""

_LOWEST_PORT, _PORTS = 20_000, 20_000


class Task(NamedTuple):
    """One process of ours.

    Attributes:
        words: What stands after `proactivebench` on the command line.
        server: The command of a server that it asks, started for it alone; None for none.
    """

    words: tuple[str, ...]
    server: tuple[str, ...] | None = None

    def __str__(self) -> str:
        started = f"  (with the server: {shlex.join(self.server)})" if self.server else ""
        return f"proactivebench {shlex.join(self.words)}{started}"


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stage(_Form):
    """Tasks that may all run at the same time.

    Attributes:
        command: What stands after `proactivebench`; names in braces stand for values of `each`.
        each: Name -> values; there is a task for every combination.
        shards: Shards of each; None for none.
        server: The command of a server for each task; `{port}` is the port that the task asks.
    """

    command: str
    each: Mapping[str, tuple[str, ...]] = {}
    shards: Annotated[int, Field(gt=0, le=MOST_TASKS)] | None = None
    server: str | None = None

    @model_validator(mode="after")
    def _check(self) -> Stage:
        words = shlex.split(self.command)
        if self.shards and "--out" not in words[:-1]:
            raise ValueError("shards need --out FOLDER in the command, where they are merged")
        if "--shard" in words:
            raise ValueError("instead of --shard in the command say shards = 7 beside it")
        if self.server and not {"{port}"} & set(re.findall(r"\{\w+\}", self.server)):
            raise ValueError("the server's command needs {port}, where its task asks it")
        named = set(re.findall(r"\{(\w+)\}", f"{self.command} {self.server or ''}")) - {"port"}
        if wrong := sorted(named ^ set(self.each)):
            raise ValueError(f"{{{wrong[0]}}} must stand both in the command and under each")
        for name, values in self.each.items():
            if not values or len(set(values)) < len(values):
                raise ValueError(f"each.{name} needs values, each of them once")
        if (count := prod(map(len, self.each.values())) * (self.shards or 1)) > MOST_TASKS:
            raise ValueError(f"{count:,} tasks, expected at most {MOST_TASKS:,}")
        return self

    def _commands(self) -> Iterator[tuple[list[str], list[str]]]:
        """The words of the command and of the server for every combination of values."""
        for values in product(*self.each.values()):
            chosen = dict(zip(self.each, values, strict=True))
            yield _filled(self.command, chosen), _filled(self.server or "", chosen)

    def tasks(self) -> list[Task]:
        """All of its tasks, in a fixed order."""
        found: list[Task] = []
        shards = [Shard(number, self.shards) for number in range(1, self.shards + 1)] if self.shards else [None]
        for (words, server), shard in product(self._commands(), shards):
            port = str(_LOWEST_PORT + len(found) % _PORTS)  # the same when it is launched again
            asks = ["--base-url", f"http://127.0.0.1:{port}/v1"] if server else []
            of = ["--shard", str(shard)] if shard else []
            found.append(Task((*words, *asks, *of), tuple(_filled(server, {"port": port})) or None))
        return found

    def merges(self) -> list[Task]:
        """A task for each folder with shards."""
        outs = [words[words.index("--out") + 1] for words, _ in self._commands()] if self.shards else []
        return [Task(("merge", out)) for out in dict.fromkeys(outs)]


def _filled(words: str | list[str], values: Mapping[str, str]) -> list[str]:
    split = shlex.split(words) if isinstance(words, str) else words
    return [re.sub(r"\{(\w+)\}", lambda name: values.get(name[1], name[0]), word) for word in split]


class LaunchPlan(_Form):
    """What is launched, and on what.

    Attributes:
        executor: Processes of this machine, jobs of Slurm, or tasks of a Ray cluster.
        folder: Logs, and a marker for every task that is done.
        workers: Tasks at once; None for as many as there are.
        options: Further arguments of datatrove's executor (`time`, `partition`, `cpus_per_task` ...).
        stages: One after another.
    """

    executor: Literal["local", "slurm", "ray"] = "local"
    folder: Path
    workers: PositiveInt | None = None
    options: Mapping[str, Any] = {}
    stages: tuple[Stage, ...] = Field(min_length=1)

    def steps(self) -> dict[str, list[Task]]:
        """Name -> tasks that may run at the same time; each step waits for the one before it."""
        steps = {}
        for number, stage in enumerate(self.stages, start=1):
            steps[f"{number}"] = stage.tasks()
            if merges := stage.merges():
                steps[f"{number}-merge"] = merges
        return steps


def read_plan(path: Path) -> LaunchPlan:
    """Reads the file.

    Raises:
        UsageError: It is not TOML, or does not say what is needed.
    """
    try:
        return LaunchPlan.model_validate(tomllib.loads(read_text(path)))
    except (tomllib.TOMLDecodeError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise UsageError(f"{path}, {place}: {first['msg'].removeprefix('Value error, ')}") from None
        raise UsageError(f"{path} is not TOML: {error}") from None
    except RecursionError:
        raise UsageError(f"{path} is nested too deeply to be a plan.") from None
