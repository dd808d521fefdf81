"""MS-COCO: pictures that hold exactly one object, from the official instances file.

Decided here: which instances file is read (the official one of 2014 or else of 2017, else the one most like it; what is
left unread beside these is said), and where pictures are looked for: anywhere, by the 12-digit identifier at the end of
their names, for 2014 and 2017 name the same pictures differently.

Nearly all of the file is outlines that nobody needs here, so it is decoded into typed structures that skip them.
"""

from __future__ import annotations

import re
from codecs import BOM_UTF8
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import msgspec

from raw_sources.base import Inventory, Problem, Source, SourceError, SourceNotFoundError, decoding
from raw_sources.folders import picture_size, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SPLITS = ("val", "train")

SUPERCATEGORIES: Mapping[str, str] = dict(
    line.split("\t")
    for line in resources.files("raw_sources").joinpath("coco_categories.txt").read_text("utf-8").splitlines()
)
"""Name of each of the 80 categories -> COCO's supercategory of it, in the order of their numbers."""

CATEGORIES: tuple[str, ...] = tuple(SUPERCATEGORIES)
"""The names of the 80 categories, in the order of their numbers."""

LICENCES: Mapping[int, str] = {
    1: "Attribution-NonCommercial-ShareAlike License",
    2: "Attribution-NonCommercial License",
    3: "Attribution-NonCommercial-NoDerivs License",
    4: "Attribution License",
    5: "Attribution-ShareAlike License",
    6: "Attribution-NoDerivs License",
    7: "No known copyright restrictions",
    8: "United States Government Work",
}
"""COCO's table of licences, the same in all its files; the Creative Commons ones are of version 2.0."""

MAX_EDGE = 65_535
"""Pixels along an edge that a JPEG can have."""

_INSTANCES = re.compile(r"(?!.*(captions|keypoints|stuff|panoptic|image_info)).*(val|train)(2014|2017).*\.json", re.I)
_PICTURE = re.compile(r"(?:COCO_(?:val|train)2014_)?(\d{12})\.jpe?g", re.IGNORECASE)


