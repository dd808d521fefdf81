"""A builder of made-up pictures whose raw data have every kind of flaw, for tests of what runs builders."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from builders.base import Builder, Frame, Plan, PlannedSample, Skip, sample_random
from builders.pipeline import workers
from builders.pipeline.build import build
from proactivebench import scenarios
from raw_sources.base import Problem, SourceError


@dataclass(frozen=True)
class FakeBuilder(Builder[int, int]):
    """Units are tens of records; record 7 is unusable, record 13 is left out, unit 2 has a bad line."""

    scenario = scenarios.QD
    records: int = 40
    seed: int = 0
    sound: bool = False
    stalls: bool = False

    def settings(self) -> dict[str, Any]:
        return {"records": self.records, "seed": self.seed}

    def versions(self) -> dict[str, str]:
        return {"pen": "1.0"}

    def units(self) -> Sequence[int]:
        return range(0, self.records, 10)

    def plan(self, unit: int) -> Plan[int]:
        numbers = [n for n in range(unit, unit + 10) if n != 13 or self.sound]
        skipped = [Skip("13", "unlucky")] if unit == 10 and not self.sound else []
        problems = [Problem("records.txt:20", "expected a number")] if unit == 20 and not self.sound else []
        return Plan([self.plan_one(number) for number in numbers], skipped, problems)

    def plan_one(self, number: int) -> PlannedSample[int]:
        draw = sample_random(self.seed, self.scenario, str(number)).randrange(10**9)
        fields = {
            "image_template": f"QuickDraw/{number}/{{image}}.png",
            "first_image": 0,
            "num_images": 2,
            "reference_image": 1,
            "prompt": f"What is {draw}?",
            "options": ["Continue the drawing.", "I cannot answer."],
            "categories": ["Cat.", "Dog."],
            "answer": "Cat.",
        }
        return PlannedSample(str(number), fields, number, f"record {number}", "CC0")

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        if self.stalls and planned.recipe >= 28:
            Event().wait()
        for image in range(2):
            yield Frame(f"QuickDraw/{planned.key}/{image:04d}.png", f"{planned.fields['prompt']} {image}".encode())
            if planned.recipe == 7 and not self.sound:
                raise SourceError("record 7 is torn")


class OtherBuilder(FakeBuilder):
    scenario = scenarios.COCO

    def plan_one(self, number: int) -> PlannedSample[int]:
        planned = super().plan_one(number)
        crop = {"top": 0, "left": 0, "width": 9, "height": 9}
        more = {"direction": "up", "granularity": 3, "horizontal_step": 1, "vertical_step": 1, "crop": crop}
        fields = {**planned.fields, **more, "image_template": f"coco2014/{number}.jpg"}
        return replace(planned, fields=fields)

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        yield Frame(planned.fields["image_template"], b"a photo")


@dataclass(frozen=True)
class SharingBuilder(FakeBuilder):
    """Two samples each show the same frames."""

    def plan_one(self, number: int) -> PlannedSample[int]:
        shared = number - number % 2
        template = f"QuickDraw/{shared}/{{image}}.png"
        planned = super().plan_one(number)
        fields = {**planned.fields, "image_template": template}
        return replace(planned, fields=fields, recipe=shared, shared_frames=f"pair {shared}")

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        if planned.recipe == 4:
            raise SourceError("pair 4 is torn")
        for image in range(2):
            yield Frame(f"QuickDraw/{planned.recipe}/{image:04d}.png", f"{planned.recipe} {image}".encode())


@dataclass(frozen=True)
class StoppingBuilder(FakeBuilder):
    stop_at: int = 0

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        if planned.recipe == self.stop_at:
            raise KeyboardInterrupt
        yield from super().render(planned)


class EscapingBuilder(FakeBuilder):
    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        yield Frame("QuickDraw/../../../escaped.png", b"")


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def manifest(folder: Path) -> dict[str, Any]:
    scenarios: dict[str, Any] = json.loads((folder / "manifest.json").read_bytes())["scenarios"]
    return scenarios


def wait_for_workers(patch: pytest.MonkeyPatch) -> None:
    """Lets builds give all work to their workers, however little it is and however long those take to start."""
    patch.setattr(workers, "WAIT_FOR_ALL", True)


def interrupt(folder: Path, after: int) -> None:
    """Builds until the journal holds that many samples."""
    with pytest.raises(KeyboardInterrupt):
        build(StoppingBuilder(stop_at=after), folder)
