"""The ImageNet validation set (ILSVRC 2012), and the names of its 1,000 classes.

Layout: either flat, `ILSVRC2012_val_00000001.JPEG` and so on beside the development kit's
`ILSVRC2012_validation_ground_truth.txt`, whose line k is the class of picture k as a number from 1 to 1000; or sorted
into `<wnid>/` folders. The numbers of the development kit are in no order that could be derived, so they are kept here
with the names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from raw_sources.base import Inventory, Problem, Source, SourceError, SourceNotFoundError
from raw_sources.folders import WNID, check_picture, listing, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt"
PICTURES = 50_000

_PICTURE = re.compile(r"ILSVRC2012_val_(\d{8})\.jpe?g", re.IGNORECASE)


class ImageNetClass(NamedTuple):
    """One class.

    Attributes:
        wnid: WordNet identifier (`n01440764`).
        number: ILSVRC2012_ID of the development kit, 1 to 1000.
        name: Short name with underscores (`great_white_shark`); two classes are called crane, and two maillot.
    """

    wnid: str
    number: int
    name: str


def _classes() -> Iterator[ImageNetClass]:
    for line in resources.files("raw_sources").joinpath("imagenet_classes.txt").read_text("utf-8").splitlines():
        wnid, number, name = line.split()
        yield ImageNetClass(wnid, int(number), name)


CLASSES: tuple[ImageNetClass, ...] = tuple(_classes())
"""All classes in the usual order, by wnid."""

CLASS_NAMES: dict[str, str] = {entry.wnid: entry.name for entry in CLASSES}
"""The name of each wnid."""


@dataclass(frozen=True, slots=True)
class ImageNetRecord:
    """One validation picture; `stem` is its name without ending (`ILSVRC2012_val_00000293`)."""

    wnid: str
    stem: str
    picture: Path


@dataclass(frozen=True)
class ImageNet(Source[ImageNetRecord]):
    """The validation set under a folder.

    Attributes:
        folder: Holds the pictures, or a folder of pictures for each class.
        ground_truth: The development kit's file if the pictures lie flat, else None.
    """

    name = "imagenet"

    folder: Path
    ground_truth: Path | None

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds the validation pictures, sorted into class folders, or flat with the ground truth.

        The ground truth may lie anywhere in `raw`, or beside it where `raw` is the folder of the pictures.
        """
        flat: list[Path] = []
        truths: list[Path] = []
        for found in walk(raw):
            if not _is_severity(found.path) and any(
                _PICTURE.fullmatch(name)
                for wnid in filter(WNID.fullmatch, found.folders)
                for name in listing(found.path / wnid).files[:1]
            ):
                return cls(found.path, None)
            truths += [found.path / name for name in found.files if name == GROUND_TRUTH]
            if any(map(_PICTURE.fullmatch, found.files)):
                flat.append(found.path)
        truths += filter(Path.is_file, [raw.absolute().parent / GROUND_TRUTH])
        if flat and truths:
            return cls(flat[0], truths[0])
        if flat:
            raise SourceNotFoundError(
                f"{flat[0]} holds ImageNet validation pictures, but {GROUND_TRUTH} is nowhere under {raw}, nor beside "
                "it. Put it there; it is in ILSVRC2012_devkit_t12.tar.gz (https://image-net.org/download.php)."
            )
        raise SourceNotFoundError(
            f"No ImageNet validation pictures under {raw}: looked for ILSVRC2012_val_00000001.JPEG, flat or in wnid "
            "folders. Get ILSVRC2012_img_val.tar from https://image-net.org/download.php and unpack it there."
        )

    def verify(self) -> Inventory:
        """Reads the head of every picture; names unreadable ones and says how many of the 50,000 are missing."""
        inventory = Inventory({"pictures": 0})
        for record in self.read(inventory.problems):
            inventory.counts["pictures"] += 1
            check_picture(record.picture, inventory.problems)
        if (missing := PICTURES - inventory.counts["pictures"]) > 0:
            inventory.problems.append(Problem(str(self.folder), f"{missing:,} of {PICTURES:,} pictures are missing"))
        return inventory

    def records(self) -> Iterator[ImageNetRecord]:
        """Yields the pictures whose class is known, by class and name.

        Raises:
            SourceError: The ground truth cannot be read.
        """
        return self.read([])

    def read(self, problems: list[Problem]) -> Iterator[ImageNetRecord]:
        """Yields what `records` yields, and adds what is missing or broken to `problems`.

        Raises:
            SourceError: The ground truth cannot be read.
        """
        if self.ground_truth is None:
            for wnid in filter(CLASS_NAMES.__contains__, listing(self.folder).folders):
                for name in filter(_PICTURE.fullmatch, listing(self.folder / wnid).files):
                    yield ImageNetRecord(wnid, Path(name).stem, self.folder / wnid / name)
            return
        wnids = _read_ground_truth(self.ground_truth, problems)
        records = []
        for match in filter(None, map(_PICTURE.fullmatch, listing(self.folder).files)):
            path = self.folder / match[0]
            if known := wnids.get(int(match[1])):
                records.append(ImageNetRecord(known, path.stem, path))
            else:
                problems.append(Problem(str(path), f"{self.ground_truth} has no class for it"))
        yield from sorted(records, key=lambda record: (record.wnid, record.stem))


def _is_severity(folder: Path) -> bool:
    """Whether this is a folder of ImageNet-C (`gaussian_noise/5`), which holds pictures of the same names."""
    return folder.name in {"1", "2", "3", "4", "5"}


def _read_ground_truth(path: Path, problems: list[Problem]) -> dict[int, str]:
    """Number of a validation picture -> wnid."""
    by_number = {str(entry.number): entry.wnid for entry in CLASSES}
    found: dict[int, str] = {}
    try:
        lines = path.read_text("utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror}).") from error
    for number, line in enumerate(lines, start=1):
        if wnid := by_number.get(line.strip()):
            found[number] = wnid
        else:
            problems.append(Problem(f"{path}:{number}", f"expected a class from 1 to {len(CLASSES)}, found {line!r}"))
    return found
