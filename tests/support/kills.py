"""Commands that are killed at random and repeated until they end by themselves, and what they leave behind."""

from __future__ import annotations

import ctypes
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.processes import PATIENCE, ROOT, started

KILLED = -9

PROGRAM = (sys.executable, "-m", "proactivebench")

_RUN = {"episodes.jsonl", "prompts.jsonl"}
"""Files whose lines stand in the order in which things happened."""

_ABOUT_THE_WAY = {"seconds"}
"""Numbers in a log of a training that are no result."""


@dataclass
class Hunted:
    """Runs commands that are killed now and then.

    Attributes:
        chance: Share of the starts that are killed, after a random part of the time that the command took before.
        rng: Decides when.
        cwd: Working directory of the commands.
        variables: Environment variables that differ from those of this process.
        program: What stands before the arguments of a command.
        kills: Number of processes that were killed.
        said: Everything that the commands have said.
        peaks: Name of a command -> most memory in MB that one of its processes was seen with.
    """

    chance: float
    rng: random.Random
    cwd: Path
    variables: Mapping[str, str | None] = field(default_factory=dict)
    program: Sequence[object] = PROGRAM
    kills: int = 0
    said: list[str] = field(default_factory=list)
    peaks: dict[str, int] = field(default_factory=dict)
    _seconds: dict[str, float] = field(default_factory=dict)

    def run(self, *arguments: object, again: Callable[[int], bool] = lambda code: False) -> None:
        """Runs one of our commands to its end, however often it has to be started.

        Args:
            arguments: The command and its arguments.
            again: Whether an exit code is no failure but a reason to repeat the command.

        Raises:
            AssertionError: It failed by itself.
        """
        words = [*self.program, *arguments]
        name = str(arguments[0])
        while True:
            limit = None
            if self.rng.random() < self.chance:
                limit = self.rng.uniform(0.1, 1.1) * self._seconds.get(name, 5.0)
            start = time.monotonic()
            code = self._start(words, name, limit)
            if code == 0:
                self._seconds[name] = time.monotonic() - start
                return
            assert code == KILLED or again(code), f"{arguments} ended with {code}:\n{self.said[-1]}"

    def _start(self, words: Sequence[object], name: str, limit: float | None) -> int:
        variables = {"PYTHONPATH": str(ROOT), **self.variables}
        with started(words, cwd=self.cwd, variables=variables) as process:
            end = time.monotonic() + (PATIENCE if limit is None else limit)
            while True:
                try:
                    output, errors = process.communicate(timeout=max(0.01, min(0.2, end - time.monotonic())))
                    break
                except subprocess.TimeoutExpired:
                    self.peaks[name] = max(self.peaks.get(name, 0), memory_mb(process.pid))
                    assert limit is not None or time.monotonic() < end, f"{words} does not end"
                    if time.monotonic() >= end:
                        process.kill()
            self.kills += process.returncode == KILLED
        self.said.append(output + errors)
        assert "Traceback" not in self.said[-1], self.said[-1]
        return process.returncode


def contents(folder: Path, without: Sequence[str] = ()) -> dict[str, str]:
    """Path -> SHA-256 of all files but hidden ones; lines of a run count in any order, a training's without times.

    Args:
        folder: The folder.
        without: Names of files that are left out.
    """
    found = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and path.name not in without and not any(part.startswith(".") for part in inside.parts):
            found[inside.as_posix()] = hashlib.sha256(_normal(path)).hexdigest()
    return found


def _normal(path: Path) -> bytes:
    data = path.read_bytes()
    if path.name in _RUN:
        return b"".join(sorted(data.splitlines(keepends=True)))
    if path.name == "train_log.jsonl":
        lines = [json.loads(line) for line in data.splitlines()]
        results = [{name: value for name, value in line.items() if name not in _ABOUT_THE_WAY} for line in lines]
        return json.dumps(results).encode()
    return data


def difference(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """The files that are missing, strange or different."""
    return sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))


def memory_mb(process: int | None = None) -> int:
    """Memory that a process holds at the moment; by default this one, without what it has freed but not given back.

    glibc keeps memory apart for each of many threads, and what one has freed serves no other: a server with a thread
    for each request seems to grow although nothing in it does.
    """
    if process is None:
        with suppress(AttributeError, OSError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)
    status = Path(f"/proc/{process or os.getpid()}/status")
    held = re.search(r"VmRSS:\s*(\d+)", status.read_text()) if status.exists() else None
    return int(held[1]) // 1024 if held else 0
