"""Quick, Draw!: one frame per stroke, first stroke first, the complete drawing as reference.

Decided here: the look of a frame. The bounding box of the complete drawing is fitted into the canvas, so nothing moves
from frame to frame; lines are drawn on a larger canvas and averaged down. Simplified and raw strokes give frames of one
look. Drawings with a single stroke leave nothing to ask for and are passed over by the source's draw.
"""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from builders.base import Builder, Frame, Plan, PlannedSample, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.wording import QUICKDRAW, category_text
from proactivebench import scenarios
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
from raw_sources.quickdraw import CATEGORIES, DrawingRef, QuickDraw, read_drawing
from raw_sources.quickdraw_lines import Stroke

SIZE = 256
"""Width and height of a frame in pixels."""

MARGIN = 16
LINE_WIDTH = 4
_OVERSAMPLING = 4
_SUBPIXEL_BITS = 4
_PNG = (cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE)


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

    source: QuickDraw
    seed: int = 0
    per_category: int = 10
    categories: Sequence[str] | None = None

    def __post_init__(self) -> None:
        if self.per_category < 1:
            raise UsageError(f"per_category is {self.per_category}, expected at least 1")
        for name in self.categories or ():
            if name not in CATEGORIES:
                close = difflib.get_close_matches(name, CATEGORIES, n=1, cutoff=0)[0]
                raise UsageError(f"Quick, Draw! has no category {name!r}; did you mean {close!r}?")
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
        return {"opencv": cv2.__version__, "numpy": np.__version__}

    def check_folder(self, parts: Mapping[str, Mapping[str, Any]]) -> None:
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
            skipped.append(Skip(unit, f"category with fewer than {self.per_category} usable drawings"))
        return Plan([self.plan_drawing(ref) for ref in selection.chosen], skipped, selection.problems)

    def plan_drawing(self, ref: DrawingRef) -> PlannedSample[DrawingRef]:
        """Plans the sample of one drawing."""
        key = f"{ref.category}/{ref.key_id}"
        random = sample_random(self.seed, self.scenario, key)
        texts = QUICKDRAW.draw(random)
        answer = category_text(ref.category)
        categories = [answer, *draw_wrong_categories(random, answer, map(category_text, CATEGORIES))]
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
        template: str = planned.fields["image_template"]
        for number, image in enumerate(draw_prefixes(read_drawing(planned.recipe).strokes)):
            yield Frame(template.format(image=f"{number:04d}"), cv2.imencode(".png", image, _PNG)[1].tobytes())


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


def draw_prefixes(strokes: Sequence[Stroke]) -> Iterator[MatLike]:
    """Draws the first stroke, the first two, and so on: black on white, anti-aliased.

    Args:
        strokes: In any coordinates, y downwards.

    Yields:
        Images of shape (SIZE, SIZE), uint8 grey values, 0 is black.
    """
    cv2.setNumThreads(1)  # the pictures are small, and the pipeline has one process per core
    canvas = np.full((SIZE * _OVERSAMPLING, SIZE * _OVERSAMPLING), 255, np.uint8)
    for points in _fit(strokes):
        dot = len(points) == 1  # drawn as a line from the point back to itself
        cv2.polylines(canvas, [points], dot, 0, LINE_WIDTH * _OVERSAMPLING, shift=_SUBPIXEL_BITS)
        # Halving twice is four times as fast as one reduction by four.
        half = cv2.resize(canvas, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        yield cv2.resize(half, (SIZE, SIZE), interpolation=cv2.INTER_AREA)


def _fit(strokes: Sequence[Stroke]) -> list[NDArray[np.int32]]:
    """Scales and centres a drawing: points of shape (n, 2) in fractions of a pixel of the large canvas."""
    points = [np.array(stroke, np.float64).T for stroke in strokes]
    low, high = (bound([bound(part, axis=0) for part in points], axis=0) for bound in (np.min, np.max))
    extent = max(float((high - low).max()), 1e-6)
    unit = _OVERSAMPLING << _SUBPIXEL_BITS
    scale = (SIZE - 2 * MARGIN) * unit / extent
    centre = SIZE * unit / 2
    return [np.rint((part - (low + high) / 2) * scale + centre).astype(np.int32) for part in points]
