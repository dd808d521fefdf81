"""`ProactiveBench-v0` is an environment as Gymnasium's own checker wants it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gymnasium", reason="the environment needs gymnasium: make install")

import gymnasium
import numpy as np
from gymnasium.utils.env_checker import check_env

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.gym import ProactiveBenchEnv
from tests.support import seeing


def make(data: Path, **options: object) -> ProactiveBenchEnv:
    return ProactiveBenchEnv(data / "data", size=32, **options)  # type: ignore[arg-type]


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("texts", [False, True])
def test_the_checker_of_gymnasium_passes(small_runs: Path, texts: bool) -> None:
    env = gymnasium.make("ProactiveBench-v0", data=small_runs / "data", size=32, texts=texts)
    check_env(env.unwrapped, skip_render_check=True)


def test_an_episode_by_places_and_by_words(small_runs: Path) -> None:
    env = make(small_runs, suggestion_reward=-0.25)
    seen, info = env.reset(options={"id": "QD/0"})
    texts = info["texts"]
    assert [env.vocabulary[number - 1] for number in seen["options"][: len(texts)]] == list(texts)
    assert not seen["options"][len(texts) :].any()
    assert all(f". {text}\n" in info["question"] for text in texts)
    assert env._steps is not None and env._steps.environment is not None
    [asking] = env._steps.environment.accepted
    after, reward, ended, cut, info = env.step(texts.index(asking))
    assert (reward, ended, cut) == (-0.25, False, False)
    assert (after["picture"] != seen["picture"]).any()
    answer = next(task.sample.answer for task in env._episodes.tasks if task.sample.id == 0)
    last, reward, ended, _, info = env.step(answer)
    assert (reward, ended, info["scores"]) == (1.0, True, {"acc": 1.0, "psr": 1.0})
    assert not last["options"].any()
    with pytest.raises(UsageError, match="has ended"):
        env.step(0)


def test_the_same_seed_draws_the_same_episodes(small_runs: Path) -> None:
    env = make(small_runs)
    drawn = [[env.reset(seed=seed)[1]["id"], env.reset()[1]["id"], env.reset()[1]["id"]] for seed in (3, 3, 4)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_what_cannot_be_played_is_said(small_runs: Path, tmp_path: Path) -> None:
    for settings in ({"mode": "oeg"}, {"random_options": True}, {"modus": "mcqa"}):
        with pytest.raises(UsageError):
            make(small_runs, **settings)
    env = make(small_runs)
    with pytest.raises(UsageError, match="Begin an episode"):
        env.step(0)
    with pytest.raises(UsageError, match="There is no episode 'QD/77'"):
        env.reset(options={"id": "QD/77"})
    object.__setattr__(env._episodes.frames, "root", tmp_path)
    with pytest.raises(ProactiveBenchError, match="there is no such file"):
        env.reset()


def test_a_reference_frame_is_asked_once(small_runs: Path) -> None:
    env = make(small_runs, mode="reference")
    seen, info = env.reset(seed=0)
    assert len(info["texts"]) == 4
    assert seen["picture"].dtype == np.uint8
    assert env.step(25)[1:3] == (0.0, True)


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return seeing.build_seen(tmp_path_factory.mktemp("gym") / "data")


@pytest.mark.parametrize("settings", [{}, {"history": True}, {"mode": "reference"}])
def test_recorded_replies_have_the_scores_of_evaluate(settings: dict[str, Any], seen: Path, tmp_path: Path) -> None:
    run = seeing.play_seeing(seen, tmp_path / "run", **settings)
    env = make(seen.parent, texts=True, **settings)
    for episode in read_episodes(run):
        env.reset(options={"id": f"{episode.scenario}/{episode.id}"})
        for turn in episode.turns:
            _, reward, ended, _, info = env.step(turn.reply)
        assert (ended, reward, info["scores"]) == (True, episode.scores["acc"], episode.scores)
        assert info["record"] == episode.model_dump(mode="json", exclude_defaults=True)
