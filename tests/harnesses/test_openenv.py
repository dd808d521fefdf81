"""OpenEnv's own server, client and validator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("openenv", reason="openenv does not install beside the pinned versions: make test-openenv")

import uvicorn

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.harnesses import openenv_environment as ours
from proactivebench.harnesses.episodes import DATA, SETTINGS
from proactivebench.models.base import Message, Request
from proactivebench.models.scripted import ScriptedModel
from proactivebench.scenarios import make_environment
from tests.support import seeing
from tests.support.processes import ROOT

PACKAGE = ROOT / "environments" / "openenv"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("openenv")
    seeing.play_seeing(seeing.build_seen(folder / "data"), folder / "run")
    return folder


@pytest.fixture(scope="module")
def url(folder: Path) -> Iterator[str]:
    """The address of the package's own server."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(DATA, str(folder / "data"))
        patch.syspath_prepend(str(PACKAGE))
        server = uvicorn.Server(uvicorn.Config("server.app:app", port=0, log_level="warning"))
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.05)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        server.should_exit = True
        thread.join()


def scripted(name: str, data: Path, url: str) -> dict[str, float]:
    """Rewards of a scripted model, which looks at an environment of its own that hears the same replies."""
    benchmark = Benchmark.open(data)
    samples = {f"{one.name}/{sample.id}": sample for one in benchmark.scenarios for sample in benchmark.samples(one)}
    rewards: dict[str, float] = {}
    with ours.ProactiveBenchEnv(base_url=url).sync() as client:
        for key, sample in samples.items():
            environment = make_environment(sample)
            result = client.reset(id=key)
            total = 0.0
            while not result.done:
                text = result.observation.messages[-1]["content"][1]["text"]
                request = Request((Message("user", text),), environment, seed=len(rewards))
                reply = asyncio.run(ScriptedModel(name).reply(request))
                environment.step(reply)
                result = client.step(ours.ProactiveBenchAction(reply=reply))
                total += result.reward
            rewards[key] = total
    return rewards


def test_the_scores_are_those_of_evaluate(folder: Path, url: str) -> None:
    played = {}
    with ours.ProactiveBenchEnv(base_url=url).sync() as client:
        for index in range(len(seeing.scores_of(folder / "run"))):
            result = client.reset(split="test", index=index)
            while not result.done:
                result = client.step(ours.ProactiveBenchAction(reply=seeing.of_chat(result.observation.messages)))
            played[result.observation.id] = result.observation.scores
            assert result.observation.record["turns"]
        assert client.state().step_count
    assert played == seeing.scores_of(folder / "run")


@pytest.mark.parametrize("settings", [{"history": True}, {"mode": "reference"}])
def test_other_settings_have_the_records_of_evaluate(
    settings: dict[str, object], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = seeing.play_seeing(folder / "data", tmp_path / "run", **settings)
    monkeypatch.setenv(DATA, str(folder / "data"))
    monkeypatch.setenv(SETTINGS, json.dumps(settings))
    environment = ours.ProactiveBenchEnvironment()
    for episode in read_episodes(run):
        seen = environment.reset(id=f"{episode.scenario}/{episode.id}")
        while not seen.done:
            seen = environment.step(ours.ProactiveBenchAction(reply=seeing.of_chat(seen.messages)))
        assert (seen.scores, seen.record) == (episode.scores, episode.model_dump(mode="json", exclude_defaults=True))


@pytest.mark.parametrize("settings", ["[", "3", '{"mode": "oeg"}', '{"modus": 1}'])
def test_settings_that_cannot_be_played_are_refused(
    settings: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATA, str(folder / "data"))
    monkeypatch.setenv(SETTINGS, settings)
    with pytest.raises(UsageError):
        ours.ProactiveBenchEnvironment()


def test_the_oracle_is_the_ceiling_and_guessing_the_floor(folder: Path, url: str) -> None:
    assert set(scripted("oracle", folder / "data", url).values()) == {1.0}
    floor = scripted("guess", folder / "data", url)
    assert sum(floor.values()) / len(floor) < 0.9


@pytest.mark.parametrize("target", [".", "URL"])
def test_openenv_validate_passes(target: str, url: str) -> None:
    where = url if target == "URL" else target
    command = [str(Path(sys.executable).with_name("openenv")), "validate", where, *["--skip-build"] * (target == ".")]
    done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert "FAIL" not in said and "ERROR" not in said, said
    assert done.returncode == 0, said


def test_a_server_needs_a_benchmark_and_a_session_an_episode(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(DATA, raising=False)
    with pytest.raises(UsageError, match="Set PROACTIVEBENCH_DATA"):
        ours.ProactiveBenchEnvironment()
    monkeypatch.setenv(DATA, str(folder / "data"))
    environment = ours.ProactiveBenchEnvironment()
    with pytest.raises(UsageError, match="Begin an episode"):
        environment.step(ours.ProactiveBenchAction(reply="A"))
    with pytest.raises(IndexError, match="has 17 episodes"):
        environment.get_task("test", 17)
    assert environment.get_task_range("test", 0, 2) == environment.list_tasks("test")[:2]
