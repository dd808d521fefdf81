"""What the paper's seven do not use: costs, arguments, and suggestions that do not help."""

from __future__ import annotations

from dataclasses import replace

import pytest

from proactivebench.evaluation.metrics import compute_metrics
from proactivebench.evaluation.records import Episode, Turn
from proactivebench.scenarios import QD, SCENARIOS, Action, AnyAction, Environment, Sample, Scenario
from proactivebench.scenarios.reach import states
from tests.support.example_samples import ENTRIES


class Suggestion(AnyAction):
    NEXT = 101
    NOTHING = 102


class TrialSample(Sample):
    pass


class TrialEnvironment(Environment):
    def move(self, action: AnyAction) -> None:
        if action is Suggestion.NOTHING:
            self.notice = "That did not help."
        else:
            self.frame_number += 1


TRIAL = Scenario(
    name="TRIAL",
    dataset="Trial",
    title="a trial",
    placeholders=("image",),
    keywords={"next": Suggestion.NEXT, "useless": Suggestion.NOTHING},
    hint="Hint: ask.",
    pre_prompt="This is a trial.",
    sample=TrialSample,
    environment=TrialEnvironment,
    sources=("quickdraw",),
    open_suggestions=("Next",),
    costs={Suggestion.NOTHING: 2.5},
)


class Stride(AnyAction):
    ONE = 111
    TWO = 112


class StrideSample(Sample):
    pass


class StrideEnvironment(Environment):
    max_turns = 3

    def move(self, action: AnyAction) -> None:
        self.frame_number += 2 if action is Stride.TWO else 1


STRIDE = replace(
    TRIAL,
    name="STRIDE",
    dataset="Stride",
    keywords={"one": Stride.ONE, "two": Stride.TWO},
    sample=StrideSample,
    environment=StrideEnvironment,
    costs={},
)


def test_what_only_the_shorter_way_leaves_turns_for_is_found_too() -> None:
    options = ["Two ahead.", "One ahead.", "I do not know."]
    sample = STRIDE.sample.model_validate(ENTRIES["QD"] | {"num_images": 5, "reference_image": 4, "options": options})
    assert {state.frame_number for state in states(StrideEnvironment(sample))} == {0, 1, 2, 3, 4}


@pytest.fixture
def environment() -> Environment:
    options = ["Show the next one.", "Do something useless.", "I do not know."]
    fields = {"num_images": 4, "reference_image": 3, "prompt": "What is it?", "options": options}
    return TrialEnvironment(TRIAL.sample.model_validate(ENTRIES["QD"] | fields))


def test_a_notice_stands_in_front_of_the_next_question_alone(environment: Environment) -> None:
    environment.hint = True
    assert environment.observe().question == "This is a trial. What is it? Hint: ask."
    environment.step("Do something useless.")
    assert (environment.done, environment.frame_number) == (False, 0)
    assert environment.observe().question == "That did not help. This is a trial. What is it? Hint: ask."
    environment.step("Show the next one.")
    assert environment.observe().question == "This is a trial. What is it? Hint: ask."


def test_what_is_carried_out_has_its_cost(environment: Environment) -> None:
    replies = ("Do something useless.", "Show the next one.", "Do something useless.", "Do something useless.")
    assert [environment.step(reply).cost for reply in replies] == [2.5, 1.0, 2.5, 0.0]  # the last comes too late
    assert environment.done


def episode(*costs: float) -> Episode:
    turns = [
        Turn(frame_path="a", prompt="0", reply="", kind="suggestion", action=Action.DETAILS, cost=cost)
        for cost in costs
    ]
    return Episode(
        scenario="QD",
        id=len(costs),
        source=str(len(costs)),
        answer="Cat.",
        turns=tuple(turns),
        correct=False,
        max_turns=9,
    )


def test_the_scores_have_the_mean_cost_of_an_episode(monkeypatch: pytest.MonkeyPatch) -> None:
    played = [episode(1.0, 2.5, 0.0), episode(0.0)]
    assert "cost" not in compute_metrics(played)["scenarios"]["QD"]
    monkeypatch.setitem(vars(QD), "costs", {Action.DETAILS: 1.0})
    scores = compute_metrics(played)["scenarios"]["QD"]
    assert (scores["cost"], scores["psr"]) == (1.75, 1.0)


def test_a_comparison_has_costs_where_all_its_episodes_have(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(episode(1.0).scores) == {"acc", "psr"}
    monkeypatch.setitem(vars(QD), "costs", {Action.DETAILS: 1.0})
    assert episode(1.0, 2.5).scores == {"acc": 0.0, "psr": 1.0, "cost": 3.5}


@pytest.mark.parametrize("cost", [-1.0, float("nan"), float("inf")])
def test_a_cost_is_a_number_from_0(cost: float) -> None:
    class Own(Sample):
        pass

    class OwnEnvironment(TrialEnvironment):
        pass

    with pytest.raises(ValueError, match="expected 0 or more"):
        replace(TRIAL, sample=Own, environment=OwnEnvironment, costs={Suggestion.NEXT: cost})


def test_the_seven_have_no_costs() -> None:
    assert not any(scenario.costs for scenario in list(SCENARIOS.values())[:7])
