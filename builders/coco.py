"""COCO: a photo with one object, seen through a crop that misses it, or shows a sliver where it fills the photo.

Decided here: which pictures serve, and which of their possible crops (`crops`) is taken. The photo goes into the
benchmark as it is and the sample says where to look, so the reference is the whole photo; an object that is too small
to be recognised there is left out. Samples keep the object's box beside the published keys, so that `stats` can say how
much of it the first views show.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.base import Frame, Plan, PlannedSample, RecordBuilder, Skip, sample_random
from builders.coco_crops import possible_crops
from builders.coco_similarity import HARD, Similarity, get_similarity
from builders.negatives import draw_wrong_categories
from builders.options import Option
from builders.pictures import read_original
from builders.pipeline.storage import fingerprint
from builders.portions import RecordPortion
from builders.wording import category_text, draw_texts
from proactivebench import scenarios
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
from raw_sources.base import Problem
from raw_sources.coco import LICENCES, Coco, CocoRecord
from raw_sources.licences import is_free
from raw_sources.plugins import hint

MIN_OBJECT = 0.01
"""Share of the photo that the object's box covers at least."""

QUESTIONS = (
    "Which object does the photo show?",
    "What is the object in this photo?",
    "What kind of object was photographed?",
    "Can you name the object in the picture?",
    "What type of object is in this picture?",
    "What object can be found here?",
    "Which label fits the object in this photo?",
    "What did the photographer want to show?",
    "Can you tell which object this is?",
    "What is the main object in this photo?",
    "What is the one object of interest in this image?",
    "How would you classify the object in this image?",
    "What object is this a photo of?",
    "What is the object shown here called?",
    "Which object does this scene contain?",
)

SUGGESTIONS: Mapping[str, str] = {
    "left": "Move the camera to the left.",
    "right": "Move the camera to the right.",
    "up": "Move the camera up.",
    "down": "Move the camera down.",
    "zoom": "Move farther from the object.",
}
"""What to ask for in each part of a direction: letter by letter what the published package looks for."""


@dataclass(frozen=True)
class CocoBuilder(RecordBuilder[CocoRecord, CocoRecord]):
    """Builds the COCO scenario.

    Attributes:
        source: The photos and their boxes.
        split: Which of COCO's splits `source` is; part of the frames' paths.
        seed: Decides crops, texts and the order of options and categories.
        similarity: Which categories are wrong answers.
    """

    scenario = scenarios.COCO
    OPTIONS = (
        Option(
            "negatives",
            str,
            "supercategories",
            "COCO: wrong categories from its supercategories, random, clip:MODEL (as the paper) or a file.",
        ),
        Option("licence", str, "any", "COCO: photos under any licence, or free: only those that may be passed on."),
    )
    TRAIN_ROWS = Option("coco", int, 10_000, "Train: rows from COCO's training photos.", least=0)

    source: Coco
    split: str = "val"
    seed: int = 0
    similarity: Similarity = HARD
    licence: str = "any"

    def __post_init__(self) -> None:
        if self.licence not in ("any", "free"):
            raise UsageError(f"There is no choice {self.licence!r} of licences. {hint(self.licence, ['any', 'free'])}")

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> CocoBuilder:
        return cls._from_options(raw, options, "val")

    @classmethod
    def _from_options(cls, raw: Path, options: Mapping[str, Any], split: str) -> CocoBuilder:
        similarity = get_similarity(options["negatives"], options["keep"])
        return cls(Coco.locate(raw, split), split, options["seed"], similarity, options["licence"])

    @classmethod
    def train_portion(cls, raw: Path, options: Mapping[str, Any], count: int) -> Photos:
        return Photos(cls._from_options(raw, options, TRAIN), count)

    def settings(self) -> dict[str, Any]:
        files = [self.source.annotations, *self.source.pictures().values()]
        return {
            "seed": self.seed,
            "split": self.split,
            "negatives": self.similarity.name,
            "negatives digest": self.similarity.digest,
            "licence": self.licence,
            "raw data": fingerprint(self.source.folder, files),
        }

    def versions(self) -> dict[str, str]:
        return {}  # no library decides a byte: photos are copied

    def read(self, problems: list[Problem]) -> Iterable[CocoRecord]:
        return self.source.read(problems)

    def plan_record(self, record: CocoRecord) -> Plan[CocoRecord]:
        key = str(record.image_id)
        licence = LICENCES.get(record.license, f"licence {record.license} of COCO's table")
        if self.licence == "free" and not is_free(licence):
            return Plan((), [Skip(key, f"photo that may not be passed on ({licence})")])
        if record.box.width * record.box.height < MIN_OBJECT * record.width * record.height:
            return Plan((), [Skip(key, f"its object covers less than {MIN_OBJECT:.0%} of the photo")])
        crops = possible_crops(record.width, record.height, record.box)
        if not crops:
            return Plan((), [Skip(key, "the photo is too small for a view that moves")])
        random = sample_random(self.seed, self.scenario, key)
        crop = random.choice(crops)
        texts = draw_texts(random, QUESTIONS, [SUGGESTIONS[part] for part in crop.direction.split("_")])
        answer = category_text(record.category)
        similar = map(category_text, self.similarity.similar[record.category])
        categories = [answer, *draw_wrong_categories(random, answer, similar)]
        random.shuffle(categories)
        folder = f"{self.split}2014"
        fields = {
            "image_template": f"{self.scenario.dataset}/{folder}/COCO_{folder}_{record.image_id:012}.jpg",
            "first_image": 0,
            "num_images": 1,
            "reference_image": 0,
            "prompt": texts.prompt,
            "options": texts.options,
            "categories": categories,
            "answer": answer,
            **crop.fields(),
            "box": record.box._asdict(),
        }
        return Plan([PlannedSample(key, fields, record, f"COCO {folder}, image {record.image_id}", licence)])

    def render(self, planned: PlannedSample[CocoRecord]) -> Iterator[Frame]:
        record = planned.recipe
        data = read_original(record.picture, (record.width, record.height))
        yield Frame(planned.fields["image_template"], data)


@dataclass(frozen=True)
class Photos(RecordPortion[CocoRecord]):
    """Rows of the train split: photos of COCO's training split.

    Attributes:
        builder: Builds from COCO's split `train`.
        count: Number of photos.

    Raises:
        UsageError: The photos may be those of the test split.
    """

    builder: CocoBuilder
    count: int = 10_000

    def __post_init__(self) -> None:
        if self.builder.split != TRAIN or "2017" in self.builder.source.annotations.name:
            raise UsageError(
                f"{self.builder.source.annotations} may hold photos of the test split: those of 2014 and of 2017 are "
                "divided differently. Get instances_train2014.json."
            )
