from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proactivebench.answers import Outcome
from proactivebench.benchmark import Benchmark
from proactivebench.prompts import multiple_choice, shown
from proactivebench.scenarios import QD, Action, Environment, is_abstention, make_environment
from proactivebench.training.rewards import Reward, SingleTurn, TurnPlay
from tests.support.small_benchmark import build_small
from tests.support.train_rows import single_turns

LETTERS = st.sampled_from([*"ABCDEFGHIJ", *"abcdefghij", "B. ", "b. and more", "A.B", "."])


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    return Benchmark.open(build_small(tmp_path_factory.mktemp("benchmark")))


@pytest.fixture(scope="module")
def rows(benchmark: Benchmark) -> list[dict[str, Any]]:
    return list(single_turns(benchmark))


def text_of(row: dict[str, Any]) -> str:
    return str(row["prompt"][0]["content"][1]["text"])


def reward(row: dict[str, Any], *replies: str, proactive_reward: float = 0.75) -> tuple[list[float], dict[str, float]]:
    """The reward of each reply, and the means of what is told about them."""
    plays = [TurnPlay(row | {"images": [{"bytes": b""}]}, Reward(proactive_reward)) for _ in replies]
    for play, reply in zip(plays, replies, strict=True):
        assert not play.done
        play.answer(reply)
        assert play.done
    shares = {name: sum(play.told[name] for play in plays) / len(plays) for name in plays[0].told}
    return [play.reward for play in plays], shares


@given(data=st.data())
def test_an_answer_is_read_as_the_environment_reads_it(benchmark: Benchmark, data: st.DataObject) -> None:
    sample = data.draw(st.sampled_from(list(benchmark.samples(QD))))
    environment = make_environment(sample)
    for _ in range(data.draw(st.integers(0, sample.num_images - 1))):
        environment.step(environment.accepted[0])
    shown = environment.observe()
    accepted = environment.accepted
    reply = data.draw(
        LETTERS
        | st.text(max_size=20)
        | st.sampled_from(shown.options)
        | st.builds("{}. {}".format, LETTERS, st.sampled_from(shown.options))
    )
    turn = SingleTurn.of_row(multiple_choice(shown.question, shown.options), shown.options, accepted, sample.answer)
    verdict, real = turn.read(reply), environment.step(reply)
    assert (verdict.suggestion, verdict.category) == (real.suggestion, real.category)
    assert Reward(0.5).of(verdict) == (1.0 if environment.correct else 0.5 if real.action is not Action.STOP else 0.0)


def test_rewards_and_shares_of_each_kind_of_answer(rows: list[dict[str, Any]]) -> None:
    row = next(row for row in rows if row["proactive_actions"])
    abstention = next(filter(is_abstention, row["options"]))
    wrong = next(option for option in row["options"][-4:] if option != row["ground_truth"])
    rewards, shares = reward(row, row["ground_truth"], row["proactive_actions"][0], abstention, wrong, "no idea")
    assert rewards == [1.0, 0.75, 0.0, 0.0, 0.0]
    assert shares == {
        "answers/suggestion": 0.2,
        "answers/valid_suggestion": 0.2,
        "answers/abstention": 0.2,
        "answers/category": 0.4,
        "answers/right_category": 0.2,
        "answers/unreadable": 0.2,
    }


def test_a_suggestion_earns_nothing_where_nothing_is_left_to_ask_for(benchmark: Benchmark) -> None:
    sample = next(benchmark.samples(QD))
    environment = make_environment(sample)
    while environment.accepted:
        environment.step(environment.accepted[0])
    row = row_of(environment)
    suggestion = next(option for option in row["options"] if not is_abstention(option))
    rewards, shares = reward(row, suggestion, sample.answer)
    assert rewards == [0.0, 1.0]
    assert (shares["answers/suggestion"], shares["answers/valid_suggestion"]) == (0.5, 0.0)


def row_of(environment: Environment) -> dict[str, Any]:
    shown = environment.observe()
    text = multiple_choice(shown.question, shown.options)
    return {
        "prompt": [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}],
        "ground_truth": environment.sample.answer,
        "proactive_actions": list(environment.accepted),
        "options": list(shown.options),
    }


def test_options_may_leave_out_the_categories(rows: list[dict[str, Any]]) -> None:
    row = rows[0]
    letter = "ABCDEFGHIJ"[row["options"].index(row["ground_truth"])]
    only_suggestions = row | {"options": row["options"][:-4]}
    assert (
        reward(only_suggestions, letter, row["ground_truth"])[0]
        == reward(row, letter, row["ground_truth"])[0]
        == [1, 1]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ground_truth": "Unicorn."}, "ground_truth 'Unicorn.' is not among the categories shown"),
        ({"proactive_actions": ["Sing."]}, "proactive_actions has 'Sing.'"),
        ({"options": ["Sing."]}, r"options are \['Sing.'\], but the prompt shows"),
    ],
)
def test_a_turn_that_contradicts_itself_is_refused(
    rows: list[dict[str, Any]], change: dict[str, Any], message: str
) -> None:
    row = rows[0] | change
    with pytest.raises(ValueError, match=message):
        SingleTurn.of_row(text_of(row), row["options"], row["proactive_actions"], row["ground_truth"])


@given(options=st.lists(st.text("abc. ", min_size=1).map(str.strip).filter(bool), min_size=1, max_size=12))
def test_the_shown_options_are_found_again(options: list[str]) -> None:
    text = multiple_choice("Options:\nA. What?", options, short_answer=True)
    assert shown(text) == ("Options:\nA. What?", tuple(options))


def test_a_correct_category_goes_before_a_valid_suggestion() -> None:
    turn = SingleTurn(("Wait.", "I cannot tell.", "Dog.", "Cat.", "Cow.", "Hen."), ("Wait.",), "Dog.")
    verdict = turn.read("A. Dog.")
    assert (verdict.suggestion.outcome, verdict.category.outcome) == (Outcome.CORRECT, Outcome.CORRECT)
    assert Reward(0.5).of(verdict) == 1.0


def test_only_letters_in_their_order_are_options() -> None:
    text = "What is it?\nA. No option.\nOptions:\nA. Rotate it.\nB. Cat.\nPlan:\nZ. No option either."
    assert shown(text).options == ("Rotate it.", "Cat.")
