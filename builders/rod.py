"""ROD: an object behind an occluder; the photo in which it is hidden most comes first, the one without occlusion last.

Photos keep their size as in the paper, nine megapixels, unless `max_pixels` says otherwise: many models see less than
one. The file name of a photo is kept, for the protocol substitutes the one photo that the published data lacks by its
name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.base import Frame, Plan, PlannedSample, RecordBuilder, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.options import Option
from builders.pictures import encode_jpeg, picture_versions, read_picture
from builders.pipeline.storage import fingerprint, path_part
from builders.wording import category_text, draw_texts
from proactivebench import scenarios
from proactivebench.errors import UsageError
from proactivebench.scenarios.rod import MISSING_FRAME
from raw_sources.base import Problem
from raw_sources.rod import CLASSES, FRAMES, Rod, RodRecord

FIRST_IMAGE = 7
"""The most occluded of the 14 photos."""

REFERENCE_IMAGE = 0

QUESTIONS = (
    "What is hidden behind the {occluder}?",
    "Which object is behind the {occluder}?",
    "What lies behind the {occluder}?",
    "Can you name the object behind the {occluder}?",
    "What would I find behind the {occluder}?",
    "There is an object behind the {occluder}. What is it?",
    "Something has been placed behind the {occluder}. What kind of thing is it?",
    "What type of object is covered by the {occluder}?",
    "What is being concealed by the {occluder}?",
    "What object can the camera not see because of the {occluder}?",
    "What is standing behind the {occluder}?",
    "What has been put behind the {occluder}?",
    "What sort of item is blocked from view by the {occluder}?",
    "If the {occluder} were not there, what would you see?",
    "What would you call the thing behind the {occluder}?",
)

SUGGESTIONS = ("Move the {occluder} to the left.", "Move the {occluder} to the right.")


@dataclass(frozen=True)
class RodBuilder(RecordBuilder[RodRecord, tuple[Path | None, ...]]):
    """Builds the ROD scenario; a recipe is the sequence's photos, None where one is missing.

    Attributes:
        source: The photos.
        seed: Decides texts and wrong categories.
        max_pixels: Pixels (width times height) to which larger photos are scaled down; None leaves their size.

    Raises:
        UsageError: `max_pixels` is less than 1.
    """

    scenario = scenarios.ROD
    OPTIONS = (
        Option(
            "max_pixels",
            int,
            help="ROD: scale photos down to this many pixels, width times height (default: full size, as the paper).",
        ),
    )

    source: Rod
    seed: int = 0
    max_pixels: int | None = None

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> RodBuilder:
        return cls(Rod.locate(raw), options["seed"], options["max_pixels"])

    def __post_init__(self) -> None:
        if self.max_pixels is not None and self.max_pixels < 1:
            raise UsageError(f"max_pixels is {self.max_pixels}, expected at least 1")

    def settings(self) -> dict[str, Any]:
        photos = (path for record in self.source.records() for path in record.frames if path)
        return {
            "seed": self.seed,
            "max_pixels": self.max_pixels,
            "occluders": self.source.occluders,
            "raw data": fingerprint(self.source.folder, photos),
        }

    def versions(self) -> dict[str, str]:
        return picture_versions()

    def read(self, problems: list[Problem]) -> Iterable[RodRecord]:
        return self.source.read(problems)

    def plan_record(self, record: RodRecord) -> Plan[tuple[Path | None, ...]]:
        missing = [f"s{index}" for index in record.missing if f"{record.key}-s{index}" != MISSING_FRAME]
        if missing:
            return Plan((), [Skip(record.key, f"missing photos: {', '.join(missing)}")])
        random = sample_random(self.seed, self.scenario, record.key)
        texts = draw_texts(random, QUESTIONS, SUGGESTIONS)
        answer = category_text(record.label)
        categories = [answer, *draw_wrong_categories(random, answer, map(category_text, CLASSES))]
        random.shuffle(categories)
        fields = {
            "image_template": f"{self.scenario.dataset}/{path_part(record.key)}-s{{image}}.jpg",
            "first_image": FIRST_IMAGE,
            "num_images": FRAMES,
            "reference_image": REFERENCE_IMAGE,
            "prompt": texts.prompt.format(occluder=record.occluder),
            "options": [option.format(occluder=record.occluder) for option in texts.options],
            "categories": categories,
            "answer": answer,
        }
        return Plan([PlannedSample(record.key, fields, record.frames, f"ROD {record.key}", "none stated")])

    def render(self, planned: PlannedSample[tuple[Path | None, ...]]) -> Iterator[Frame]:
        template: str = planned.fields["image_template"]
        for number, path in enumerate(planned.recipe):
            if path is not None:
                image = read_picture(path, self.max_pixels)
                yield Frame(template.replace("{image}", str(number)), encode_jpeg(image))
