from __future__ import annotations

import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest
from click.testing import CliRunner

import cli
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation import engine
from proactivebench.evaluation.run_log import RunLog, read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.watcher import Watcher
from proactivebench.frames import Frames
from proactivebench.models.base import Model, PictureError, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import QD, Environment, Sample
from proactivebench.views import ShortEdge
from proactivebench.work.folder import locked
from tests.support.choosing import chosen_samples
from tests.support.example_samples import example_sample
from tests.support.small_benchmark import build_small


@pytest.fixture(scope="module")
def benchmark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"))


@pytest.fixture
def benchmark(benchmark_folder: Path) -> Benchmark:
    return Benchmark.open(benchmark_folder)


def episode(request: Request) -> Environment:
    assert request.environment is not None, "these requests are not a judge's"
    return request.environment


class Scripted(Model):
    """Answers by a function of the request, and remembers the requests."""

    def __init__(self, answer: Callable[[Request], str]):
        self._answer = answer
        self.requests: list[Request] = []

    async def reply(self, request: Request) -> str:
        self.requests.append(request)
        return self._answer(request)

    def identity(self) -> dict[str, object]:
        return {"model": "test"}


def run(benchmark: Benchmark, model: Model, folder: Path, **options: Any) -> Any:
    settings = Settings(**options.pop("settings", {}))
    return engine.evaluate(benchmark, [QD], model, settings, folder, **options)


def test_the_oracle_is_always_right_and_asks_for_every_stroke(benchmark: Benchmark, tmp_path: Path) -> None:
    metrics = run(benchmark, ScriptedModel("oracle"), tmp_path)
    scores = metrics["scenarios"]["QD"]
    strokes = [sample.num_images for sample in benchmark.samples(QD)]
    assert scores["n"] == len(strokes) == 6
    assert scores["acc"] == metrics["average"]["acc"] == 1.0
    assert scores["psr"] == pytest.approx(sum(strokes) / len(strokes) - 1)
    assert scores["wasted_suggestions"] == 0
    assert json.loads((tmp_path / "metrics.json").read_text()) == metrics


def test_abstaining_scores_nothing(benchmark: Benchmark, tmp_path: Path) -> None:
    scores = run(benchmark, ScriptedModel("abstain"), tmp_path)["scenarios"]["QD"]
    assert (scores["acc"], scores["psr"]) == (0.0, 0.0)
    assert scores["answers"] == {"suggestion": 0, "abstention": 1, "category": 0, "unreadable": 0}


def test_the_reference_setting_shows_the_complete_drawing_once(benchmark: Benchmark, tmp_path: Path) -> None:
    model = Scripted(lambda request: episode(request).sample.answer)
    average = run(benchmark, model, tmp_path, settings={"mode": "reference"})["average"]
    assert (average["acc"], average["psr"]) == (1, 0)
    for request in model.requests:
        (message,) = request.messages
        assert message.picture is not None
        assert message.picture.path.name == f"{episode(request).sample.reference_image:04d}.png"
        assert "E. " not in message.text


