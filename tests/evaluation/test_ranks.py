"""Two processes play one run together, as `torchrun` and `accelerate launch` start them."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest
from click.testing import CliRunner
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st

import cli
from proactivebench.evaluation.run_log import read_episodes, read_prompts
from proactivebench.work.ranks import Ranks
from tests.support.processes import PATIENCE, begun, run
from tests.support.slow_model import SLOW, evaluation
from tests.support.small_benchmark import build_small
from tests.support.warm import NETWORK

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=8)


def launch(model: str, data: Path, out: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Two processes, as `torchrun` starts them and ends them."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", 2, "cli.py"]
    return run([*launcher, *evaluation(model, data, out)], variables=variables)


def two(model: str, data: Path, out: Path, *options: str) -> list[tuple[int, str]]:
    """Exit codes and errors of two processes that have the variables of a launcher, without the wait for one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        variables = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    arguments = evaluation(model, data, out, *options)
    with ExitStack() as ends:
        programs = [
            ends.enter_context(begun(arguments, variables={**variables, "RANK": str(rank)}, modules=NETWORK))
            for rank in range(2)
        ]
        errors = [program.communicate(PATIENCE)[1] for program in programs]
        return [(program.wait(0), said) for program, said in zip(programs, errors, strict=True)]


def alone(model: str, data: Path, out: Path, *options: str) -> bytes:
    """The scores of the same evaluation by one process, this one."""
    played = CliRunner().invoke(cli.main, evaluation(model, data, out, *options))
    assert played.exit_code == 0, played.output
    return (out / "metrics.json").read_bytes()


def crew(pieces: int, size: int) -> list[Callable[[int], int | None]]:
    """How each of some processes takes numbers."""
    taken = 0

    def add(more: int) -> int:
        nonlocal taken
        taken += more
        return taken

    return [Ranks(rank, size, lambda: add).share(range(pieces), pieces).take for rank in range(size)]


@given(pieces=st.integers(0, 40), size=st.integers(1, 5), chance=st.randoms(use_true_random=False))
def test_every_piece_is_taken_once_however_the_processes_take_turns(
    pieces: int, size: int, chance: random.Random
) -> None:
    processes = crew(pieces, size)
    hands: list[list[int]] = [[] for _ in processes]
    done: list[int] = []
    working = set(range(size))
    while working:
        rank = chance.choice(sorted(working))
        hand = hands[rank]
        if hand and chance.random() < 0.4:
            done.append(hand.pop())
        elif (piece := processes[rank](len(hand))) is not None:
            hand.append(piece)
        elif not hand:
            working.remove(rank)
    assert sorted(done) == list(range(pieces))


def test_the_first_to_come_leaves_the_others_their_share() -> None:
    first, second = crew(24, 2)
    in_hand = 0
    while first(in_hand) is not None:
        in_hand += 1
    assert in_hand == 12
    assert second(0) == 12


def test_a_slow_process_holds_nobody_up() -> None:
    quick, slow = crew(24, 2)
    assert slow(0) == 0
    taken = [quick(0) for _ in range(24)]
    assert taken == [*range(1, 24), None], "while the slow one has its first in hand"


def test_two_processes_play_what_one_would(data: Path, tmp_path: Path) -> None:
    from tests.support.tiny_models import tiny_model

    model = str(tiny_model("llava", tmp_path / "model"))
    short = "--max-new-tokens=5"
    first, second = two(model, data, tmp_path / "two", short)
    assert (first[0], second[0]) == (0, 0), f"{first[1]}\n{second[1]}"
    assert ("Everything is in" in first[1], "Everything is in" in second[1]) == (True, False)
    assert (tmp_path / "two" / "metrics.json").read_bytes() == alone(model, data, tmp_path / "one", short)
    by_one, by_two = ({one.key: one for one in read_episodes(tmp_path / name)} for name in ("one", "two"))
    assert by_two == by_one
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
        first, second = two(SLOW, data, tmp_path)
    assert (first[0], second[0]) == (2, 1)
    assert "in use by another process" in first[1]
