"""verifiers' own loader, environment and command, with a local server as the model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("verifiers", reason="verifiers does not install beside the pinned versions: make test-verifiers")

from proactivebench.prompts import shown
from tests.support import seeing
from tests.support.processes import ROOT
from tests.support.stub_server import serve_completions

PACKAGE = ROOT / "environments" / "proactivebench_env"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verifiers")
    seeing.play_seeing(seeing.build_seen(folder / "data"), folder / "run")
    return folder


def evaluate(folder: Path, *options: str, answer: Callable[[list[Any]], str] = seeing.of_chat) -> list[dict[str, Any]]:
    """The episodes that the command wrote, of a model behind a server."""
    out = folder / f"outputs{len(list(folder.iterdir()))}"
    with serve_completions() as server:
        server.reply = lambda body: answer(body["messages"])
        command = [Path(sys.executable).with_name("vf-eval"), "proactivebench-env", "-m", "m", "-o", out, "-c", "4"]
        command += ["--env.taskset.data", folder / "data", "--client.base-url", server.url, "--no-push", "--no-rich"]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        variables = {**os.environ, "PATH": path, "PYTHONPATH": f"{PACKAGE}:{ROOT}", "OPENAI_API_KEY": "none"}
        done = subprocess.run(
            [*map(str, command), *options], cwd=folder, env=variables, capture_output=True, text=True, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    [traces] = out.rglob("traces.jsonl")
    return [json.loads(line) for line in traces.read_bytes().splitlines()]


def scores(episodes: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    assert all(one["ok"] for one in episodes)
    return {one["task"]["key"]: one["traces"][-1]["metrics"] for one in episodes}


def rewards(episode: dict[str, Any]) -> list[float]:
    return [trace["rewards"]["reward"]["score"] for trace in episode["traces"]]


def test_the_scores_are_those_of_evaluate(folder: Path) -> None:
    """Every turn is a trace of its own, and earns what is earned from there on."""
    episodes = evaluate(folder, "--env.suggestion-reward", "-0.25")
    ours = seeing.scores_of(folder / "run")
    assert scores(episodes) == ours
    assert any(score["psr"] for score in ours.values())
    for episode in episodes:
        acc, psr = (ours[episode["task"]["key"]][score] for score in ("acc", "psr"))
        assert rewards(episode) == [acc - 0.25 * left for left in range(int(psr), -1, -1)]
        assert episode["traces"][-1]["info"]["proactivebench"]["turns"]


def test_with_history_an_episode_is_one_conversation(folder: Path) -> None:
    seeing.play_seeing(folder / "data", folder / "history", history=True)
    episodes = evaluate(folder, "--env.taskset.history", "--env.suggestion-reward", "0.75")
    ours = seeing.scores_of(folder / "history")
    assert scores(episodes) == ours
    assert {one["task"]["key"]: rewards(one) for one in episodes} == {
        key: [score["acc"] + 0.75 * score["psr"]] for key, score in ours.items()
    }


def test_a_reference_frame_is_asked_once(folder: Path) -> None:
    seeing.play_seeing(folder / "data", folder / "reference", mode="reference")
    assert scores(evaluate(folder, "--env.taskset.mode", "reference")) == seeing.scores_of(folder / "reference")


def test_a_turn_alone_earns_what_the_paper_gives_it(folder: Path) -> None:
    options = ("--env.suggestion-reward", "0.75", "--env.credit", "turn", "--env.taskset.scenario", "qd", "-n", "4")
    for episode in evaluate(folder, *options):
        *before, last = rewards(episode)
        assert before == [0.75] * len(before)
        assert last == episode["traces"][-1]["metrics"]["acc"]


def test_a_suggestion_that_comes_too_late_earns_nothing(folder: Path) -> None:
    def ask(messages: list[Any]) -> str:
        return next(text for text in shown(messages[-1]["content"][-1]["text"]).options if "to the left" in text)

    options = ("--env.suggestion-reward", "0.75", "--env.credit", "turn", "--env.taskset.scenario", "rod", "-n", "1")
    [episode] = evaluate(folder, *options, answer=ask)
    assert rewards(episode) == [0.75] * 13 + [0]


def test_the_package_builds(tmp_path: Path) -> None:
    hatchling = pytest.importorskip("hatchling.builders.wheel")
    [wheel] = hatchling.WheelBuilder(str(PACKAGE)).build(directory=str(tmp_path), versions=["standard"])
    assert zipfile.ZipFile(wheel).read("proactivebench_env/__init__.py")
