"""Runs that are killed, interrupted, out of disk space or started twice: nothing is lost, or counted twice."""

from __future__ import annotations

import random
import resource
import signal
import time
from functools import partial
from pathlib import Path

import pytest

from commands.shared import RESUME
from proactivebench.evaluation.run_log import read_episodes
from tests.support.processes import PATIENCE, begun, finished, wait_until
from tests.support.slow_model import SLOW, evaluation
from tests.support.small_benchmark import build_small
from tests.support.warm import NETWORK

SAMPLES = 42

STALLS = {"STALLS": "12"}
"""Makes the model stop in the middle of the run, however long it is given."""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=SAMPLES // 3)


@pytest.fixture(scope="module")
def undisturbed(data: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The scores of the slow model."""
    return finish(data, tmp_path_factory.mktemp("undisturbed"))


def finish(data: Path, folder: Path) -> bytes:
    """Plays a run to its end undisturbed, and returns the scores."""
    done = finished(evaluation(SLOW, data, folder))
    assert done.returncode == 0, done.stderr
    assert len(list(read_episodes(folder))) == SAMPLES
    return (folder / "metrics.json").read_bytes()


def opened(run: Path) -> int:
    """Changes whenever a process has made itself ready to play a run; 0 before the first."""
    path = run / "episodes.jsonl"
    return path.stat().st_ino if path.exists() else 0


def reopened(run: Path, before: int) -> bool:
    return opened(run) != before


def test_killed_at_six_moments_a_run_ends_with_the_same_scores(data: Path, undisturbed: bytes, tmp_path: Path) -> None:
    moments = random.Random(0)
    kept: list[int] = []
    for _ in range(6):
        before = opened(tmp_path)
        with begun(evaluation(SLOW, data, tmp_path), variables=STALLS) as process:
            wait_until(partial(reopened, tmp_path, before), process)
            if not kept:  # the others may be killed before they finish anything
                wait_until(lambda: any(read_episodes(tmp_path)), process)
            time.sleep(moments.uniform(0, 0.05))
            process.kill()
        kept.append(len(list(read_episodes(tmp_path))))
    assert kept == sorted(kept), "what was finished stays"
    assert 0 < kept[0] < SAMPLES
    assert finish(data, tmp_path) == undisturbed


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_and_a_polite_kill_keep_what_is_finished(
    data: Path, undisturbed: bytes, tmp_path: Path, how: signal.Signals
) -> None:
    with begun(evaluation(SLOW, data, tmp_path), variables=STALLS) as process:
        wait_until(lambda: any(read_episodes(tmp_path)), process)
        process.send_signal(how)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert f"Interrupted. {RESUME}" in said
    assert "Traceback" not in said
    assert 0 < len(list(read_episodes(tmp_path))) < SAMPLES
    assert finish(data, tmp_path) == undisturbed


def test_where_ctrl_c_is_ignored_a_polite_kill_ends_the_run(data: Path, tmp_path: Path) -> None:
    ignore = partial(signal.signal, signal.SIGINT, signal.SIG_IGN)
    with begun(evaluation(SLOW, data, tmp_path), variables=STALLS, first=ignore) as process:
        wait_until(lambda: any(read_episodes(tmp_path)), process)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Interrupted" in said


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_reply_that_is_being_generated_is_ended(data: Path, tmp_path: Path, how: signal.Signals) -> None:
    pytest.importorskip("torch")
    from tests.support.tiny_models import tiny_model

    model = str(tiny_model("llava", tmp_path / "model"))
    with begun(evaluation(model, data, tmp_path / "run", "--max-new-tokens=1000000"), modules=NETWORK) as process:
        wait_until(lambda: opened(tmp_path / "run") != 0, process)
        time.sleep(1)  # most often it generates by then; before, it has to end as well
        process.send_signal(how)
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert "Interrupted" in said
    assert "Traceback" not in said


@pytest.mark.parametrize("size", [100, 2_000, 10_000])
def test_a_full_disk_is_explained_and_loses_nothing(data: Path, undisturbed: bytes, tmp_path: Path, size: int) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    with begun(evaluation(SLOW, data, tmp_path), first=limit) as process:
        _, said = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1, said
    assert f"File too large. {RESUME}" in said
    assert "Traceback" not in said
    assert finish(data, tmp_path) == undisturbed


def test_a_second_process_is_refused(data: Path, undisturbed: bytes, tmp_path: Path) -> None:
    with begun(evaluation(SLOW, data, tmp_path), variables=STALLS) as first:
        wait_until(lambda: opened(tmp_path) != 0, first)
        second = finished(evaluation(SLOW, data, tmp_path))
        assert first.poll() is None
    assert second.returncode == 2
    assert "in use by another process" in second.stderr
    assert finish(data, tmp_path) == undisturbed
