"""Runs that are killed, interrupted, out of disk space or started twice: nothing is lost, or counted twice."""

from __future__ import annotations

import os
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from proactivebench.evaluation.run_log import read_episodes
from tests.slow_model import ROOT, SLOW, evaluation
from tests.small_benchmark import build_small

SAMPLES = 42


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=SAMPLES // 3)


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The scores of the slow model."""
    run = tmp_path_factory.mktemp("undisturbed")
    subprocess.run(evaluation(SLOW, data, run), cwd=ROOT, check=True, capture_output=True)
    return (run / "metrics.json").read_bytes()


def start(command: list[str], pause: float = 0.0, **settings: Any) -> subprocess.Popen[str]:
    environment = os.environ | {"PAUSE": str(pause), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, cwd=ROOT, env=environment, text=True, **pipes, **settings)


def finish(command: list[str], run: Path) -> bytes:
    """Repeats a command undisturbed, and returns the scores."""
    process = start(command)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return (run / "metrics.json").read_bytes()


def wait_until(happened: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Waits for something that a process does, or for its end."""
    limit = time.monotonic() + 60
    while not happened() and process.poll() is None:
        assert time.monotonic() < limit
        time.sleep(0.005)


def opened(run: Path) -> int:
    """Changes whenever a process has made itself ready to play a run; 0 before the first."""
    path = run / "episodes.jsonl"
    return path.stat().st_ino if path.exists() else 0


def test_killed_at_twenty_moments_a_run_ends_with_the_same_scores(
    data: Path, undisturbed: bytes, tmp_path: Path
) -> None:
    command = evaluation(SLOW, data, tmp_path)
    moments = random.Random(0)
    kept = []
    for _ in range(20):
        before = opened(tmp_path)
        process = start(command, pause=0.05)
        wait_until(lambda before=before: opened(tmp_path) != before, process)
        time.sleep(moments.uniform(0, 0.15))
        process.kill()
        process.communicate()
        kept.append(len(list(read_episodes(tmp_path))))
    assert kept == sorted(kept), "what was finished stays"
    assert any(0 < number < SAMPLES for number in kept), "or the kills hit nothing"
    assert finish(command, tmp_path) == undisturbed
    assert len(list(read_episodes(tmp_path))) == SAMPLES


def test_ctrl_c_keeps_what_is_finished(data: Path, undisturbed: bytes, tmp_path: Path) -> None:
    command = evaluation(SLOW, data, tmp_path)
    process = start(command, pause=1)  # all would take more than ten seconds
    wait_until(lambda: any(read_episodes(tmp_path)), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said
    assert 0 < len(list(read_episodes(tmp_path))) < SAMPLES
    assert finish(command, tmp_path) == undisturbed


def test_ctrl_c_ends_a_reply_that_is_being_generated(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.tiny_models import tiny_model

    model = str(tiny_model("llava", tmp_path / "model"))
    process = start(evaluation(model, data, tmp_path / "run", "--max-new-tokens=1000000"))
    wait_until(lambda: opened(tmp_path / "run") != 0, process)
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("size", [100, 2_000, 10_000])
def test_a_full_disk_is_explained_and_loses_nothing(data: Path, undisturbed: bytes, tmp_path: Path, size: int) -> None:
    command = evaluation(SLOW, data, tmp_path)
    process = start(command, preexec_fn=partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size)))
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1, said
    assert "cannot write" in said
    assert "Traceback" not in said
    assert finish(command, tmp_path) == undisturbed
    assert len(list(read_episodes(tmp_path))) == SAMPLES


def test_a_second_process_is_refused(data: Path, undisturbed: bytes, tmp_path: Path) -> None:
    command = evaluation(SLOW, data, tmp_path)
    first = start(command, pause=0.1)
    wait_until(lambda: opened(tmp_path) != 0, first)
    second = start(command)
    _, said = second.communicate(timeout=60)
    assert second.returncode == 2
    assert "in use by another process" in said
    assert first.wait(timeout=60) == 0
    assert (tmp_path / "metrics.json").read_bytes() == undisturbed
