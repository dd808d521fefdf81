from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.frames import Frames
from proactivebench.models.processors import load_processor
from proactivebench.prompts import multiple_choice
from proactivebench.scenarios import QD
from proactivebench.training import multi_turn
from proactivebench.training.multi_turn import ENDED, EpisodeReward, Rollout, names_suggestion, speak_in_turns
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import answer_with_letters, train


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"))


@pytest.fixture
def rollout(folder: Path) -> Rollout:
    benchmark = Benchmark.open(folder)
    return Rollout({("QD", sample.id): sample for sample in benchmark.samples(QD)}, Frames.of(benchmark, [QD]))


def said(content: str, **more: Any) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": content, **more}]


def reward(rollout: Rollout, messages: list[dict[str, Any]]) -> tuple[float, dict[str, float]]:
    shares: dict[str, float] = {}
    rewards = EpisodeReward(0.1)(completions=[messages], environments=[rollout], log_metric=shares.__setitem__)
    return rewards[0], shares


def test_a_suggestion_brings_the_next_picture(rollout: Rollout) -> None:
    picture, text = rollout.reset("QD", 0)
    assert text["text"].startswith(rollout.environment.question())
    more, again = rollout.answer(rollout.environment.accepted[0])
    assert again["text"] == text["text"]
    assert more["image"].size == (224, 224)
    assert more["image"].tobytes() != picture["image"].tobytes()


def test_the_reward_counts_the_end_and_the_way(rollout: Rollout) -> None:
    rollout.reset("QD", 0)
    rollout.answer(rollout.environment.accepted[0])
    rollout.answer(rollout.environment.accepted[0])
    value, shares = reward(rollout, said(rollout.environment.sample.answer))
    assert value == pytest.approx(0.8)
    assert shares == {"episodes/correct": 1.0, "episodes/suggestions": 2.0}


def test_guessing_wrong_at_once_earns_nothing(rollout: Rollout) -> None:
    rollout.reset("QD", 0)
    assert reward(rollout, said("no idea"))[0] == 0


def test_an_episode_that_is_cut_off_is_not_answered_by_its_last_suggestion(rollout: Rollout) -> None:
    rollout.reset("QD", 0)
    suggestion = rollout.environment.accepted[0]
    rollout.answer(suggestion)
    cut = said(suggestion, tool_calls=[{"function": {"name": "answer"}}])
    assert reward(rollout, cut) == (0.0, {"episodes/correct": 0.0, "episodes/suggestions": 0.0})
    assert not rollout.environment.done


def test_asking_to_the_end_leaves_nothing_to_say(rollout: Rollout) -> None:
    rollout.reset("QD", 0)
    suggestion, answer = rollout.environment.accepted[0], rollout.environment.sample.answer
    shown = []
    while not rollout.environment.done:
        shown = rollout.answer(suggestion)
    assert shown == [{"type": "text", "text": ENDED}] == rollout.answer(suggestion)
    asked = rollout.environment.sample.num_images - 1
    assert reward(rollout, said(answer))[0] == pytest.approx(-0.1 * asked)


def test_only_a_suggestion_that_is_shown_now_goes_on(rollout: Rollout) -> None:
    rollout.reset("QD", 0)
    shown = rollout.environment.observe()
    seen = f"user\n{multiple_choice(shown.question, shown.options, short_answer=True)}\nassistant\n"
    names = {option: names_suggestion(seen, option) for option in shown.options}
    assert names == {option: option in rollout.environment.suggestions for option in shown.options}
    letter = "ABCDEF"[shown.options.index(rollout.environment.accepted[0])]
    assert names_suggestion(seen, letter)
    assert not names_suggestion(f"{seen}{letter}\nuser\n{ENDED}\nassistant\n", letter)


def test_thinking_is_left_out_as_the_evaluator_leaves_it_out(rollout: Rollout) -> None:
    rollout.reset("QD", 0)
    shown = rollout.environment.observe()
    suggestion, category = rollout.environment.accepted[0], rollout.environment.sample.answer
    seen = f"user\n{multiple_choice(shown.question, shown.options, short_answer=True)}\nassistant\n"
    assert names_suggestion(seen, f"<think>Is it {category}?</think>{suggestion}")
    assert not names_suggestion(seen, f"{suggestion.split('.')[0]}<think>")
    rollout.answer(f"<think>Is it {category}?</think>{suggestion}")
    assert rollout.environment.turn == 1
    assert not rollout.environment.done
    last = {"role": "assistant", "content": f"<think>{suggestion}</think>{category}"}
    assert EpisodeReward(0.25)([[last]], [rollout], lambda name, value: None) == [0.75]


def test_pictures_come_as_messages_of_the_user(rollout: Rollout, tmp_path: Path) -> None:
    model = tiny_model("qwen2_5_vl", tmp_path)
    plain, processor = load_processor(model), speak_in_turns(load_processor(model))
    first, then = rollout.reset("QD", 0), rollout.answer(rollout.environment.accepted[0])
    call = [{"type": "function", "function": {"name": "answer", "arguments": {"text": "B"}}}]
    asked = {"role": "user", "content": first}
    tools = [asked, {"role": "assistant", "content": [], "tool_calls": call}, {"role": "tool", "content": then}]
    turns = [
        asked,
        {"role": "assistant", "content": [{"type": "text", "text": str(call)}]},
        {"role": "user", "content": then},
    ]
    assert processor.apply_chat_template(tools) == plain.apply_chat_template(turns)
    assert processor.apply_chat_template(turns) == plain.apply_chat_template(turns)


@pytest.mark.parametrize("family", multi_turn.FAMILIES)
def test_families_that_can_train_on_whole_episodes(
    family: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model(family, tmp_path / "model")
    answer_with_letters(model, monkeypatch, "ABC")  # A or B asks, in every turn
    out = tmp_path / "out"
    # So warm that a random model's preferences count for nothing: of 32 first answers every third asks.
    settings = {"max_steps": 2, "per_device_batch": 16, "learning_rate": 1e-2, "temperature": 1000.0}
    adapter = train(model, folder, out, multi_turn=True, **settings)
    lines = [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]
    assert sum(line["suggestions"] for line in lines) > 0
    assert all(-1 <= line["reward"] <= line["correct"] for line in lines)
    assert (adapter / "chat_template.jinja").read_text() == (model / "chat_template.jinja").read_text()


def test_other_families_are_refused(folder: Path, tmp_path: Path) -> None:
    model = tiny_model("llava", tmp_path / "model")
    with pytest.raises(UsageError, match=r"of the family llava, .* works with qwen2_vl, qwen2_5_vl, qwen3_vl"):
        train(model, folder, tmp_path / "out", multi_turn=True)
