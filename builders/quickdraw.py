"""Quick, Draw!: one frame per stroke, first stroke first, the complete drawing as reference.

Drawings with a single stroke leave nothing to ask for and are passed over by the source's draw. `quickdraw_frames`
draws them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.base import Builder, Drawn, Frame, Plan, PlannedSample, Portion, Skip, sample_random
from builders.lazily import Lazily
from builders.negatives import draw_wrong_categories
from builders.options import PER_CATEGORY, Option
from builders.wording import category_text, draw_texts
from proactivebench import scenarios
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
from raw_sources.plugins import hint
from raw_sources.quickdraw import CATEGORIES, DrawingRef, QuickDraw, read_drawing

_SHOWN = tuple(map(category_text, CATEGORIES))

QUESTIONS = (
    "Which object is being drawn here?",
    "What is this doodle meant to be?",
    "What was the player trying to draw?",
    "Can you name the thing in this drawing?",
    "What does this drawing show?",
    "What do these pen strokes represent?",
    "How would you label this quick drawing?",
    "What did someone have in mind when drawing this?",
    "What are these lines supposed to show?",
    "Do you recognize what has been sketched here?",
    "Which word describes this doodle best?",
    "What is the subject of this hand-drawn picture?",
    "If this were a guessing game, what would your guess for this drawing be?",
    "What is this line drawing of?",
    "What can be seen in this simple drawing?",
)

SUGGESTIONS = (
    "Add a few more details.",
    "Let me see more details first.",
    "Give me some additional details.",
    "Could you put in some missing details?",
    "Continue the drawing, please.",
    "Please add the next stroke to the drawing.",
    "Show me a later stage of the drawing.",
    "Could you carry on with the drawing a little?",
    "Please work on the sketch a bit longer.",
    "Make the sketch more complete.",
    "Could you add another line to the sketch?",
    "Keep going with the quickdraw.",
    "Please add one more stroke to the quickdraw.",
)


CATEGORIES_CHOSEN = Option("categories", str, help="Quick, Draw!: only these categories, separated by commas.")


@dataclass(frozen=True)
class QuickDrawBuilder(Builder[str, DrawingRef]):
    """Builds the Quick, Draw! scenario.

    Attributes:
        source: The drawings.
        seed: Decides which drawings are picked, their texts and their wrong categories.
        per_category: Drawings of each category.
        categories: Names of the categories to build; by default all that the source has.

    Raises:
        UsageError: A category does not exist or the source does not have it, or `per_category` is less than 1.
    """

    scenario = scenarios.QD
    OPTIONS = (PER_CATEGORY, CATEGORIES_CHOSEN)
    TRAIN_ROWS = Option("quickdraw", int, 17_000, "Train: rows from Quick, Draw!.", least=0)

    source: QuickDraw
    seed: int = 0
    per_category: int = 10
    categories: Sequence[str] | None = None

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> QuickDrawBuilder:
        names = options["categories"]
        return cls(
            QuickDraw.locate(raw),
            options["seed"],
            options["per_category"] or cls.per_category,
            None if names is None else [name.strip() for name in names.split(",")],
        )

    @classmethod
    def train_portion(cls, raw: Path, options: Mapping[str, Any], count: int) -> Drawings:
        return Drawings(cls.from_options(raw, options), count)

    def __post_init__(self) -> None:
        if self.per_category < 1:
            raise UsageError(f"per_category is {self.per_category}, expected at least 1")
        for name in self.categories or ():
            if name not in CATEGORIES:
                raise UsageError(f"Quick, Draw! has no category {name!r}. {hint(name, CATEGORIES)}")
            if name not in self.source.files:
                raise UsageError(f"The raw data has no file for the category {name!r}: expected {name}.ndjson")

    def settings(self) -> dict[str, Any]:
        return {
            "seed": self.seed,
            "per_category": self.per_category,
            "categories": list(self.units()),
            "raw data": self._fingerprint(),
        }

    def _fingerprint(self) -> str:
        """Tells other raw data, simplified or not, more or fewer drawings, without reading the files."""
        sizes = "".join(f"{name}/{self.source.files[name].stat().st_size}\n" for name in self.units())
        return hashlib.blake2b(sizes.encode(), digest_size=8).hexdigest()

    def versions(self) -> dict[str, str]:
        from builders.quickdraw_frames import versions

        return versions()

    @classmethod
    def check_folder(cls, parts: Mapping[str, Mapping[str, Any]]) -> None:
        require_disjoint(parts)

    def units(self) -> Sequence[str]:
        chosen = self.source.files if self.categories is None else self.categories
        return [name for name in CATEGORIES if name in chosen]

    def plan(self, unit: str) -> Plan[DrawingRef]:
        selection = self.source.select(unit, self.per_category, self.seed)
        skipped = [Skip(f"{unit}/{key_id}", "fewer than two strokes") for key_id in selection.too_few_strokes]
        if not selection.chosen:
            skipped.append(Skip(unit, f"category {unit} has no recognised drawing with two strokes"))
        elif len(selection.chosen) < self.per_category:
            skipped.append(Skip(unit, _rest(unit, len(selection.chosen), self.per_category)))
        return Plan(Lazily(self.plan_drawing, selection.chosen), skipped, selection.problems)

    def plan_drawing(self, ref: DrawingRef) -> PlannedSample[DrawingRef]:
        """Plans the sample of one drawing."""
        key = f"{ref.category}/{ref.key_id}"
        random = sample_random(self.seed, self.scenario, key)
        texts = draw_texts(random, QUESTIONS, [random.choice(SUGGESTIONS)])
        answer = category_text(ref.category)
        categories = [answer, *draw_wrong_categories(random, answer, _SHOWN)]
        random.shuffle(categories)
        folder = f"{self.scenario.dataset}/{ref.category.replace(' ', '_')}/{ref.key_id}"
        fields = {
            "image_template": f"{folder}/{{image}}.png",
            "first_image": 0,
            "num_images": ref.strokes,
            "reference_image": ref.strokes - 1,
            "prompt": texts.prompt,
            "options": texts.options,
            "categories": categories,
            "answer": answer,
        }
        return PlannedSample(key, fields, ref, f"Quick, Draw! {ref.category}, key_id {ref.key_id}", "CC BY 4.0")

    def render(self, planned: PlannedSample[DrawingRef]) -> Iterator[Frame]:
        from builders.quickdraw_frames import draw_prefixes, encode

        template: str = planned.fields["image_template"]
        for number, image in enumerate(draw_prefixes(read_drawing(planned.recipe).strokes)):
            yield Frame(template.format(image=f"{number:04d}"), encode(image))


@dataclass(frozen=True)
class Drawings(Portion[tuple[str, int], DrawingRef]):
    """Rows of the train split: drawings, evenly spread over the categories.

    They are the next of the draw whose first ones are the test split, so no drawing is in both.

    Attributes:
        builder: The builder of the test split, whose drawings are passed over.
        count: Number of drawings.
    """

    builder: QuickDrawBuilder
    count: int = 17_000

    def units(self) -> Sequence[tuple[str, int]]:
        names = self.builder.units()
        return [(name, (self.count + place) // len(names)) for place, name in enumerate(names)]

    def draw(self, unit: tuple[str, int]) -> Drawn[DrawingRef]:
        name, count = unit
        found = self.builder.source.select(name, count, self.builder.seed, skip=self.builder.per_category)
        few = [Skip(name, _rest(name, len(found.chosen), count))] if len(found.chosen) < count else []
        return Drawn(found.chosen, few, found.problems)

    def plan(self, record: DrawingRef) -> PlannedSample[DrawingRef]:
        return self.builder.plan_drawing(record)


def _rest(category: str, usable: int, asked: int) -> str:
    return f"the rest of {category} ({usable} usable drawings, {asked} asked for)"


def require_disjoint(parts: Mapping[str, Mapping[str, Any]]) -> None:
    """Makes sure that no drawing can be in both splits of a folder.

    Args:
        parts: Short scenario name, or `TRAIN` -> settings. The train split passes over as many drawings of each
            category as its settings say, so the test split may have that many of the same draw.

    Raises:
        UsageError: Some may be in both.
    """
    name = scenarios.QD.name
    test, train = parts.get(name, {}), parts.get(TRAIN, {})
    if not (test and f"{name} seed" in train):
        return
    seed, most = train[f"{name} seed"], train[f"{name} per_category"]
    if test["seed"] != seed or test["per_category"] > most:
        raise UsageError(
            f"A Quick, Draw! test split with seed {test['seed']} and {test['per_category']} drawings per category may "
            f"share drawings with a train split that was made for seed {seed} and {most}. Give both the same --seed "
            "and --per-category, or another folder."
        )
