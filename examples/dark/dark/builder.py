"""DARK: how a photograph becomes five exposures of itself.

Light adds up in a camera, so the photograph is turned into amounts of light, divided, and disturbed by the noise that a
sensor has at any exposure. In the darkest frame a white wall lies far below that noise: brightening the picture
afterwards shows noise alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from PIL import Image

from builders.base import Frame, Plan, PlannedSample, RecordBuilder, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.options import Option
from builders.pictures import encode_jpeg, picture_versions, read_picture
from builders.pipeline.storage import fingerprint, path_part
from builders.portions import RecordPortion
from builders.wording import category_text, draw_texts
from dark.scenario import DARK
from dark.source import Photo, Photos
from raw_sources.base import Problem

STOPS = (12, 7, 5, 3, 0)
"""How often the light of each frame is halved."""

NOISE = 0.02
"""Standard deviation of the sensor's noise; a white wall in full light is 1."""

MAX_PIXELS = 512 * 512

QUESTIONS = (
    "What is in this picture?",
    "Which thing was photographed here?",
    "What does this photograph show?",
    "Can you name the thing in this photograph?",
)
SUGGESTIONS = (
    "Take the picture again with a longer exposure.",
    "Take the picture again with a much longer exposure.",
    "Use the flash.",
)


@dataclass(frozen=True)
class DarkBuilder(RecordBuilder[Photo, Path]):
    """Builds DARK; a recipe is the path of the photograph.

    Attributes:
        source: The photographs.
        seed: Decides texts and wrong categories.
    """

    scenario = DARK
    TRAIN_ROWS = Option("dark", int, 0, "Train: rows from photographs in photos_to_train.", least=0)

    source: Photos
    seed: int = 0

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> Self:
        return cls(Photos.locate(raw), options["seed"])

    @classmethod
    def train_portion(cls, raw: Path, options: Mapping[str, Any], count: int) -> RecordPortion[Photo]:
        return RecordPortion(cls(Photos.locate(raw, "photos_to_train"), options["seed"]), count)

    def settings(self) -> dict[str, Any]:
        paths = (photo.path for photo in self.source.records())
        return {"seed": self.seed, "raw data": fingerprint(self.source.folder, paths)}

    def versions(self) -> dict[str, str]:
        return {**picture_versions(), "numpy": np.__version__}

    def read(self, problems: list[Problem]) -> Iterable[Photo]:
        return self.source.records()

    def plan_record(self, record: Photo) -> Plan[Path]:
        random = sample_random(self.seed, self.scenario, record.key)
        texts = draw_texts(random, QUESTIONS, SUGGESTIONS)
        answer = category_text(record.category)
        names = dict.fromkeys(category_text(photo.category) for photo in self.source.records())
        try:
            categories = [answer, *draw_wrong_categories(random, answer, names)]
        except ValueError as error:
            return Plan((), [Skip(record.key, str(error))])
        random.shuffle(categories)
        frames = f"{path_part(record.category)}/{path_part(record.path.name.replace('.', '-'))}"
        fields = {
            "image_template": f"{self.scenario.dataset}/{frames}/{{image}}.jpg",
            "first_image": 0,
            "num_images": len(STOPS),
            "reference_image": len(STOPS) - 1,
            "prompt": texts.prompt,
            "options": texts.options,
            "categories": categories,
            "answer": answer,
        }
        return Plan([PlannedSample(record.key, fields, record.path, record.key, "not stated")])

    def render(self, planned: PlannedSample[Path]) -> Iterator[Frame]:
        photo = read_picture(planned.recipe, MAX_PIXELS)
        for number, stops in enumerate(STOPS):
            noise = np.random.default_rng([zlib.crc32(planned.key.encode()), number])
            frame = expose(photo, stops, noise)
            yield Frame(planned.fields["image_template"].format(image=number), encode_jpeg(frame))


def expose(photo: Image.Image, stops: float, noise: np.random.Generator) -> Image.Image:
    """A photograph with less light.

    Args:
        photo: RGB.
        stops: How often the light is halved; 0 gives the photograph itself.
        noise: Draws the sensor's noise.
    """
    if not stops:
        return photo
    light = (np.asarray(photo) / 255) ** 2.2 / 2**stops
    sensed = np.clip(light + noise.normal(0, NOISE, light.shape), 0, 1)
    return Image.fromarray(np.rint(255 * sensed ** (1 / 2.2)).astype(np.uint8))
