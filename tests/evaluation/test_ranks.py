"""Two processes play one run together, as `torchrun` and `accelerate launch` start them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock

import cli
from proactivebench.evaluation.run_log import read_episodes, read_prompts
from proactivebench.work.ranks import Ranks
from tests.support.processes import run
from tests.support.slow_model import SLOW, evaluation
from tests.support.small_benchmark import build_small

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=8)


def launch(model: str, data: Path, out: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", 2, "cli.py"]
    return run([*launcher, *evaluation(model, data, out, *options)], variables=variables)


def alone(model: str, data: Path, out: Path, *options: str) -> bytes:
    """The scores of the same evaluation by one process, this one."""
    played = CliRunner().invoke(cli.main, evaluation(model, data, out, *options))
    assert played.exit_code == 0, played.output
    return (out / "metrics.json").read_bytes()


def test_work_is_shared_out_without_rest() -> None:
    shares = [Ranks(rank, 3).share(range(10)) for rank in range(3)]
    assert sorted(number for share in shares for number in share) == list(range(10))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_two_processes_play_what_one_would(data: Path, tmp_path: Path) -> None:
    from tests.support.tiny_models import tiny_model

    model = str(tiny_model("llava", tmp_path / "model"))
    short = "--max-new-tokens=5"
    together = launch(model, data, tmp_path / "two", short)
    assert together.returncode == 0, together.stderr
    assert together.stderr.count("Everything is in") == 1
    assert (tmp_path / "two" / "metrics.json").read_bytes() == alone(model, data, tmp_path / "one", short)
    one, two = ({episode.key: episode for episode in read_episodes(tmp_path / name)} for name in ("one", "two"))
    assert two == one
    assert len((tmp_path / "two" / "prompts.jsonl").read_bytes().splitlines()) == len(read_prompts(tmp_path / "one"))


def test_one_of_two_dies_and_one_goes_on(data: Path, tmp_path: Path) -> None:
    broken = launch(SLOW, data, tmp_path / "two", DOOMED="1")
    assert broken.returncode != 0
    assert not (tmp_path / "two" / "metrics.json").exists()
    kept = len(list(read_episodes(tmp_path / "two")))
    assert 0 < kept < 24
    assert alone(SLOW, data, tmp_path / "two") == alone(SLOW, data, tmp_path / "one")
    assert len(list(read_episodes(tmp_path / "two"))) == 24


def test_two_processes_are_refused_where_another_plays(data: Path, tmp_path: Path) -> None:
    alone(SLOW, data, tmp_path)
    with FileLock(tmp_path / ".lock"):
        refused = launch(SLOW, data, tmp_path)
    assert refused.returncode != 0
    assert "in use by another process" in refused.stderr
