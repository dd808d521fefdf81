"""ROD: an object behind an occluder; the photo in which it is hidden most comes first, the one without occlusion last.

Decided here: photos are stored with their longest edge at 1,024 pixels. The originals (3,024 pixels and more, 3.3 GB
in all) hold nothing else that matters for 16 everyday objects, which are then still 100 pixels wide, and most models
see less than a megapixel anyway. The file name of a photo is kept, for the protocol substitutes the one photo that the
published data lacks by its name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.base import Frame, Plan, PlannedSample, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.pictures import encode_jpeg, picture_versions, read_picture
from builders.records import RecordBuilder
from builders.storage import fingerprint, path_part
from builders.wording import category_text, draw_texts
from proactivebench import scenarios
from proactivebench.environments.rod import MISSING_FRAME
from proactivebench.errors import UsageError
from raw_sources.base import Problem
from raw_sources.rod import CLASSES, FRAMES, Rod, RodRecord

FIRST_IMAGE = 7
"""The most occluded of the 14 photos."""

REFERENCE_IMAGE = 0

LONGEST_EDGE = 1024

QUESTIONS = (
    "What is hidden behind the {occluder}?",
    "Which object is behind the {occluder}?",
    "What lies behind the {occluder}?",
    "Can you name the object behind the {occluder}?",
    "What would one find behind the {occluder}?",
    "There is an object behind the {occluder}. What is it?",
    "Something is placed behind the {occluder}. What kind of thing is it?",
    "What type of object is covered by the {occluder}?",
    "Which thing is being concealed by the {occluder}?",
    "What is the object that the camera cannot see because of the {occluder}?",
    "Which object stands behind the {occluder}?",
    "What has been put behind the {occluder}?",
    "What sort of item is blocked from sight by the {occluder}?",
    "Looking past the {occluder}, what would you see?",
    "What would you call the thing behind the {occluder}?",
)

SUGGESTIONS = ("Move the {occluder} to the left.", "Move the {occluder} to the right.")


@dataclass(frozen=True)
class RodBuilder(RecordBuilder[RodRecord, tuple[Path | None, ...]]):
    """Builds the ROD scenario; a recipe is the sequence's photos, None where one is missing.

    Attributes:
        source: The photos.
        seed: Decides texts and wrong categories.
        longest_edge: Pixels to which larger photos are scaled down.

    Raises:
        UsageError: `longest_edge` is less than 1.
    """

    scenario = scenarios.ROD

    source: Rod
    seed: int = 0
    longest_edge: int = LONGEST_EDGE

    def __post_init__(self) -> None:
        if self.longest_edge < 1:
            raise UsageError(f"longest_edge is {self.longest_edge}, expected at least 1")

    def settings(self) -> dict[str, Any]:
        photos = (path for record in self.source.records() for path in record.frames if path)
        return {
            "seed": self.seed,
            "longest_edge": self.longest_edge,
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
                image = read_picture(path, self.longest_edge)
                yield Frame(template.replace("{image}", str(number)), encode_jpeg(image))
