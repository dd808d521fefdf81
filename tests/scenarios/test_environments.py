from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proactivebench.answers import Outcome
from proactivebench.errors import UsageError
from proactivebench.scenarios import SCENARIOS, Action, AnyAction, is_abstention, make_environment
from proactivebench.scenarios.check import check_environment, way_to_reference
from proactivebench.scenarios.random_options import with_random_options
from proactivebench.views import Crop, ShortEdge
from tests.support.example_samples import ENTRIES, example_sample


@pytest.mark.parametrize("scenario", ENTRIES)
def test_sound_samples_have_no_problems(scenario: str) -> None:
    assert check_environment(example_sample(scenario)) == []


@pytest.mark.parametrize("scenario", ENTRIES)
def test_the_way_to_the_reference_leads_there_and_the_answer_is_right(scenario: str) -> None:
    sample = example_sample(scenario)
    environment = make_environment(sample)
    way = way_to_reference(environment)
    assert way
    assert environment.turn == 0, "looking ahead changes nothing"
    for suggestion in way:
        environment.step(suggestion)
    assert environment.shows_answer()
    assert environment.observe().frame_path == make_environment(sample, reference=True).observe().frame_path
    environment.step(sample.answer)
    assert environment.done
    assert environment.correct


@pytest.mark.parametrize(
    ("scenario", "changes", "said"),
    [
        ("ROD", {"options": ["Shove them.", "I cannot tell."]}, "'Shove them.' must name exactly one action"),
        ("IN-C", {"options": ["Fix brightness and contrast.", "I do not know."], "quality_answer": "I do not know."},
         "'Fix brightness and contrast.' must name exactly one action"),
        ("QD", {"options": ["I cannot tell."]}, "there is no proactive suggestion"),
        ("QD", {"options": ["Add details."]}, "there is no abstention"),
        ("QD", {"categories": ["Plan B.", "iPhone 4S.", "Banana."]}, "'Plan B.' reads like another one"),
        ("QD", {"reference_image": 9}, "no suggestions lead to frame 9 within 4 turns"),
        ("QD", {"first_image": 3}, "the first frame shows it already"),
        ("CIT", {"reference_image": 7}, "no suggestions lead to frame 7"),
        ("VSOD", {"options": ["Wait for the bus.", "I cannot tell."], "num_images": 3}, "lead to frame 8"),
    ],
)  # fmt: skip
def test_problems_are_named(scenario: str, changes: dict[str, Any], said: str) -> None:
    assert any(said in problem for problem in check_environment(example_sample(scenario, **changes)))


def test_a_sample_without_its_views_cannot_be_played() -> None:
    sample = example_sample("MVP-N").model_copy(update={"valid_images": (4,)})
    assert "cannot be played" in check_environment(sample)[-1]


def test_an_occluded_object_cannot_be_known_at_first_sight() -> None:
    sample = example_sample("ROD")
    environment = make_environment(sample)
    assert environment.step(sample.answer).category.outcome is not Outcome.CORRECT
    assert environment.done
    assert not environment.correct


@pytest.mark.parametrize("scenario", ENTRIES)
def test_random_play_ends_and_keeps_the_rules(scenario: str) -> None:
    for seed in range(50):
        rng = random.Random(seed)
        environment = make_environment(example_sample(scenario), hint=bool(seed % 2))
        while not environment.done:
            observation = environment.observe()
            branch = copy.copy(environment)
            answer = rng.choice(observation.options)
            accepted = answer in environment.accepted
            verdict = environment.step(answer)
            assert (verdict.suggestion.outcome is Outcome.CORRECT) == accepted
            assert branch.observe() == observation, "a branch is not moved by its origin"
            assert "{" not in observation.frame_path
        assert 1 <= environment.turn <= environment.max_turns


@given(st.text(), st.sampled_from(list(ENTRIES)))
def test_any_answer_is_read(answer: str, scenario: str) -> None:
    environment = make_environment(example_sample(scenario))
    verdict = environment.step(answer)
    assert environment.turn == 1
    assert verdict.reading in (verdict.suggestion, verdict.category)


def test_frames_are_resized_but_crops_keep_their_size() -> None:
    sample = example_sample("COCO")
    for short_edge in (None, 224):
        assert make_environment(sample, short_edge=short_edge).observe().view == Crop(100, 89.5, 300, 260)
    assert make_environment(sample, reference=True).observe().view is None
    assert make_environment(sample, reference=True, short_edge=224).observe().view == ShortEdge(224)
    assert make_environment(example_sample("QD"), short_edge=224).observe().view == ShortEdge(224)


WAYS = {
    "L": "Move the camera to the left.",
    "R": "Move the camera to the right.",
    "U": "Move the camera up.",
    "D": "Move the camera down.",
    "F": "Move farther away.",
}