def test_history_keeps_earlier_turns(benchmark: Benchmark, tmp_path: Path) -> None:
    lengths: dict[int, list[int]] = {}

    def ask(request: Request) -> str:
        sample, messages = episode(request).sample, request.messages
        lengths.setdefault(sample.id, []).append(len(messages))
        assert [message.role for message in messages] == ["user", "assistant"] * (len(messages) // 2) + ["user"]
        assert all(isinstance(message.picture.view, ShortEdge) for message in messages if message.picture)
        return (episode(request).accepted or ("?",))[0]

    run(benchmark, Scripted(ask), tmp_path, settings={"history": True})
    for sample in benchmark.samples(QD):
        assert lengths[sample.id] == list(range(1, 2 * sample.num_images, 2))


@pytest.mark.parametrize("history", [False, True])
def test_a_system_prompt_stands_in_front_of_every_conversation(
    benchmark: Benchmark, tmp_path: Path, history: bool
) -> None:
    model = Scripted(lambda request: episode(request).options[0])
    run(benchmark, model, tmp_path, settings={"system_prompt": "Be brief.", "history": history})
    for request in model.requests:
        roles = [message.role for message in request.messages]
        assert roles == ["system", *["user", "assistant"] * (len(roles) // 2 - 1), "user"]
        assert (request.messages[0].text, request.messages[0].picture) == ("Be brief.", None)
    assert (max(len(request.messages) for request in model.requests) > 2) is history
    assert json.loads((tmp_path / "run.json").read_text())["settings"]["system_prompt"] == "Be brief."


def test_a_failed_picture_is_an_error_and_no_answer(benchmark: Benchmark, tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        if episode(request).sample.id == 0:
            raise PictureError("0000.png: truncated")
        return episode(request).sample.answer

    metrics = run(benchmark, Scripted(answer), tmp_path, max_errors=0.5)
    scores = metrics["scenarios"]["QD"]
    assert (scores["n"], scores["errors"], scores["errors_by_kind"]) == (5, 1, {"picture": 1})
    assert scores["acc"] == 1.0
    with pytest.raises(ProactiveBenchError, match=r"1 of 6 episodes.*sample 0: 0000.png: truncated"):
        run(benchmark, Scripted(answer), tmp_path, max_errors=0.1)
    repaired = run(benchmark, Scripted(lambda request: episode(request).sample.answer), tmp_path)
    assert (repaired["scenarios"]["QD"]["n"], repaired["scenarios"]["QD"]["errors"]) == (6, 0)


def test_too_many_errors_stop_the_run_early(benchmark: Benchmark, tmp_path: Path) -> None:
    def answer(request: Request) -> str:
        raise PictureError("no")

    model = Scripted(answer)
    model.concurrency = 1
    with pytest.raises(ProactiveBenchError, match="ended with an error"):
        run(benchmark, model, tmp_path, max_errors=0)
    assert len(model.requests) == 1


@pytest.mark.parametrize("lost", [1, 40])
def test_a_run_is_continued_where_it_was_torn(benchmark: Benchmark, tmp_path: Path, lost: int) -> None:
    whole = run(benchmark, ScriptedModel("random"), tmp_path / "whole")
    run(benchmark, ScriptedModel("random"), tmp_path / "torn")
    path = tmp_path / "torn" / "episodes.jsonl"
    path.write_bytes(path.read_bytes()[:-lost])
    (tmp_path / "torn" / "metrics.json").unlink()
    watcher = create_autospec(Watcher, instance=True)
    again = run(benchmark, ScriptedModel("random"), tmp_path / "torn", watcher=watcher)
    watcher.begin.assert_called_once_with(6, 5)
    watcher.count.assert_called_once()
    assert again == whole
    assert {e.key: e for e in read_episodes(tmp_path / "torn")} == {e.key: e for e in read_episodes(tmp_path / "whole")}


def test_a_damaged_line_is_an_episode_to_be_played_again(benchmark: Benchmark, tmp_path: Path) -> None:
    whole = run(benchmark, ScriptedModel("random"), tmp_path)
    path = tmp_path / "episodes.jsonl"
    first, second, *others = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([first, second[: len(second) // 2] + others[0], *others[1:]]))
    assert run(benchmark, ScriptedModel("random"), tmp_path) == whole
    assert len({episode.key for episode in read_episodes(tmp_path)}) == 6


@pytest.mark.parametrize("damage", [b"", b"garbage\n", b'{"hash": 1}\n', b"\xff\xfe\n"])
def test_episodes_whose_prompts_are_lost_are_played_again(benchmark: Benchmark, tmp_path: Path, damage: bytes) -> None:
    whole = run(benchmark, ScriptedModel("random"), tmp_path)
    path = tmp_path / "prompts.jsonl"
    prompts = sorted(path.read_bytes().splitlines())
    path.write_bytes(damage + b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    assert run(benchmark, ScriptedModel("random"), tmp_path) == whole
    assert sorted(path.read_bytes().splitlines()) == prompts


def test_other_settings_never_continue_a_run(benchmark: Benchmark, tmp_path: Path) -> None:
    run(benchmark, ScriptedModel("guess"), tmp_path)
    with pytest.raises(UsageError, match=r"settings\.seed was 0, is now 1"):
        run(benchmark, ScriptedModel("guess"), tmp_path, settings={"seed": 1})
    with pytest.raises(UsageError, match=r"model\.model was"):
        run(benchmark, ScriptedModel("ask"), tmp_path)
    path = tmp_path / "run.json"
    identity = json.loads(path.read_text())
    other = {"samples": {"QD": "ab" * 32}, "kept_ids": {"QD": "cd" * 32}}
    path.write_text(json.dumps(identity | {"data": identity["data"] | other}))
    with pytest.raises(
        UsageError, match=r'data\.kept_ids\.QD was "cdcdcd\w+\.\.\.", is now null; other data\.samples\.QD'
    ):
        run(benchmark, ScriptedModel("guess"), tmp_path)


def test_two_processes_never_share_a_run(benchmark: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Frames, "of", lambda *_: pytest.fail("frames were read before the folder was ours"))
    with RunLog(tmp_path), pytest.raises(UsageError, match="in use by another process"):
        run(benchmark, ScriptedModel("guess"), tmp_path)


def test_no_model_is_loaded_for_a_folder_that_is_in_use(
    benchmark: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proactivebench.models.load.load_model", lambda *_: pytest.fail("a model was loaded"))
    engine.evaluate(benchmark, [QD], ScriptedModel("ask"), Settings(mode="oeg"), tmp_path / "run")
    with locked(tmp_path / "run"), locked(tmp_path / "run" / "judge"):
        for command in (
            ["evaluate", "--model", "hf:large", "--data", str(benchmark.folder), "--out", str(tmp_path / "run")],
            ["judge", str(tmp_path / "run"), "--judge", "hf:large"],
        ):
            done = CliRunner().invoke(cli.main, command)
            assert (done.exit_code, "in use by another process" in done.stderr) == (2, True), command


def test_prompts_are_kept_once(benchmark: Benchmark, tmp_path: Path) -> None:
    run(benchmark, ScriptedModel("oracle"), tmp_path)
    texts = [json.loads(line) for line in (tmp_path / "prompts.jsonl").read_text().splitlines()]
    assert len({text["hash"] for text in texts}) == len(texts)
    used = {turn.prompt for episode in read_episodes(tmp_path) for turn in episode.turns}
    assert used == {text["hash"] for text in texts}


def test_a_smaller_limit_plays_a_part_of_a_larger_one() -> None:
    samples = [example_sample("QD", id=number) for number in range(100)]
    small, large = (chosen_samples(QD, samples, Settings(limit=limit)) for limit in (10, 30))
    assert len(small) == 10
    assert {s.id for s in small} < {s.id for s in large}
    assert chosen_samples(QD, samples, Settings(limit=10, seed=1)) == small, "seeds are compared on the same samples"
    assert chosen_samples(QD, samples, Settings()) == samples


def test_a_run_holds_the_samples_that_it_plays_and_no_others(benchmark: Benchmark, tmp_path: Path) -> None:
    def held() -> int:
        return sum(isinstance(thing, Sample) for thing in gc.get_objects())

    class Counting(ScriptedModel):
        concurrency = 1

        async def reply(self, request: Request) -> str:
            seen.append(held())
            return await super().reply(request)

    seen, before = list[int](), held()
    run(benchmark, Counting("guess"), tmp_path, settings={"mode": "reference"})
    assert len(seen) == 6
    assert max(seen) - before <= 2


def test_an_episode_that_is_there_twice_counts_once(benchmark: Benchmark, tmp_path: Path) -> None:
    whole = run(benchmark, ScriptedModel("random"), tmp_path)
    path = tmp_path / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[0], lines[3]]))
    assert len(list(read_episodes(tmp_path))) == 6
    assert run(benchmark, ScriptedModel("random"), tmp_path) == whole
    path.write_bytes(b"".join([*lines, lines[0].replace(b'"source":"', b'"source":"other ')]))
    with pytest.raises(ProactiveBenchError, match=r"line 7: \('QD', \d, 0\) is in line 1 already, with other contents"):
        list(read_episodes(tmp_path))


RECORD = {"scenario": "QD", "id": 9, "source": "a", "answer": "b", "turns": [], "correct": False, "max_turns": 1}


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "1",
        "null",
        "{}",
        json.dumps(RECORD | {"turns": []}),
        json.dumps(RECORD | {"scenario": "sketches", "error": {"kind": "server", "message": "gone"}}),
    ],
)
def test_lines_of_another_shape_are_named_and_replayed(benchmark: Benchmark, tmp_path: Path, line: str) -> None:
    whole = run(benchmark, ScriptedModel("random"), tmp_path)
    with (tmp_path / "episodes.jsonl").open("a") as file:
        file.write(line + "\n")
    with (tmp_path / "prompts.jsonl").open("a") as file:
        file.write(line + '\n{"hash": ["a"], "text": "b"}\n')
    with pytest.raises(ProactiveBenchError, match="line 7: no episode record"):
        list(read_episodes(tmp_path))
    assert run(benchmark, ScriptedModel("random"), tmp_path) == whole


@pytest.mark.parametrize("text", ["[" * 100_000, "[]", "1", '"run"', "{"])
def test_a_description_of_another_shape_is_named(benchmark: Benchmark, tmp_path: Path, text: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UsageError, match=r"run\.json"):
        run(benchmark, ScriptedModel("random"), tmp_path)
