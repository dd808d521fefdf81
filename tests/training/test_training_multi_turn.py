from __future__ import annotations

import json
from pathlib import Path

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.images import Picture
from proactivebench.scenarios import QD, Sample, is_abstention, make_environment
from proactivebench.training.multi_turn import EpisodePlay, Episodes
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import answer_with_letters, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"))


@pytest.fixture(scope="module")
def episodes(folder: Path) -> Episodes:
    return Episodes(Benchmark.open(folder))


@pytest.fixture
def play(episodes: Episodes) -> EpisodePlay:
    return episodes.play({"scenario": "QD", "id": 0}, 0.1)


@pytest.fixture(scope="module")
def sample(folder: Path) -> Sample:
    return next(sample for sample in Benchmark.open(folder).samples(QD) if sample.id == 0)


def suggestion(sample: Sample) -> str:
    return make_environment(sample).accepted[0]


def test_a_suggestion_brings_the_next_picture(play: EpisodePlay, sample: Sample) -> None:
    [(role, (first, text))] = play.shown
    assert role == "user" and isinstance(first, Picture) and str(text).startswith(sample.prompt)
    play.answer(suggestion(sample))
    before, said, (role, (more, again)) = play.shown
    assert before == ("user", (first, text)) and said == ("assistant", (suggestion(sample),))
    assert (role, again) == ("user", text) and isinstance(more, Picture) and more.path != first.path


def test_the_reward_counts_the_end_and_the_way(play: EpisodePlay, sample: Sample) -> None:
    for reply in (suggestion(sample), suggestion(sample), sample.answer):
        assert not play.done
        play.answer(reply)
    assert play.done and play.reward == pytest.approx(0.8)
    assert play.told == {"episodes/correct": 1.0, "episodes/suggestions": 2}


@pytest.mark.parametrize("reply", ["no idea", ""])
def test_guessing_wrong_at_once_earns_nothing(play: EpisodePlay, reply: str) -> None:
    play.answer(reply)
    assert play.done and play.reward == 0


def test_asking_to_the_end_costs_every_suggestion(play: EpisodePlay, sample: Sample) -> None:
    while not play.done:
        play.answer(suggestion(sample))
    assert play.reward == pytest.approx(-0.1 * (sample.num_images - 1))


def test_only_a_suggestion_goes_on(episodes: Episodes, sample: Sample) -> None:
    for option in sample.options:
        play = episodes.play({"scenario": "QD", "id": 0}, 0.1)
        play.answer(option)
        assert play.done == is_abstention(option)


def test_thinking_is_left_out_as_the_evaluator_leaves_it_out(play: EpisodePlay, sample: Sample) -> None:
    play.answer(f"<think>Is it {sample.answer}?</think>{suggestion(sample)}")
    assert play.shown[1] == ("assistant", (suggestion(sample),))
    play.answer(f"<think>{suggestion(sample)}</think>{sample.answer}")
    assert play.reward == pytest.approx(0.9)


def test_whole_episodes_train(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model("llava", tmp_path / "model")
    answer_with_letters(model, monkeypatch, "ABC")  # A or B asks, in every turn
    out = tmp_path / "out"
    # So warm that a random model's preferences count for nothing: of 16 first answers every third asks.
    adapter = train(model, folder, out, multi_turn=True, max_steps=2, learning_rate=1e-2, temperature=1000.0)
    lines = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    assert sum(line["suggestions"] for line in lines) > 0
    assert all(-1 <= line["reward"] <= line["correct"] for line in lines)
    assert (adapter / "adapter_config.json").is_file()
