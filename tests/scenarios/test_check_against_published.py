"""What `check` calls sound, the published package plays without raising: samples changed and played at random."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

import pytest

from proactivebench.scenarios import SCENARIOS, Scenario, check_environment
from tests.support.example_samples import ENTRIES
from tests.support.published_package import published

TEXTS = (
    "Rewind the video.", "REWIND THE VIDEO.", "Please rewind the video.", "Wait for the object to appear.",
    "wait for the end.", "WAIT FOR THE END.", "I do not Wait for the end.", "Move the camera to the left.",
    "Move the camera up.", "Move farther from the object.", "Move the camera farther away.", "move the camera up.",
    "Rotate it.", "Rotate to a different view.", "Add more details.", "Add more details to the drawing.",
    "Deblur the image.", "Deblur and denoise.", "Increase the resolution.", "I cannot tell.", "Nothing.",
)  # fmt: skip
CATEGORIES = ("Cat.", "cat.", "C at.", "Banana.", "Plan B.", "iPhone 4S.", "Rewind the video.")
NUMBERS = (0, 1, 2, 3, 5, 8, 20)
STEPS = (0, 1, 20, 3.3, 27.271, 58.015)
CHANGES: dict[str, dict[str, tuple[Any, ...]]] = {
    "COCO": {
        "direction": ("left", "up", "down_right", "zoom"),
        "granularity": (1, 2, 3, 5),
        "horizontal_step": STEPS,
        "vertical_step": STEPS,
    },
    "CIT": {"step_size": (1, 3, 7, 30), "max_steps": (1, 3, 30)},
}


def changed(scenario: Scenario, random: Random) -> dict[str, Any]:
    entry = copy.deepcopy(ENTRIES[scenario.name])
    for _ in range(random.choice((0, 1, 1, 2))):
        special = CHANGES.get(scenario.name, {})
        field = random.choice(["options", "options", "categories", "first_image", "num_images", *special])
        if field in special:
            entry[field] = random.choice(special[field])
            if entry.get("direction") == "zoom" and random.random() < 0.8:
                entry["options"] = ["Move farther from the object.", "I cannot tell."]
        elif field in ("options", "categories"):
            place = random.randrange(len(entry[field]))
            entry[field][place] = random.choice(TEXTS if field == "options" else CATEGORIES)
        else:
            entry[field] = random.choice(NUMBERS)
    entry["answer"] = random.choice(entry["categories"])
    return entry


def play(theirs: Any, scenario: Scenario, entry: dict[str, Any], random: Random) -> None:
    """One episode of the published package, by right answers, letters or any of the options."""
    environment = theirs.get_environment(scenario.dataset)(entry=copy.deepcopy(entry), data_dir="data")
    by_letter = random.random() < 0.3
    while not environment.stop:
        options = environment.get_state(hint=True)["options"]
        right, _ = environment._get_correct_options_and_categories()
        answer = random.choice(right) if right and random.random() < 0.8 else random.choice(options)
        environment.evaluate_generated_answer(f"{chr(65 + options.index(answer))}." if by_letter else answer)


@pytest.mark.parametrize("name", ENTRIES)
def test_what_is_sound_is_played(name: str) -> None:
    theirs, scenario, random = published("environment"), SCENARIOS[name], Random(name)
    sound = 0
    for _ in range(300):
        entry = changed(scenario, random)
        try:
            sample = scenario.sample(**entry)
        except ValueError:
            continue
        if not check_environment(sample):
            sound += 1
            for _ in range(4):
                play(theirs, scenario, entry, random)
    assert sound > 50
