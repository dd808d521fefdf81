"""MVP-N: views of a product that could be several look-alikes, and one view that tells which it is.

A multi-view set gives one sample: its uninformative views in the order of the list, then one of its informative views.
Sets without either kind are left out.

Decided here: the frames of a sample lie in a folder of its own, for one view serves in several sets, as an
uninformative one or as the last; and a view's number is its place in the set, because how the raw files are numbered is
not published. Only the test lists are used, as in the paper.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.base import Frame, NeedsMoreError, Plan, PlannedSample, RecordBuilder, Skip, sample_random
from builders.negatives import draw_wrong_categories
from builders.options import Option
from builders.pictures import encode_png, picture_versions, read_picture
from builders.pipeline.storage import fingerprint
from builders.wording import category_text, draw_texts
from proactivebench import scenarios
from proactivebench.errors import UsageError
from raw_sources.base import Problem, SourceError
from raw_sources.mvpn import LOOK_ALIKES, Mvpn, MvpnRecord, read_class_names

SPLITS = ("test",)

QUESTIONS = (
    "Which product is this?",
    "What product can be seen in this picture?",
    "Can you tell which product is shown?",
    "What is the name of this product?",
    "What item is this?",
    "What is the product in this picture called?",
    "What grocery item is shown here?",
    "What exactly is this packaged product?",
    "Which product was photographed here?",
    "What product is in front of the camera?",
    "Can you identify the product in this photo?",
    "What retail product does this picture show?",
    "What would the label on the shelf call this product?",
    "Under what name is this product sold?",
    "Which product am I looking at?",
)

SUGGESTIONS = (
    "Rotate the product.",
    "Please rotate it a little.",
    "Could you rotate the package so that I can see its front?",
    "Show me another view of the product.",
    "I need a view from the other side.",
    "Take the picture from a better angle.",
    "Please hold the product at another angle.",
    "Change the orientation of the product.",
    "Could you turn it to another orientation?",
    "Let me see a different side.",
    "Please show it from a different direction.",
)


@dataclass(frozen=True)
class MvpnBuilder(RecordBuilder[MvpnRecord, tuple[Path, ...]]):
    """Builds the MVP-N scenario; a recipe is the views in the order in which they are shown.

    Attributes:
        source: The multi-view sets.
        class_names: Class (`0027`) -> name, see `raw_sources.mvpn.read_class_names`.
        seed: Decides texts, wrong categories and, where a set has several, the informative view.
    """

    scenario = scenarios.MVPN
    OPTIONS = (Option("class_names", Path, help="MVP-N: table of the products' names (class id, name)."),)

    source: Mvpn
    class_names: Mapping[str, str]
    seed: int = 0

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> MvpnBuilder:
        source = Mvpn.locate(raw)
        if options["class_names"] is None:
            raise NeedsMoreError(
                "MVP-N needs the names of its products, which its documentation lists: a table with lines such as "
                "`0000,Name of the product`, given by --class-names."
            )
        try:
            return cls(source, read_class_names(options["class_names"]), options["seed"])
        except SourceError as error:
            raise UsageError(str(error)) from error

    def settings(self) -> dict[str, Any]:
        pictures = sorted({view.path for record in self.source.read([], SPLITS) for view in record.views})
        return {
            "seed": self.seed,
            "class_names": dict(sorted(self.class_names.items())),
            "raw data": fingerprint(self.source.folder, pictures),
        }

    def versions(self) -> dict[str, str]:
        return picture_versions()

    def read(self, problems: list[Problem]) -> Iterable[MvpnRecord]:
        """Reads the sets of the test lists.

        Raises:
            UsageError: A class that is there has no name.
        """
        records = list(self.source.read(problems, SPLITS))
        if unnamed := sorted({record.label for record in records} - self.class_names.keys()):
            raise UsageError(
                f"MVP-N classes without a name: {', '.join(unnamed)}. Add a line class_id,name for each to the "
                "file of class names; the names are in the documentation of MVP-N."
            )
        return records

    def plan_record(self, record: MvpnRecord) -> Plan[tuple[Path, ...]]:
        key = f"{record.split}/{record.label}/{record.index:03}"
        views = list(dict.fromkeys(record.views))
        shown = [number for number, view in enumerate(views) if not view.informative]
        informative = [number for number, view in enumerate(views) if view.informative]
        if not (shown and informative):
            return Plan((), [Skip(key, f"no {'informative' if shown else 'uninformative'} view in the set")])
        random = sample_random(self.seed, self.scenario, key)
        texts = draw_texts(random, QUESTIONS, [random.choice(SUGGESTIONS)])
        answer = category_text(self.class_names[record.label])
        try:
            wrong = draw_wrong_categories(
                random, answer, self._look_alikes(record.label), self._names(self.class_names)
            )
        except ValueError as error:
            return Plan((), [Skip(key, f"too few classes have names: {error}")])
        categories = [answer, *wrong]
        random.shuffle(categories)
        shown.append(random.choice(informative))
        folder = f"{self.scenario.dataset}/{record.label}/{record.split}_{record.index:03}"
        fields = {
            "image_template": f"{folder}/{{image}}_{{informative}}.png",
            "first_image": shown[0],
            "num_images": len(shown),
            "reference_image": shown[-1],
            "valid_images": shown,
            "prompt": texts.prompt,
            "options": texts.options,
            "categories": categories,
            "answer": answer,
        }
        recipe = tuple(views[number].path for number in shown)
        origin = f"MVP-N {record.split}_list, class {record.label}, set {record.index}"
        return Plan([PlannedSample(key, fields, recipe, origin, "MIT, non-commercial")])

    def _look_alikes(self, label: str) -> list[str]:
        [group] = (group for group in LOOK_ALIKES if label in group)
        return self._names(other for other in group if other in self.class_names)

    def _names(self, labels: Iterable[str]) -> list[str]:
        return [category_text(self.class_names[label]) for label in sorted(labels)]

    def render(self, planned: PlannedSample[tuple[Path, ...]]) -> Iterator[Frame]:
        numbers = planned.fields["valid_images"]
        template: str = planned.fields["image_template"]
        for turn, (number, path) in enumerate(zip(numbers, planned.recipe, strict=True)):
            informative = str(int(turn == len(numbers) - 1))
            frame = template.replace("{informative}", informative).replace("{image}", f"{number:04}")
            yield Frame(frame, encode_png(read_picture(path)))
