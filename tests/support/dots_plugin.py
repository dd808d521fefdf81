"""A scenario from outside, in one file: black pictures on which dots appear, as an action of its own asks for."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image

from builders.base import Builder, Drawn, Frame, Plan, PlannedSample, Portion, sample_random
from builders.options import Option
from builders.pictures import encode_png, picture_versions
from proactivebench.models.load import ModelKind, ModelOptions
from proactivebench.models.scripted import SCRIPTED
from proactivebench.scenarios import AnyAction, Environment, Sample, Scenario
from raw_sources.base import Inventory, Source, SourceNotFoundError
from raw_sources.catalog import CatalogEntry

NUMBERS = ("One", "Two", "Three", "Four")


class DotsAction(AnyAction):
    LIGHT = 100

    @property
    def words(self) -> str:
        return "lit another dot"


class DotsSample(Sample):
    """Dots."""


class DotsEnvironment(Environment):
    """Each request lights a dot."""

    def move(self, action: AnyAction) -> None:
        self.frame_number += 1

    def possible(self, action: AnyAction) -> bool:
        return self.frame_number < self.sample.num_images - 1


DOTS = Scenario(
    name="DOTS",
    dataset="LitDots",
    title="dots in the dark",
    placeholders=("image",),
    keywords={"light another": DotsAction.LIGHT},
    hint="Hint: more light helps.",
    sample=DotsSample,
    environment=DotsEnvironment,
    sources=("dots",),
    open_suggestions=("Light another dot",),
)


class Dots(Source[str]):
    """One text file: a line per picture, `name number`."""

    name = "dots"
    entry = CatalogEntry(
        name="dots",
        title="Lit dots",
        home="https://example.org/dots",
        licence="CC0 1.0",
        redistribution="allowed",
        citation="@misc{dots}",
        steps=("Write {raw}/dots.txt.",),
    )

    def __init__(self, file: Path):
        self.file = file

    @classmethod
    def locate(cls, raw: Path) -> Self:
        if not (raw / "dots.txt").is_file():
            raise SourceNotFoundError(f"There is no dots.txt in {raw}.")
        return cls(raw / "dots.txt")

    def verify(self) -> Inventory:
        return Inventory({"pictures": len(list(self.records()))})

    def records(self) -> Iterator[str]:
        yield from self.file.read_text().splitlines()


@dataclass(frozen=True)
class DotsBuilder(Builder[str, int]):
    """A unit is a line."""

    scenario = DOTS
    OPTIONS = (Option("brightness", int, 255, "Dots: how bright a dot is."),)
    TRAIN_ROWS = Option("dots", int, 0, "Train: rows of dots.", least=0)

    source: Dots
    seed: int
    brightness: int

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> DotsBuilder:
        return cls(Dots.locate(raw), options["seed"], options["brightness"])

    @classmethod
    def train_portion(cls, raw: Path, options: Mapping[str, Any], count: int) -> DotsRows:
        return DotsRows(cls.from_options(raw, options), count)

    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed, "brightness": self.brightness}

    def versions(self) -> dict[str, str]:
        return picture_versions()

    def units(self) -> Sequence[str]:
        return list(self.source.records())

    def plan(self, unit: str) -> Plan[int]:
        return Plan([self.planned(unit)])

    def planned(self, line: str) -> PlannedSample[int]:
        name, number = line.split()
        categories = list(NUMBERS)
        sample_random(self.seed, DOTS, name).shuffle(categories)
        fields = {
            "image_template": f"{DOTS.dataset}/{name}/{{image}}.png",
            "first_image": 0,
            "num_images": int(number) + 1,
            "reference_image": int(number),
            "prompt": "How many dots are there?",
            "options": ["Light another dot.", "I cannot answer."],
            "categories": categories,
            "answer": NUMBERS[int(number) - 1],
        }
        return PlannedSample(name, fields, int(number), f"Dots {name}", "CC0 1.0")

    def render(self, planned: PlannedSample[int]) -> Iterator[Frame]:
        while planned.key == "p7" and Path(os.environ.get("DOTS_WAIT", "/nowhere")).exists():
            time.sleep(0.02)
        image = Image.new("RGB", (64, 64))
        for number in range(planned.recipe + 1):
            if number:
                image.paste((self.brightness,) * 3, (number * 12, 20, number * 12 + 6, 26))
            yield Frame(planned.fields["image_template"].replace("{image}", str(number)), encode_png(image))


@dataclass(frozen=True)
class DotsRows(Portion[None, str]):
    """Rows of the train split."""

    builder: DotsBuilder
    count: int

    def units(self) -> Sequence[None]:
        return [None]

    def draw(self, unit: None) -> Drawn[str]:
        return Drawn([f"train{number} {1 + number % 4}" for number in range(self.count)])

    def plan(self, record: str) -> PlannedSample[int]:
        return self.builder.planned(record)


def _load(name: str, options: ModelOptions) -> Any:
    return SCRIPTED[name]()


SCENARIOS = (DOTS,)
SOURCES = (Dots,)
BUILDERS = (DotsBuilder,)
MODELS = (ModelKind("dotty", _load),)