@pytest.mark.parametrize(
    ("direction", "changes", "moves", "shown"),
    [
        ("down", {}, "DD", ["UDF", "UDF", "F"]),
        ("down_left", {}, "LLDD", ["LRUDF", "LRUDF", "UDF", "UDF", "F"]),
        ("down_left", {}, "DLDL", ["LRUDF", "LRUDF", "LRUDF", "LRF", "F"]),
        ("down_left", {"horizontal_step": 0}, "DD", ["UDF", "UDF", "F"]),
        ("down", {"vertical_step": 0}, "", ["F"]),
        ("zoom", {}, "FFF", ["LRUDF", "LRUDF", "LRUDF", "LRUD"]),
        ("zoom", {"horizontal_step": 0, "vertical_step": 0}, "", ["LRUD"]),
        ("left", {"granularity": 1}, "", ["F"]),
    ],
)
def test_coco_takes_both_ways_of_a_finished_axis_off_the_list(
    direction: str, changes: dict[str, Any], moves: str, shown: list[str]
) -> None:
    options = [*WAYS.values(), "I cannot tell."]
    environment = make_environment(example_sample("COCO", direction=direction, options=options, **changes))
    seen = []
    for move in [*moves, ""]:
        seen.append("".join(key for key, text in WAYS.items() if text in environment.suggestions))
        if move:
            environment.step(WAYS[move])
    assert seen == shown
    assert environment.shows_answer()
    assert not environment.done


@pytest.mark.parametrize(
    ("step", "offsets"),
    [
        (58.015, [58.015, 116.03, 174.04500000000002, 232.06000000000003, 290.07500000000005]),
        (0.1, [0.1, 0.2, 0.30000000000000004, 0.4000000000000001, 0.5000000000000001]),
    ],
)
def test_coco_offsets_agree_with_the_published_package_to_the_last_digit(step: float, offsets: list[float]) -> None:
    crop = {"left": 0, "top": 0, "width": 0, "height": 0}
    changes = {"direction": "right", "granularity": 5, "horizontal_step": step, "crop": crop}
    environment = make_environment(example_sample("COCO", options=[WAYS["R"], "I cannot tell."], **changes))
    seen = []
    while not environment.done:
        view = environment.observe().view
        assert isinstance(view, Crop)
        seen.append(view.right)
        environment.step(WAYS["R"])
    assert seen == offsets


@pytest.mark.parametrize("scenario", ENTRIES)
def test_random_options_are_all_right_and_the_episode_continues(scenario: str) -> None:
    sample = with_random_options(example_sample(scenario), random.Random(0))
    asked = [option for option in sample.options if not is_abstention(option)]

    def draw(turn: int, actions: Sequence[AnyAction]) -> AnyAction:
        return random.Random(turn).choice(actions)

    environment = make_environment(sample, draw=draw)
    actions = set(environment.actions())
    while environment.accepted and not environment.done:
        assert environment.options == sample.options + sample.categories
        branch = copy.copy(environment)
        drawn = environment.step(asked[0]).action
        assert drawn in actions
        assert branch.step(asked[0]).action is drawn, "whoever looks ahead sees what will be drawn"
    assert environment.turn >= environment.max_turns - 1 or scenario == "CIT"
    assert environment.turn > 1
    with_last = make_environment(sample, draw=draw)
    with_last.step(next(filter(is_abstention, sample.options)))
    assert with_last.done
    assert not with_last.correct


def test_a_random_action_that_would_leave_the_video_ends_the_episode() -> None:
    sample = with_random_options(example_sample("CIT"), random.Random(0))
    environment = make_environment(sample, draw=lambda turn, actions: Action.REWIND)
    asked = next(option for option in sample.options if not is_abstention(option))
    assert environment.step(asked).suggestion.outcome is Outcome.CORRECT
    assert environment.done
    assert environment.action is Action.STOP
    assert environment.frame_number == 0


def test_the_end_of_a_zoom_is_recognised_whatever_its_steps_measure() -> None:
    for step in (7, 56.18126690319743, 49.76315653491618, 0.1):
        changes = {"direction": "zoom", "granularity": 5, "horizontal_step": step, "vertical_step": step}
        environment = make_environment(example_sample("COCO", options=[WAYS["F"], "I cannot tell."], **changes))
        for _ in range(5):
            assert not environment.shows_answer()
            environment.step(WAYS["F"])
        assert environment.shows_answer()


@pytest.mark.parametrize("scenario", ENTRIES)
def test_suggestions_of_other_scenarios_are_understood_nowhere(scenario: str) -> None:
    sample = example_sample(scenario)
    drawn = with_random_options(sample, random.Random(1))
    assert [is_abstention(o) for o in drawn.options] == [is_abstention(o) for o in sample.options]
    assert make_environment(drawn).accepted == ()
    assert with_random_options(sample, random.Random(1)) == drawn
    assert len(set(drawn.options)) == len(drawn.options)


def test_there_are_nineteen_proactive_behaviours() -> None:
    behaviours = {
        (scenario.name if scenario.name in ("ROD", "COCO") else "", action)
        for scenario in SCENARIOS.values()
        for action in scenario.keywords.values()
    }
    assert len(behaviours) == 19


def test_more_options_than_there_are_foreign_suggestions_end_in_a_sentence() -> None:
    options = [f"Add details {number}." for number in range(20)]
    with pytest.raises(UsageError, match=r"QD sample 7 has 20 options, but --random-options can replace at most \d+"):
        with_random_options(example_sample("QD", id=7, options=options), random.Random(0))
