"""Our own program, started from a process that has imported already what takes it a second or five to import.

What begins here is what begins on a command line: a process and a group of its own, the same arguments, variables,
signals and exit codes. Only the imports are shared, by a server for each choice of modules, which forks for each
program. Variables that a module reads while it is imported come too late where it is among those.
"""

from __future__ import annotations

import atexit
import importlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
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
    """A program to begin; `folder` takes what it says and its exit code."""

    arguments: list[str]
    cwd: str
    variables: dict[str, str]
    folder: Path
    first: Callable[[], object] | None


class Program:
    """A program that runs, with what `subprocess.Popen` offers that tests use."""

    def __init__(self, order: Order, pid: int) -> None:
        self.args, self.pid, self.returncode = order.arguments, pid, None
        self._folder = order.folder

    returncode: int | None

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
        return self._read("output"), self._read("errors")

    def said(self) -> str:
        """Output and errors so far."""
        return self._read("output") + self._read("errors")

    def _read(self, name: str) -> str:
        path = self._folder / name
        return path.read_text(encoding="utf-8") if path.exists() else ""

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
    server = _server(modules)
    assert server.stdin and server.stdout
    pickle.dump(order, server.stdin)
    server.stdin.flush()
    return Program(order, int(server.stdout.readline()))


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
    for descriptor, name in ((1, "output"), (2, "errors")):
        os.dup2(os.open(order.folder / name, os.O_WRONLY | os.O_CREAT), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if order.first:
        order.first()


def _main() -> None:
    for module in sys.argv[1:]:
        importlib.import_module(module)
    if order := _serve(sys.stdin.buffer, sys.stdout.buffer):
        _become(order)
        sys.argv = ["proactivebench", *order.arguments]
        from cli import main

        main(prog_name="proactivebench")


if __name__ == "__main__":
    _main()
