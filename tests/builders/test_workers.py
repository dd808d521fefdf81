"""The processes that build: how they end."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from builders.pipeline import workers
from builders.pipeline.build import build
from builders.pipeline.workers import WorkerError, Workers
from tests.support.fake_builder import (
    FakeBuilder,
    content,
)
from tests.support.processes import PATIENCE, ROOT, started, wait_until


def building(folder: Path) -> AbstractContextManager[subprocess.Popen[str]]:
    """A process of its own that builds with two workers and never comes to an end."""
    script = folder.with_name("script.py")
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom builders.pipeline.build import build\n"
        "import pytest\nfrom tests.support.fake_builder import FakeBuilder, wait_for_workers\n"
        "if __name__ == '__main__':\n    wait_for_workers(pytest.MonkeyPatch())\n"
        "    build(FakeBuilder(stalls=True), Path(sys.argv[1]), workers=2)\n"
    )
    places = {"PYTHONPATH": str(ROOT)}
    return started([sys.executable, script, folder], variables=places)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_stopped_process_takes_its_workers_along_and_loses_nothing(tmp_path: Path, how: signal.Signals) -> None:
    folder = tmp_path / "out"
    journal = folder / ".QuickDraw.journal"
    with building(folder) as process:
        wait_until(lambda: journal.exists() and journal.read_bytes().count(b"\n") >= 9, process)
        process.send_signal(how)
        process.communicate(timeout=PATIENCE)  # the workers hold the pipe too: it ends when they have ended
    assert process.returncode == -how
    build(FakeBuilder(), folder)
    build(FakeBuilder(), tmp_path / "whole")
    assert content(folder) == content(tmp_path / "whole")


def test_workers_that_are_still_starting_leave_ctrl_c_to_the_process(tmp_path: Path) -> None:
    with building(tmp_path / "out") as process:
        wait_until((tmp_path / "out" / ".QuickDraw.journal").exists, process)
        time.sleep(0.1)  # most often they are still starting by then; later they have to leave it alone as well
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=PATIENCE)
    assert said.count("Traceback") <= 1  # the process's own


def process_of(shared: object, item: int) -> int:
    return os.getpid()


def test_little_work_is_done_before_anybody_else_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    with Workers(2, None) as pool:
        assert set(pool.map(process_of, range(1000))) == {os.getpid()}
        assert not multiprocessing.active_children()


def test_this_process_works_until_the_others_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(workers, "_METHOD", "spawn")  # which takes a while
    monkeypatch.setattr(workers, "_ALONE_SECONDS", 0.0)
    done = []
    with Workers(2, None) as pool:
        for process in pool.map(process_of, itertools.count()):
            done.append(process)
            if process != os.getpid():
                break
    assert len(done) > 1
    assert set(done[:-1]) == {os.getpid()}


def end_abruptly(shared: int, item: int) -> int:
    if item == shared:
        os._exit(1)
    return item


def test_a_worker_that_is_ended_from_outside_is_an_error() -> None:
    with Workers(2, 30) as pool:
        assert list(pool.map(end_abruptly, range(30))) == list(range(30))
        with pytest.raises(WorkerError, match="memory"):
            list(pool.map(end_abruptly, range(40)))
