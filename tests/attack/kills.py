"""SIGKILL at random moments, and two processes at once: what is left must be what an undisturbed command leaves."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from proactivebench.benchmark import Benchmark
from tests.support.hub_store import LocalHub
from tests.support.kills import PROGRAM, Hunted, contents, difference
from tests.support.local_hub import serve
from tests.support.processes import PATIENCE, ROOT, started
from tests.support.slow_model import SLOW
from tests.support.small_benchmark import DRAWINGS, build_small

REPO = "ann/attacked"
TOKEN = "hf_annsOwn"


class Result(NamedTuple):
    """What became of an attack: how often it was tried, how often survived, and the first thing that went wrong."""

    tried: int
    survived: int
    note: str = ""


@dataclass(frozen=True)
class _World:
    """A folder with a benchmark `data` and a run `run`, and a Hub."""

    folder: Path
    hub: LocalHub

    @property
    def variables(self) -> dict[str, str]:
        home = {"HF_ENDPOINT": self.hub.url, "HF_HOME": str(self.folder / "home"), "HF_HUB_DISABLE_XET": "1"}
        return {**home, "HF_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}

    def hunter(self, name: str) -> Hunted:
        """Runs a command, and does not kill it yet."""
        return Hunted(0.0, random.Random(name), self.folder, self.variables, COMMANDS[name].program)


class Command(NamedTuple):
    """A command that is attacked.

    Attributes:
        arguments: The command, in a working directory of its own beside `data` and `run`.
        left: What it leaves: folders in that directory.
        before: Commands that are needed before it.
        program: What stands before its arguments.
    """

    arguments: Sequence[object]
    left: Sequence[str] = ("out",)
    before: Sequence[Sequence[object]] = ()
    program: Sequence[object] = PROGRAM


_TOGETHER = (sys.executable, "-m", "tests.support.together")
_BUILD = ("build", "quickdraw", "--raw", DRAWINGS, "--out", "out", "--per-category", 6)
_EVALUATE = ("evaluate", "--model", SLOW, "--data", "data", "--out", "out")
_SCRIPTED = ("evaluate", "--model", "scripted:random", "--data", "data")
_TRAIN_SPLIT = ("build", "train", "--raw", DRAWINGS, "--out", "out", "--coco", 0, "--quickdraw", 300)
_STEPS = ("--max-steps", 4, "--save-every", 1, "--completions-per-step", 16, "--per-device-batch", 8)

_SHARDS = tuple(("--shard", f"{number}/3") for number in (1, 2, 3))

COMMANDS = {
    "build": Command(_BUILD),
    "build, two workers": Command((*_BUILD, "--workers", 2), program=_TOGETHER),
    "build, a shard": Command((*_BUILD, *_SHARDS[1])),
    "build train": Command(_TRAIN_SPLIT),
    "merge of a build": Command(("merge", "out"), before=[(*_BUILD, *shard) for shard in _SHARDS]),
    "package": Command(("package", "data"), ["data"]),
    "publish": Command(("publish", "data", "--repo", REPO), ["data"]),
    "pull": Command(("pull", REPO, "--out", "out"), before=[("publish", "data", "--repo", REPO)]),
    "evaluate": Command(_EVALUATE),
    "evaluate, a shard": Command((*_EVALUATE, *_SHARDS[1])),
    "merge of a run": Command(("merge", "out"), before=[(*_SCRIPTED, "--out", "out", *shard) for shard in _SHARDS]),
    "filter": Command(("filter", "data", "--runs", "run"), ["data"]),
    "when": Command(
        ("when", "run", "--forced", "forced"), ["run"], [(*_SCRIPTED, "--mode", "forced", "--out", "forced")]
    ),
    "report": Command(("report", "run", "--out", "out")),
    "leaderboard": Command(("leaderboard", "run", "--out", "out")),
    "train": Command(
        (
            "train",
            "--model",
            "demo:guesser",
            "--data",
            "split",
            "--full",
            "--max-new-tokens",
            3,
            *_STEPS,
            "--out",
            "out",
        ),
        before=[("build", "train", "--raw", DRAWINGS, "--out", "split", "--coco", 0, "--quickdraw", 40)],
    ),
}
"""Name -> command that is killed, and started twice."""


@contextmanager
def _world() -> Iterator[_World]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="attack-")))
        hub = stack.enter_context(serve())
        hub.tokens[TOKEN] = "ann"
        world = _World(folder, hub)
        build_small(folder / "data", per_category=14)
        quiet = Hunted(0.0, random.Random(0), folder, world.variables)
        quiet.run(*_SCRIPTED, "--out", "run")
        yield world


@contextmanager
def _place(world: _World, name: str) -> Iterator[Path]:
    """A working directory for one command, with all that it needs."""
    with tempfile.TemporaryDirectory(dir=world.folder) as folder:
        place = Path(folder)
        shutil.copytree(world.folder / "data", place / "data")
        shutil.copytree(world.folder / "run", place / "run")
        quiet = Hunted(0.0, random.Random(0), place, world.variables)
        world.hub.repos.clear()
        for arguments in COMMANDS[name].before:
            quiet.run(*arguments)
        yield place


def _left(world: _World, place: Path, command: Command) -> dict[str, str]:
    left = {f"{name}/{path}": digest for name in command.left for path, digest in contents(place / name).items()}
    if command.arguments[0] == "publish":
        left |= {f"hub/{path}": blob.sha256 for path, blob in world.hub.repos[REPO].files.items()}
        left["hub: commits"] = str(len(world.hub.repos[REPO].commits))
    return left


def _undisturbed(world: _World, name: str, hunted: Hunted) -> dict[str, str]:
    command = COMMANDS[name]
    with _place(world, name) as hunted.cwd:
        hunted.run(*command.arguments)
        return _left(world, hunted.cwd, command)


def killed(name: str, count: int) -> Result:
    """Kills a command that many times, in several folders, and lets it end in each of them."""
    command, survived, note = COMMANDS[name], 0, ""
    with _world() as world:
        hunted = world.hunter(name)
        expected = _undisturbed(world, name, hunted)  # from which it knows how long the command takes
        hunted.chance = 0.8
        while hunted.kills < count:
            before = hunted.kills
            with _place(world, name) as hunted.cwd:
                try:
                    hunted.run(*command.arguments)
                    wrong = difference(expected, _left(world, hunted.cwd, command))
                except AssertionError as error:
                    wrong = [str(error)[-200:]]
            survived += 0 if wrong else hunted.kills - before
            note = note or "; ".join(wrong[:3])
    return Result(hunted.kills, survived, note)


def twice(name: str, count: int) -> Result:
    """Starts a command twice at once: one ends well, the other one too or with a sentence, and nothing is mixed."""
    command, survived, note = COMMANDS[name], 0, ""
    with _world() as world:
        expected = _undisturbed(world, name, world.hunter(name))
        for _ in range(count):
            with _place(world, name) as place:
                words = [*command.program, *command.arguments]
                with (
                    started(words, cwd=place, variables=world.variables) as one,
                    started(words, cwd=place, variables=world.variables) as other,
                ):
                    said = [process.communicate(timeout=PATIENCE) for process in (one, other)]
                codes = sorted((one.returncode, other.returncode))
                sound = codes in ([0, 0], [0, 2]) and not any("Traceback" in text for pair in said for text in pair)
                wrong = difference(expected, _left(world, place, command)) if sound else [f"ended with {codes}"]
                survived += not wrong
                note = note or "; ".join(wrong[:3])
    return Result(count, survived, note)


def torn(count: int) -> Result:
    """Cuts the records of a run at that many places: continued, it ends with the same scores."""
    from proactivebench.evaluation import engine
    from proactivebench.evaluation.settings import Settings
    from proactivebench.models.scripted import ScriptedModel

    def play(out: Path, data: Path) -> dict[str, Any]:
        benchmark = Benchmark.open(data)
        return engine.evaluate(benchmark, benchmark.scenarios, ScriptedModel("random"), Settings(), out)

    survived, note = 0, ""
    with tempfile.TemporaryDirectory() as folder:
        data = build_small(Path(folder, "data"))
        whole = Path(folder, "whole")
        expected = play(whole, data)
        for number in range(count):
            name = ("episodes.jsonl", "prompts.jsonl")[number % 2]
            run = Path(folder, "run")
            shutil.copytree(whole, run)
            (run / "metrics.json").unlink()
            length = (run / name).stat().st_size
            with (run / name).open("r+b") as file:
                file.truncate(length * number // count)
            sound = play(run, data) == expected
            survived += sound
            note = note or ("" if sound else f"{name} cut to {length * number // count}")
            shutil.rmtree(run)
    return Result(count, survived, note)
