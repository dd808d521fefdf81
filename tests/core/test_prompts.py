"""Every text that a model or a judge reads, frozen: run with UPDATE_SNAPSHOTS=1 to accept a change."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from proactivebench import open_ended, prompts
from proactivebench.errors import UsageError
from proactivebench.scenarios import make_environment
from proactivebench.scenarios.examples import solve
from tests.support.example_samples import ENTRIES, example_sample

SNAPSHOTS = Path(__file__).parents[1] / "snapshots"


def compare(name: str, text: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("scenario", ENTRIES)
def test_prompts(scenario: str) -> None:
    sample = example_sample(scenario)
    parts = []
    for reference in (False, True):
        for hint in (False, True):
            observation = make_environment(sample, reference=reference, hint=hint).observe()
            text = prompts.multiple_choice(observation.question, observation.options, short_answer=True)
            parts.append(f"== {reference=} {hint=}\n{text}\n")
    parts.append(f"== open-ended\n{make_environment(sample).published_open_answers()}\n")
    replies = sample.scenario.open_replies(sample)
    parts.append(f"== judge\n{open_ended.judge_question(sample.prompt, replies, 'Please help.')}\n")
    compare(scenario, "\n".join(parts))


def test_zoom_has_its_own_hint() -> None:
    assert "zooming out" in make_environment(example_sample("COCO", direction="zoom"), hint=True).question()


def test_judge_instructions() -> None:
    compare(f"judge-{open_ended.INSTRUCTIONS_VERSION}", open_ended.judge_instructions())


@pytest.mark.parametrize("scenario", ["ROD", "MVP-N"])
def test_examples(scenario: str) -> None:
    environment, lines = make_environment(example_sample(scenario)), []
    for observation, answer in solve(environment, random.Random(0), reasoning=True):
        lines.append(f"{observation.frame_path}\n{answer}\n")
        environment.step(answer)
    compare(f"example-{scenario}", "".join(lines))


def test_there_are_no_examples_elsewhere() -> None:
    with pytest.raises(UsageError, match="ROD and MVP-N alone"):
        next(solve(make_environment(example_sample("QD")), random.Random(0)))


def test_an_empty_question_keeps_the_spaces_around_it() -> None:
    assert prompts.question("", pre_prompt="Before.", hint="Behind.") == "Before.  Behind."


@pytest.mark.parametrize(
    ("scenario", "changes", "said"),
    [
        ("CIT", {"first_image": 6}, "Wait for the object to show,Rewind the video,Rewind the video,Banana."),
        ("CIT", {"first_image": 19}, "Rewind the video,Rewind the video,Banana."),
        ("CIT", {"step_size": 30}, "Wait for the object to show,Rewind the video,Banana."),
        ("IN-C", {}, "Increase the resolution, Banana."),
        ("IN-C", {"num_images": 1}, "Banana."),
    ],
)
def test_the_published_valid_replies_follow_the_first_turn(scenario: str, changes: dict[str, int], said: str) -> None:
    assert make_environment(example_sample(scenario, **changes)).published_open_answers() == said


def test_a_video_without_the_option_to_wait_has_valid_replies() -> None:
    sample = example_sample("CIT", options=["Rewind the video.", "I do not know."])
    assert sample.scenario.open_replies(sample) == ["Wait for it to appear", "Rewind the video", "Banana"]
