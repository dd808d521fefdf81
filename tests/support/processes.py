"""Processes that tests start: each heeds Ctrl-C, whatever this one's shell ignores, and none outlives its test."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Protocol

from tests.support import warm

ROOT = Path(__file__).resolve().parents[2]

PATIENCE = 300.0
"""Seconds after which what must happen counts as never happening: far more than a loaded machine needs."""


@contextmanager
def started(
    command: Sequence[object],
    *,
    cwd: Path = ROOT,
    variables: Mapping[str, str | None] | None = None,
    first: Callable[[], object] | None = None,
    log: Path | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """A process in a group of its own, as a terminal makes it; if it still runs at the end, it is ended.

    Args:
        command: Program and arguments.
        cwd: Working directory.
        variables: Environment variables that differ from those of this process; None removes one.
        first: Called in the new process before the program begins.
        log: File for all that it says, if that is much; by default pipes, of which nobody reads before it ends.
    """

    def prepare() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # `make test &` of a script has it ignored, and that is inherited
        if first:
            first()

    with (
        log.open("wb") if log else nullcontext(subprocess.PIPE) as output,
        subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=_environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            text=True,
            start_new_session=True,
            preexec_fn=prepare,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                end(process)


def _environment(variables: Mapping[str, str | None] | None) -> dict[str, str]:
    wanted = {**os.environ, "OMP_NUM_THREADS": "1", **(variables or {})}
    return {name: value for name, value in wanted.items() if value is not None}


class Running(Protocol):
    """What a process and a program of ours have in common."""

    pid: int

    def poll(self) -> int | None: ...
    def wait(self, timeout: float) -> int: ...
    def terminate(self) -> None: ...


@contextmanager
def begun(
    arguments: Sequence[object],
    *,
    variables: Mapping[str, str | None] | None = None,
    first: Callable[[], object] | None = None,
    modules: tuple[str, ...] = warm.LIGHT,
) -> Iterator[warm.Program]:
    """Our program, begun in the repository without the wait for its imports; if it still runs at the end, it is ended.

    Args:
        arguments: What stands after `proactivebench` on the command line.
        variables: Environment variables that differ from those of this process; None removes one.
        first: Called in the new process before the program begins.
        modules: What is imported already; it reads this process's variables.
    """
    program = warm.begin([str(part) for part in arguments], ROOT, _environment(variables), first, modules)
    try:
        yield program
    finally:
        if program.poll() is None:
            end(program)
        program.close()


def finished(
    arguments: Sequence[object],
    *,
    variables: Mapping[str, str | None] | None = None,
    modules: tuple[str, ...] = warm.LIGHT,
) -> subprocess.CompletedProcess[str]:
    """Runs our program to its end, whatever its exit code."""
    with begun(arguments, variables=variables, modules=modules) as program:
        output, errors = program.communicate(timeout=PATIENCE)
    assert program.returncode is not None
    return subprocess.CompletedProcess(program.args, program.returncode, output, errors)


def end(process: Running) -> None:
    """Ends a process and its group: a launcher is asked first, so that it can end what it has launched elsewhere."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(10)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def run(
    command: Sequence[object], *, cwd: Path = ROOT, variables: Mapping[str, str | None] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a program to its end, whatever its exit code."""
    with started(command, cwd=cwd, variables=variables) as process:
        output, errors = process.communicate(timeout=PATIENCE)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def wait_until(happened: Callable[[], bool], process: Running) -> None:
    """Waits for something that a process does.

    Raises:
        AssertionError: It ended without doing it, or never did.
    """
    limit = time.monotonic() + PATIENCE
    while not happened():
        assert process.poll() is None or happened(), "the process ended before"
        assert time.monotonic() < limit, "it never happened"
        time.sleep(0.01)
