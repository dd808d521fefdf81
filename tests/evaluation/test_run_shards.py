"""Runs in shards: put together they are the run that one machine plays, and nothing else is put together."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.merge import merge_run
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.verify import verify_run
from proactivebench.models.base import Model, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.work.shards import Shard, read_shard
from tests.support.all_scenarios import ALL, four_samples_each

SETTINGS = Settings(filtered=False, repeats=2)
PLACED = {".lock", "episodes.jsonl", "metrics.json", "prompts.jsonl", "run.json", "where.json"}


class Dying(Model):
    """Plays like a scripted model that asks, and dies after some replies."""

    concurrency = 1

    def __init__(self, replies: int = 10**9, server: str | None = None):
        self._asks = ScriptedModel("ask")
        self._left = replies
        self._server = server

    async def reply(self, request: Request) -> str:
        self._left -= 1
        if self._left < 0:
            raise KeyboardInterrupt
        return await self._asks.reply(request)

    def identity(self) -> Mapping[str, object]:
        return {"model": "asks", **({"server": self._server} if self._server else {})}


@pytest.fixture(scope="module")
def benchmark_(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return four_samples_each(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def whole(benchmark_: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    evaluate(benchmark_, ALL, Dying(), SETTINGS, folder)
    return folder


def play(benchmark: Benchmark, out: Path, of: int, model: Callable[[], Model] = Dying) -> None:
    for number in range(1, of + 1):
        evaluate(benchmark, ALL, model(), SETTINGS, out, shard=Shard(number, of))


def lines(run: Path, name: str) -> list[str]:
    return sorted((run / name).read_text().splitlines())


@pytest.mark.parametrize("of", [1, 5])
def test_shards_of_which_two_were_killed_become_the_run_of_one_machine(
    benchmark_: Benchmark, whole: Path, tmp_path: Path, of: int
) -> None:
    run = tmp_path / "run"
    for number in range(1, of + 1):
        if number in (2, 4):
            with pytest.raises(KeyboardInterrupt):
                evaluate(benchmark_, ALL, Dying(3), SETTINGS, run, shard=Shard(number, of))
        evaluate(benchmark_, ALL, Dying(), SETTINGS, run, shard=Shard(number, of))
    merge_run(run)
    assert {path.name for path in run.iterdir()} == PLACED
    for name in ("episodes.jsonl", "prompts.jsonl"):
        assert lines(run, name) == lines(whole, name)
    for name in ("run.json", "metrics.json"):
        assert json.loads((run / name).read_text()) == json.loads((whole / name).read_text())
    assert verify_run(run, benchmark_) == []
    evaluate(benchmark_, ALL, Dying(0), SETTINGS, run)  # nothing is left to play


def test_every_shard_has_about_the_same_work(benchmark_: Benchmark, tmp_path: Path) -> None:
    play(benchmark_, tmp_path, 2)
    played = [len(list(read_episodes(tmp_path / "shards" / f"{number}-of-2"))) for number in (1, 2)]
    assert sum(played) == 56
    assert min(played) > 15


def test_what_is_missing_or_not_complete_is_named(benchmark_: Benchmark, tmp_path: Path) -> None:
    for number in (1, 3):
        evaluate(benchmark_, ALL, Dying(), SETTINGS, tmp_path, shard=Shard(number, 4))
    with pytest.raises(KeyboardInterrupt):
        evaluate(benchmark_, ALL, Dying(1), SETTINGS, tmp_path, shard=Shard(4, 4))
    with pytest.raises(UsageError, match=r"lacks 2/4, 4/4 \(begun, not complete: 4/4\)\. Run .* --shard 2/4 and so on"):
        merge_run(tmp_path)
    assert (tmp_path / "shards" / "1-of-4" / "episodes.jsonl").is_file()


def test_shards_of_other_runs_and_divisions_are_refused(benchmark_: Benchmark, tmp_path: Path) -> None:
    play(benchmark_, tmp_path / "run", 2)
    evaluate(benchmark_, ALL, Dying(), Settings(filtered=False, hint=True), tmp_path / "other", shard=Shard(2, 2))
    shutil.copytree(tmp_path / "run", tmp_path / "mixed")
    shutil.rmtree(tmp_path / "mixed" / "shards" / "2-of-2")
    shutil.copytree(tmp_path / "other" / "shards" / "2-of-2", tmp_path / "mixed" / "shards" / "2-of-2")
    with pytest.raises(UsageError, match=r"different runs: settings\.hint was false, is now true"):
        merge_run(tmp_path / "mixed")
    evaluate(benchmark_, ALL, Dying(), SETTINGS, tmp_path / "run", shard=Shard(1, 3))
    with pytest.raises(UsageError, match="holds shards of 2 and of 3"):
        merge_run(tmp_path / "run")


def test_a_renamed_shard_does_not_stand_for_another(benchmark_: Benchmark, tmp_path: Path) -> None:
    evaluate(benchmark_, ALL, Dying(), SETTINGS, tmp_path, shard=Shard(1, 2))
    shutil.copytree(tmp_path / "shards" / "1-of-2", tmp_path / "shards" / "2-of-2")
    with pytest.raises(UsageError, match="says that it is shard 1/2"):
        merge_run(tmp_path)


def test_a_run_that_is_whole_is_not_played_in_shards(benchmark_: Benchmark, whole: Path) -> None:
    with pytest.raises(UsageError, match="holds a run that is not in shards"):
        evaluate(benchmark_, ALL, Dying(), SETTINGS, whole, shard=Shard(1, 2))


def test_shards_may_ask_different_servers(benchmark_: Benchmark, tmp_path: Path) -> None:
    servers = iter(["http://b:8000/v1", "http://a:8000/v1"])
    play(benchmark_, tmp_path, 2, lambda: Dying(server=next(servers)))
    merge_run(tmp_path)
    assert json.loads((tmp_path / "run.json").read_text())["model"] == {
        "model": "asks",
        "server": ["http://a:8000/v1", "http://b:8000/v1"],
    }


def test_episodes_that_are_played_as_a_group_stay_together(benchmark_: Benchmark, tmp_path: Path) -> None:
    class Groups(Dying):
        concurrency = group = 4

    evaluate(benchmark_, ALL, Groups(), SETTINGS, tmp_path / "whole")
    order = [episode.key for episode in read_episodes(tmp_path / "whole")]
    groups = [set(order[start : start + 4]) for start in range(0, len(order), 4)]
    play(benchmark_, tmp_path / "run", 3, Groups)
    for number in (1, 2, 3):
        played = {episode.key for episode in read_episodes(tmp_path / "run" / "shards" / f"{number}-of-3")}
        assert all(group <= played or group.isdisjoint(played) for group in groups)


@pytest.mark.parametrize("text", ["0/7", "8/7", "7", "-1/7", "1/0", "1/7/9", "a/b", "²/7"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is not a shard: expected its number and how many there are, from 1/7 to 7/7"):
        read_shard(text)


def test_the_command_says_what_to_do_next(small_runs: Path, tmp_path: Path) -> None:
    def call(*arguments: object) -> str:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
        return f"{result.exit_code}: {' '.join(result.output.split())}"

    evaluate_ = ("evaluate", "--model", "scripted:ask", "--data", small_runs / "data", "--out", tmp_path)
    assert f"Shard 1/2 is played. When all are, put them together: proactivebench merge {tmp_path}" in call(
        *evaluate_, "--shard", "1/2"
    )
    assert call("merge", tmp_path).startswith("2: Error:")
    call(*evaluate_, "--shard", "2/2")
    assert call("merge", tmp_path).startswith("0: ")
    assert json.loads((tmp_path / "metrics.json").read_text()) == json.loads(
        (small_runs / "ask" / "metrics.json").read_text()
    )
    assert call("merge", tmp_path) == f"0: {tmp_path} is merged already."
