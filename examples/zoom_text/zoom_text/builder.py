"""ZOOM: how a page is drawn: four coloured notes, each with a word that only its quarter shows large enough.

The page is drawn once, large. All of it, scaled down, is frame 0, where a word is less than two pixels high; its
quarters are frames 1 to 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from PIL import Image, ImageDraw, ImageFont, features

from builders.base import Frame, Plan, PlannedSample, RecordBuilder, sample_random
from builders.pictures import encode_png, picture_versions
from builders.wording import category_text, draw_texts
from raw_sources.base import Problem
from zoom_text.scenario import QUARTERS, ZOOM
from zoom_text.source import Notes, Page

SIZE = 1024
"""Width and height of the page as it is drawn, and twice those of a frame that shows a quarter, in pixels."""

SMALL = 128
"""Width and height of frame 0 in pixels."""

LETTERS = 14
"""Height of the letters on the page as it is drawn, in pixels."""

COLOURS = {"yellow": "#f6e27f", "green": "#b5dfa6", "blue": "#a9cdea", "pink": "#f2b5c8"}

QUESTIONS = (
    "Which word is written on the {colour} note?",
    "What does the {colour} note say?",
    "Can you read the word on the {colour} note?",
    "Which word did someone write on the {colour} paper?",
)
SUGGESTIONS = (
    *(f"Zoom into the {quarter} quarter of the page." for quarter in QUARTERS),
    "Increase the contrast of the page.",
)


@dataclass(frozen=True)
class Drawing:
    """What is drawn: words and colours of the notes, in the order of `QUARTERS`."""

    words: tuple[str, ...]
    colours: tuple[str, ...]


@dataclass(frozen=True)
class ZoomBuilder(RecordBuilder[Page, Drawing]):
    """Builds ZOOM.

    Attributes:
        source: The words.
        seed: Decides where which colour lies, which note is asked for, and the texts.
    """

    scenario = ZOOM

    source: Notes
    seed: int = 0

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> Self:
        return cls(Notes.locate(raw), options["seed"])

    def settings(self) -> dict[str, Any]:
        return {"seed": self.seed, "pages": [list(page.words) for page in self.source.records()]}

    def versions(self) -> dict[str, str]:
        return {**picture_versions(), "freetype": str(features.version("freetype2"))}

    def read(self, problems: list[Problem]) -> Iterable[Page]:
        return self.source.read(problems)

    def plan_record(self, record: Page) -> Plan[Drawing]:
        key = str(record.line)
        random = sample_random(self.seed, self.scenario, key)
        texts = draw_texts(random, QUESTIONS, SUGGESTIONS)
        colours = tuple(random.sample(list(COLOURS), len(QUARTERS)))
        asked = random.randrange(len(QUARTERS))
        categories = [category_text(word) for word in record.words]
        fields = {
            "image_template": f"{self.scenario.dataset}/{key}/{{image}}.png",
            "first_image": 0,
            "num_images": 1 + len(QUARTERS),
            "reference_image": 1 + asked,
            "prompt": texts.prompt.format(colour=colours[asked]),
            "options": texts.options,
            "categories": random.sample(categories, len(categories)),
            "answer": categories[asked],
        }
        return Plan([PlannedSample(key, fields, Drawing(record.words, colours), f"notes, line {key}", "CC0")])

    def render(self, planned: PlannedSample[Drawing]) -> Iterator[Frame]:
        page = draw_page(planned.recipe)
        frames = [page.resize((SMALL, SMALL), Image.Resampling.BOX)]
        frames += [page.crop((x, y, x + SIZE // 2, y + SIZE // 2)) for x, y in corners()]
        for number, frame in enumerate(frames):
            yield Frame(planned.fields["image_template"].format(image=number), encode_png(frame))


def corners() -> Iterator[tuple[int, int]]:
    """The upper left corner of each quarter, in pixels."""
    for y in (0, SIZE // 2):
        for x in (0, SIZE // 2):
            yield x, y


def draw_page(drawing: Drawing) -> Image.Image:
    """The page in full size."""
    page = Image.new("RGB", (SIZE, SIZE), "white")
    draw = ImageDraw.Draw(page)
    font = ImageFont.load_default(LETTERS)
    for (x, y), word, colour in zip(corners(), drawing.words, drawing.colours, strict=True):
        draw.rectangle((x + 96, y + 96, x + 416, y + 416), fill=COLOURS[colour])
        draw.text((x + 256, y + 256), word, fill="#333333", font=font, anchor="mm")
    return page
