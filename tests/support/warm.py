"""Our own program, started from a process that has imported already what takes it a second or five to import.

What begins here is what begins on a command line: a process and a group of its own, the same arguments, variables,
signals and exit codes. Only the imports are shared, by a server for each choice of modules, which forks for each
program. Variables that a module reads while it is imported come too late where it is among those.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType
from typing import IO

LIGHT = ("cli", "numpy", "PIL.Image", "proactivebench.evaluation.engine", "pyarrow.parquet")
"""What most commands import."""
NETWORK = (*LIGHT, "torch", "transformers", "proactivebench.models.checkpoints")
"""What a command imports that loads a network."""
TRAINING = (*NETWORK, "proactivebench.training.grpo")
"""What `train` imports."""


@dataclass(frozen=True)
class Order:
    """A program to begin; in `folder` lie the pipes for what it says, and later its exit code."""

    arguments: list[str]
    cwd: str
    variables: dict[str, str]
    folder: Path
    first: Callable[[], object] | None

    @property
    def pipes(self) -> list[Path]:
        """Of its output and its errors."""
        return [self.folder / "output", self.folder / "errors"]


class Program:
    """A program that runs, with what `subprocess.Popen` offers that tests use."""

    def __init__(self, order: Order, pid: int, pipes: list[int]) -> None:
        self.args, self.pid = order.arguments, pid
        self.returncode: int | None = None
        self._folder, self._pipes = order.folder, pipes
        self._said = [b"", b""]

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        if self.returncode is None and (code := self._folder / "code").exists():
            self.returncode = int(code.read_text())
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Waits for the end, at most so many seconds."""
        limit = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > limit:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(0.005)
        return code

    def communicate(self, timeout: float) -> tuple[str, str]:
        """Output and errors, after the end."""
        self.wait(timeout)
        for pipe in self._pipes:
            os.set_blocking(pipe, True)  # whoever else holds the other end is waited for
        output, errors = self._listen()
        return output, errors

    def said(self) -> str:
        """Output and errors so far."""
        return "".join(self._listen())

    def _listen(self) -> list[str]:
        for number, pipe in enumerate(self._pipes):
            with suppress(BlockingIOError):
                while heard := os.read(pipe, 1 << 16):
                    self._said[number] += heard
        return [said.decode() for said in self._said]

    def close(self) -> None:
        """Listens no more."""
        for pipe in self._pipes:
            os.close(pipe)

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Asks it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it, and waits for that."""
        self.send_signal(signal.SIGKILL)
        self.wait(10)


def begin(
    arguments: Sequence[str],
    cwd: Path,
    variables: Mapping[str, str],
    first: Callable[[], object] | None,
    modules: tuple[str, ...],
) -> Program:
    """Begins our program with these arguments in a process that has imported the modules."""
    order = Order(list(arguments), str(cwd), dict(variables), Path(tempfile.mkdtemp(dir=_place())), first)
    pipes = []
    for path in order.pipes:
        os.mkfifo(path)
        pipes.append(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    server = _server(modules)
    assert server.stdin and server.stdout
    pickle.dump(order, server.stdin)
    server.stdin.flush()
    return Program(order, int(server.stdout.readline()), pipes)


@cache
def _place() -> str:
    folder = tempfile.TemporaryDirectory(prefix="warm-")
    atexit.register(folder.cleanup)
    return folder.name


@cache
def _server(modules: tuple[str, ...]) -> subprocess.Popen[bytes]:
    """The server that has imported these modules; it ends with this process, whose end closes its standard input."""
    variables = {"OMP_NUM_THREADS": "1", "HF_DATASETS_CACHE": f"{_place()}/datasets"}
    return subprocess.Popen(
        [sys.executable, "-m", __name__, *modules],
        cwd=Path(__file__).resolve().parents[2],
        env={**os.environ, **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )


def _serve(orders: IO[bytes], replies: IO[bytes]) -> Order | None:
    """Forks for each order; returns in the new process, and in the server when there are no more."""
    folders: dict[int, Path] = {}

    def bury(number: int, frame: FrameType | None) -> None:
        for pid in list(folders):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                folder = folders.pop(pid)
                (folder / "code.part").write_text(str(os.waitstatus_to_exitcode(status)))
                (folder / "code.part").rename(folder / "code")

    while True:
        signal.signal(signal.SIGCHLD, bury)
        try:
            order: Order = pickle.load(orders)
        except EOFError:
            return None
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if not (pid := os.fork()):
            return order
        folders[pid] = order.folder
        replies.write(f"{pid}\n".encode())
        replies.flush()
        bury(signal.SIGCHLD, None)


def _become(order: Order) -> None:
    """Makes of this new process what a shell makes of one."""
    os.setsid()
    os.chdir(order.cwd)
    os.environ.clear()
    os.environ.update(order.variables)
    for descriptor, path in enumerate(order.pipes, start=1):
        os.dup2(os.open(path, os.O_WRONLY), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if order.first:
        order.first()


def _main() -> None:
    gc.disable()
    for module in sys.argv[1:]:
        importlib.import_module(module)
    gc.freeze()  # or the first collection in each new process copies the memory that it shares with this one
    gc.enable()
    if order := _serve(sys.stdin.buffer, sys.stdout.buffer):
        _become(order)
        sys.argv = ["proactivebench", *order.arguments]
        from cli import main

        main(prog_name="proactivebench")


if __name__ == "__main__":
    _main()
