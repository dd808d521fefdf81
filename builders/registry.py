"""From a scenario and what the user said to its builder.

Some scenarios need more than raw data: MVP-N the names of its products, VSOD labels by a person. Where that is missing
the scenario cannot be built, and says what it needs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.base import Builder
from proactivebench.errors import UsageError
from proactivebench.scenarios import Scenario
from raw_sources.base import SourceError

if TYPE_CHECKING:
    from builders.train.split import TrainSplit


class NeedsMoreError(UsageError):
    """A scenario needs something that the user did not give."""


@dataclass(frozen=True)
class BuildOptions:
    """What a user may say about a build; None leaves the choice to the builder.

    Attributes:
        seed: Decides every random choice.
        per_category: Drawings of each category of Quick, Draw! (10), pictures of each class of ImageNet-C (5).
        categories: Categories of Quick, Draw! to build.
        class_names: Table of MVP-N's product names.
        labels: Labels of VSOD.
        max_pixels: Pixels (width times height) to which the photos of ROD are scaled down.
        from_imagenet: Folder with ImageNet's validation pictures, to generate corruptions from.
        negatives: Where COCO's wrong categories come from: `supercategories`, `random`, `clip:MODEL` or a file.
        keep: Folder in which similarities that a model computed are kept.
    """

    seed: int = 0
    per_category: int | None = None
    categories: Sequence[str] | None = None
    class_names: Path | None = None
    labels: Path | None = None
    max_pixels: int | None = None
    from_imagenet: Path | None = None
    negatives: str = "supercategories"
    keep: Path = Path()

    def sized(self, name: str) -> dict[str, int]:
        """The number per category under a builder's own name for it, if the user gave one."""
        return {} if self.per_category is None else {name: self.per_category}


def make_builder(scenario: Scenario, raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    """Finds the raw data of a scenario and makes its builder.

    Args:
        scenario: What to build.
        raw: Folder with the raw data, at any depth.
        options: What else the user said.

    Raises:
        SourceNotFoundError: The raw data are not there.
        NeedsMoreError: Something else is needed.
        UsageError: An option cannot be meant, or a file that it names is wrong.
        SourceError: The raw data cannot be used at all.
    """
    return _MAKERS[scenario.name](raw, options)


def make_train_split(raw: Path, options: BuildOptions, drawings: int, photos: int) -> TrainSplit:
    """Finds the raw data of the train split and says what it is made from.

    Args:
        raw: Folder with the raw data, at any depth.
        options: What else the user said; seed and number per category must be those of the test split.
        drawings: Rows from Quick, Draw!; 0 for none.
        photos: Rows from COCO's training photos; 0 for none.

    Raises:
        SourceNotFoundError: The raw data are not there.
        UsageError: Nothing is asked for, or an option cannot be meant.
    """
    from builders.coco import CocoBuilder
    from builders.coco_similarity import get_similarity
    from builders.quickdraw import QuickDrawBuilder
    from builders.train.split import Drawings, Photos, TrainSplit
    from raw_sources.coco import Coco
    from raw_sources.quickdraw import QuickDraw

    portions: list[Drawings | Photos] = []
    if drawings:
        test = QuickDrawBuilder(
            QuickDraw.locate(raw), options.seed, categories=options.categories, **options.sized("per_category")
        )
        portions.append(Drawings(test, drawings))
    if photos:
        similarity = get_similarity(options.negatives, options.keep)
        train = CocoBuilder(Coco.locate(raw, "train"), split="train", seed=options.seed, similarity=similarity)
        portions.append(Photos(train, photos))
    if not portions:
        raise UsageError("The train split needs rows: --quickdraw or --coco above 0.")
    return TrainSplit(portions, options.seed)


def _rod(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    from builders.rod import RodBuilder
    from raw_sources.rod import Rod

    return RodBuilder(Rod.locate(raw), seed=options.seed, max_pixels=options.max_pixels)


def _vsod(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    from builders.vsod import VsodBuilder
    from builders.vsod_labels import read_labels
    from raw_sources.vsod import Vsod

    source = Vsod.locate(raw)
    if options.labels is None:
        raise NeedsMoreError(
            "VSOD needs labels by a person: `proactivebench build vsod --propose labels.csv` makes the table to fill "
            "in, `--labels labels.csv` builds from it."
        )
    return VsodBuilder(source, read_labels(options.labels), seed=options.seed)


def _mvpn(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    from builders.mvpn import MvpnBuilder
    from raw_sources.mvpn import Mvpn, read_class_names

    source = Mvpn.locate(raw)
    if options.class_names is None:
        raise NeedsMoreError(
            "MVP-N needs the names of its products, which its documentation lists: a table with lines such as "
            "`0000,Name of the product`, given by --class-names."
        )
    try:
        names = read_class_names(options.class_names)
    except SourceError as error:
        raise UsageError(str(error)) from error
    return MvpnBuilder(source, names, seed=options.seed)


def _imagenet_c(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    if options.from_imagenet is not None:
        from builders.imagenet_c_generated import GeneratedImageNetCBuilder
        from raw_sources.imagenet import ImageNet

        pictures = ImageNet.locate(options.from_imagenet)
        return GeneratedImageNetCBuilder(pictures, seed=options.seed, **options.sized("per_class"))
    from builders.imagenet_c import ImageNetCBuilder
    from raw_sources.imagenet_c import ImageNetC

    return ImageNetCBuilder(ImageNetC.locate(raw), seed=options.seed, **options.sized("per_class"))


def _quickdraw(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    from builders.quickdraw import QuickDrawBuilder
    from raw_sources.quickdraw import QuickDraw

    source = QuickDraw.locate(raw)
    return QuickDrawBuilder(source, options.seed, categories=options.categories, **options.sized("per_category"))


def _changeit(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    from builders.changeit import ChangeItBuilder
    from raw_sources.changeit import ChangeIt

    return ChangeItBuilder(ChangeIt.locate(raw), seed=options.seed)


def _coco(raw: Path, options: BuildOptions) -> Builder[Any, Any]:
    from builders.coco import CocoBuilder
    from builders.coco_similarity import get_similarity
    from raw_sources.coco import Coco

    source = Coco.locate(raw)
    similarity = get_similarity(options.negatives, options.keep)
    return CocoBuilder(source, seed=options.seed, similarity=similarity)


_MAKERS: Mapping[str, Callable[[Path, BuildOptions], Builder[Any, Any]]] = {
    "ROD": _rod,
    "VSOD": _vsod,
    "MVP-N": _mvpn,
    "IN-C": _imagenet_c,
    "QD": _quickdraw,
    "CIT": _changeit,
    "COCO": _coco,
}
