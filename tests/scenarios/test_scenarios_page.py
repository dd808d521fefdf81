"""docs/scenarios.md describes the sample format and the hooks, none missing and none made up."""

from __future__ import annotations

import inspect
import re

from proactivebench.scenarios import SCENARIOS, Environment, Sample
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
SHARED = {"ahead", "observe", "question", "step", "suggestions", "last_turn", "shown_frame", "with_categories_alone"}
"""What no scenario changes."""


def section(title: str) -> str:
    [text] = re.findall(rf"^## {title}\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
    return str(text)


def first_cells(text: str) -> set[str]:
    return {name for cell in re.findall(r"^\| (`.*?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)", cell)}


def test_every_field_is_described() -> None:
    text = section("The sample format")
    assert first_cells(text) == set(Sample.model_fields)
    own = {name for scenario in SCENARIOS.values() for name in scenario.sample.model_fields} - set(Sample.model_fields)
    assert own <= set(re.findall(r"`(\w+)`", text))


def test_every_hook_is_described() -> None:
    hooks = {name for name, _ in inspect.getmembers(Environment) if not name.startswith("_")} - SHARED
    assert first_cells(section("The environment")) == hooks - {"scenario"}
