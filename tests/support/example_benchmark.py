"""A benchmark of one example sample per scenario, built with the real pipeline from pictures of plain colours."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from builders.base import Builder, Frame, Plan, PlannedSample
from builders.pipeline.build import build
from proactivebench.scenarios import get_scenario, make_environment
from proactivebench.scenarios.reach import reachable
from tests.support.example_samples import ENTRIES, example_sample
from tests.support.noise import noise


class ExampleBuilder(Builder[str, str]):
    def __init__(self, name: str, licence: str) -> None:
        self.scenario = get_scenario(name)  # type: ignore[misc]  # a class variable: real builders have one scenario
        self.licence = licence

    def settings(self) -> dict[str, Any]:
        return {"licence": self.licence}

    def versions(self) -> dict[str, str]:
        return {}

    def units(self) -> Sequence[str]:
        return [self.scenario.name]

    def plan(self, unit: str) -> Plan[str]:
        fields = {key: value for key, value in ENTRIES[unit].items() if key != "id"}
        return Plan([PlannedSample("one", fields, unit, f"{unit} example", self.licence)])

    def render(self, planned: PlannedSample[str]) -> Iterator[Frame]:
        sample = example_sample(planned.recipe)
        shown = [make_environment(sample, reference=True).observe(), *reachable(make_environment(sample))]
        for number, path in enumerate(sorted({observation.frame_path for observation in shown})):
            picture = io.BytesIO()
            noise((640, 480), 10 + number).save(picture, "PNG" if path.endswith("png") else "JPEG")
            yield Frame(path, picture.getvalue())


def build_examples(folder: Path, *names: str, licence: str = "CC BY 4.0") -> Path:
    """Builds the examples of some scenarios, given by short name, and returns the benchmark's folder."""
    for name in names:
        build(ExampleBuilder(name, licence), folder)
    return folder
