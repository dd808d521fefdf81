"""ImageNet-C: the ImageNet validation set under 19 corruptions at five severities.

Layout (make_imagenet_c.py of its authors): `<corruption>/<severity 1 to 5>/<wnid>/ILSVRC2012_val_00000293.JPEG`, the
corruptions in one folder or still in one folder per archive. The whole set has nearly five million files, so only
folders that are asked for are listed: `pictures` costs five listings, `records` all of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from raw_sources.base import Inventory, Problem, Source, SourceNotFoundError
from raw_sources.folders import WNID, listing, walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SEVERITIES = (1, 2, 3, 4, 5)

ARCHIVES: Mapping[str, tuple[str, ...]] = {
    "noise.tar": ("gaussian_noise", "shot_noise", "impulse_noise"),
    "blur.tar": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur"),
    "weather.tar": ("snow", "frost", "fog", "brightness"),
    "digital.tar": ("contrast", "elastic_transform", "pixelate", "jpeg_compression"),
    "extra.tar": ("speckle_noise", "gaussian_blur", "spatter", "saturate"),
}
"""What is in each of the published archives."""

CORRUPTIONS = tuple(name for names in ARCHIVES.values() for name in names)
"""The 19 corruptions, named like their folders."""

_PICTURE = re.compile(r"ILSVRC2012_val_\d{8}\.jpe?g", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ImageNetCRecord:
    """One picture under one corruption, there at all five severities.

    Attributes:
        corruption: One of `CORRUPTIONS`.
        wnid: Its class.
        name: The picture's file name (`ILSVRC2012_val_00000293.JPEG`).
        folders: Where it lies, from severity 1 to 5.
    """

    corruption: str
    wnid: str
    name: str
    folders: tuple[Path, ...]

    @property
    def stem(self) -> str:
        """The picture's name without ending."""
        return self.name.rpartition(".")[0]

    @property
    def severities(self) -> tuple[Path, ...]:
        """The files, from severity 1 to 5."""
        return tuple(folder / self.name for folder in self.folders)


@dataclass(frozen=True)
class ImageNetC(Source[ImageNetCRecord]):
    """ImageNet-C under a folder.

    Attributes:
        folders: Corruption -> its folder, in the order of `CORRUPTIONS`; those that are not there are missing.
    """

    name = "imagenet-c"

    folders: Mapping[str, Path]

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds folders named like the corruptions that hold one of the folders `1` to `5`."""
        found: dict[str, Path] = {}
        for folder in walk(raw):
            if folder.path.name in CORRUPTIONS and {str(severity) for severity in SEVERITIES} & {*folder.folders}:
                found.setdefault(folder.path.name, folder.path)
        if not found:
            raise SourceNotFoundError(
                f"No ImageNet-C under {raw}: looked for folders like gaussian_noise/5/n01440764/. Get the archives "
                f"({', '.join(ARCHIVES)}) from https://zenodo.org/record/2235448 and unpack them there."
            )
        return cls({name: found[name] for name in CORRUPTIONS if name in found})

    def wnids(self, corruption: str) -> tuple[str, ...]:
        """The classes that a corruption has at any severity, sorted."""
        folders = (listing(self.folders[corruption] / str(severity)).folders for severity in SEVERITIES)
        return tuple(sorted({name for names in folders for name in names if WNID.fullmatch(name)}))

    def verify(self) -> Inventory:
        """Lists every folder; names corruptions that are missing and pictures that are not there at all severities."""
        inventory = Inventory({"corruptions": len(self.folders), "classes": 0, "pictures": 0})
        for archive, names in ARCHIVES.items():
            if missing := [name for name in names if name not in self.folders]:
                inventory.problems.append(Problem("imagenet-c", f"{', '.join(missing)} missing; unpack {archive}"))
        wnids = set()
        for record in self._read(inventory.problems):
            wnids.add(record.wnid)
            inventory.counts["pictures"] += len(SEVERITIES)
        inventory.counts["classes"] = len(wnids)
        return inventory

    def records(self) -> Iterator[ImageNetCRecord]:
        """Yields everything that is there at all severities, by corruption, class and name."""
        return self._read([])

    def _read(self, problems: list[Problem]) -> Iterator[ImageNetCRecord]:
        for corruption in self.folders:
            for wnid in self.wnids(corruption):
                yield from self.pictures(corruption, wnid, problems)

    def pictures(self, corruption: str, wnid: str, problems: list[Problem]) -> tuple[ImageNetCRecord, ...]:
        """The pictures of one class under one corruption that are there at all severities, sorted by name.

        Those that are there at some severities alone are added to `problems`.
        """
        folders = tuple(self.folders[corruption] / str(severity) / wnid for severity in SEVERITIES)
        names = [{name for name in listing(folder).files if _PICTURE.fullmatch(name)} for folder in folders]
        complete = set.intersection(*names)
        for name in sorted(set.union(*names) - complete):
            lacking = ", ".join(str(severity) for severity, at in zip(SEVERITIES, names, strict=True) if name not in at)
            problems.append(Problem(f"{self.folders[corruption]}: {wnid}/{name}", f"missing at severity {lacking}"))
        return tuple(ImageNetCRecord(corruption, wnid, name, folders) for name in sorted(complete))