class Box(NamedTuple):
    """Left and top edge, width and height, in pixels of the picture; fractions occur."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class CocoRecord:
    """A picture with exactly one object.

    Attributes:
        image_id: COCO's identifier.
        picture: The file.
        width: Of the picture, in pixels.
        height: Of the picture, in pixels.
        box: Of the object; inside the picture.
        category: One of COCO's 80 names.
        license: Of the photo, as numbered in COCO's table of licences.
    """

    image_id: int
    picture: Path
    width: int
    height: int
    box: Box
    category: str
    license: int


class _Image(msgspec.Struct):
    id: int
    width: int
    height: int
    license: int


class _Annotation(msgspec.Struct):
    image_id: int
    bbox: Box
    category_id: int
    iscrowd: int


class _Category(msgspec.Struct):
    id: int
    name: str


class _Instances(msgspec.Struct):
    images: list[_Image]
    annotations: list[_Annotation]
    categories: list[_Category]


@dataclass(frozen=True)
class Coco(Source[CocoRecord]):
    """One split of COCO under a folder.

    Attributes:
        folder: The folder under which the pictures lie.
        annotations: The instances file.
        unused: Other instances files of the split, but for the official one of 2017.
    """

    name = "coco"

    folder: Path
    annotations: Path
    unused: tuple[Path, ...] = ()

    @classmethod
    def locate(cls, raw: Path, split: str = "val") -> Self:
        """Finds the instances file of a split, one of `SPLITS`."""
        files = [
            found.path / name
            for found in walk(raw)
            for name in found.files
            if (match := _INSTANCES.fullmatch(name)) and match[2].lower() == split and (found.path / name).is_file()
        ]
        if not files:
            raise SourceNotFoundError(
                f"No COCO annotations under {raw}: looked for annotations/instances_{split}2014.json. "
                "Get http://images.cocodataset.org/annotations/annotations_trainval2014.zip and "
                f"http://images.cocodataset.org/zips/{split}2014.zip and unpack both there."
            )
        official = [f"instances_{split}2014.json", f"instances_{split}2017.json"]
        first, *others = sorted(
            files,
            key=lambda path: (
                official.index(path.name) if path.name in official else len(official),
                "instances" not in path.name,
                "2014" not in path.name,
                -path.stat().st_size,
            ),
        )
        return cls(raw, first, tuple(path for path in others if path.name not in official))

    def verify(self) -> Inventory:
        """Reads the annotations and the head of every picture with one box; names missing and unreadable pictures."""
        inventory = Inventory(problems=[Problem(str(path), f"not used: {self.annotations} is") for path in self.unused])
        records = list(self.read(inventory.problems))
        inventory.counts["pictures with one box"] = len(records)
        for record in records:
            expected = (record.width, record.height)
            try:
                if (size := picture_size(record.picture)) != expected:
                    raise SourceError(f"the picture has {size} pixels, its annotation says {expected}")
            except SourceError as error:
                inventory.problems.append(Problem(str(record.picture), str(error)))
        return inventory

    def records(self) -> Iterator[CocoRecord]:
        """Yields the pictures with exactly one box, none of it a crowd's, by identifier.

        Raises:
            SourceError: The instances file cannot be read.
        """
        return self.read([])

    def read(self, problems: list[Problem]) -> Iterator[CocoRecord]:
        """Yields what `records` yields, and adds what is missing or broken to `problems`.

        Raises:
            SourceError: The instances file cannot be read.
        """
        instances = _load(self.annotations)
        names = {category.id: category.name for category in instances.categories}
        boxes: dict[int, list[_Annotation]] = {}
        for annotation in instances.annotations:
            boxes.setdefault(annotation.image_id, []).append(annotation)
        pictures = self.pictures()
        listed = Counter(image.id for image in instances.images)
        for image in sorted(instances.images, key=lambda image: image.id):
            match boxes.get(image.id):
                case [annotation] if not annotation.iscrowd:
                    try:
                        if listed[image.id] > 1:
                            raise ValueError(f"it is listed {listed[image.id]} times")
                        yield _record(image, annotation, names, pictures)
                    except ValueError as error:
                        problems.append(Problem(f"{self.annotations}, image {image.id}", str(error)))

    def pictures(self) -> dict[int, Path]:
        """Identifier -> file, for all pictures under the folder, whatever their split."""
        found: dict[int, Path] = {}
        for folder in walk(self.folder):
            for match in filter(None, map(_PICTURE.fullmatch, folder.files)):
                found.setdefault(int(match[1]), folder.path / match[0])
        return found


def _load(path: Path) -> _Instances:
    with decoding(path, "COCO instances file"):
        return msgspec.json.decode(path.read_bytes().removeprefix(BOM_UTF8), type=_Instances)


def _record(image: _Image, annotation: _Annotation, names: dict[int, str], pictures: dict[int, Path]) -> CocoRecord:
    if not (0 < image.width <= MAX_EDGE and 0 < image.height <= MAX_EDGE):
        raise ValueError(f"its picture has {image.width} x {image.height} pixels, expected 1 to {MAX_EDGE:,}")
    left, top, width, height = annotation.bbox
    right, bottom = min(left + width, image.width), min(top + height, image.height)
    left, top = max(left, 0.0), max(top, 0.0)
    if not (left < right and top < bottom):
        raise ValueError(f"its box {list(annotation.bbox)} is empty or outside the picture")
    if annotation.category_id not in names:
        raise ValueError(f"its category {annotation.category_id} is not in the table of categories")
    if names[annotation.category_id] not in CATEGORIES:
        raise ValueError(f"its category {names[annotation.category_id]!r} is not one of COCO's {len(CATEGORIES)}")
    if image.id not in pictures:
        raise ValueError(f"the picture {image.id:012}.jpg is missing, also under its longer name of 2014")
    box = Box(left, top, right - left, bottom - top)
    category = names[annotation.category_id]
    return CocoRecord(image.id, pictures[image.id], image.width, image.height, box, category, image.license)
