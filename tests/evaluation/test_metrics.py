"""The scores of a run, beside those that a person works out from a handful of episodes."""

from __future__ import annotations

import math

import pytest

from proactivebench.answers import Outcome
from proactivebench.evaluation.metrics import compute_metrics
from proactivebench.evaluation.records import Episode, EpisodeError, Turn
from proactivebench.scenarios import Action

ASK = Turn(frame_path="1.png", prompt="p", reply="A", kind="suggestion", action=Action.FORWARD)
RIGHT = Turn(frame_path="2.png", prompt="p", reply="C", kind="category", category=Outcome.CORRECT)
WRONG = Turn(frame_path="2.png", prompt="p", reply="D", kind="category", category=Outcome.WRONG)


def episode(number: int, *turns: Turn, scenario: str = "QD", max_turns: int = 3, error: str | None = None) -> Episode:
    return Episode(
        scenario=scenario,
        id=number,
        source=str(number),
        answer="Cat.",
        turns=turns,
        correct=turns[-1:] == (RIGHT,),
        max_turns=max_turns,
        error=EpisodeError(kind=error, message="") if error else None,
    )


def test_every_score_is_the_one_that_a_person_counts() -> None:
    scores = compute_metrics(
        [
            episode(0, RIGHT),
            episode(1, ASK, RIGHT),
            episode(2, ASK, ASK, WRONG),
            episode(3, ASK, ASK, ASK),
            episode(4, ASK, error="picture"),
        ]
    )["scenarios"]["QD"]
    assert (scores["n"], scores["errors"], scores["errors_by_kind"]) == (4, 1, {"picture": 1})
    assert (scores["acc"], scores["psr"]) == (2 / 4, (0 + 1 + 2 + 2) / 4)
    assert scores["acc_se"] == pytest.approx(math.sqrt(4 * 0.5**2 / 3 / 4))
    assert scores["first_turn_acc"] == 1 / 4
    assert scores["answers"] == {"suggestion": 6 / 9, "abstention": 0, "category": 3 / 9, "unreadable": 0}
    assert (scores["last_turn_share"], scores["wasted_suggestions"]) == (2 / 4, 1 / 4)


def test_a_single_turn_is_not_a_last_one() -> None:
    scores = compute_metrics([episode(0, RIGHT, max_turns=1)])["scenarios"]["QD"]
    assert scores["last_turn_share"] == 0


def test_scenarios_weigh_alike_whatever_their_size() -> None:
    many = [episode(number, WRONG) for number in range(9)]
    metrics = compute_metrics([*many, episode(0, ASK, RIGHT, scenario="ROD")])
    assert (metrics["average"]["acc"], metrics["average"]["psr"]) == (0.5, 0.5)


def test_unreadable_are_the_episodes_that_end_so_and_not_what_a_judge_found_nothing_in() -> None:
    nothing = Turn(frame_path="1.png", prompt="p", reply="?", kind="unreadable")
    forced = [episode(0, nothing, nothing, RIGHT), episode(1, nothing, nothing, nothing)]
    metrics = compute_metrics(one.model_copy(update={"forced": True}) for one in forced)
    assert metrics["scenarios"]["QD"]["unreadable"] == len(metrics["unreadable_replies"]) == 1
    judged = compute_metrics([episode(0, nothing.model_copy(update={"judge": "0, 0, 0"}))])
    assert "unreadable" not in judged["scenarios"]["QD"]
    assert not judged["unreadable_replies"]
