"""Photographs of your own: a folder named `photos`, in it one folder per category, in these the pictures.

Others, in a folder `photos_to_train` of the same form, are for the training split alone.

Whether they may be passed on is yours to know, so the licence is "not stated", and `publish` asks for your word.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from raw_sources.base import Inventory, Source, SourceNotFoundError
from raw_sources.catalog import CatalogEntry
from raw_sources.folders import check_picture, listing, pictures, walk


@dataclass(frozen=True)
class Photo:
    """One photograph.

    Attributes:
        path: Where it is.
        category: Name of its folder.
    """

    path: Path
    category: str

    @property
    def key(self) -> str:
        """Names it among all photographs."""
        return f"{self.category}/{self.path.name}"


@dataclass(frozen=True)
class Photos(Source[Photo]):
    """The folder of photographs."""

    name = "photos"
    entry = CatalogEntry(
        name=name,
        title="Photographs of your own",
        home="https://example.org/your-photographs",
        licence="yours to know",
        redistribution="not stated",
        citation="@misc{photos, title = {Photographs of our own}}",
        steps=("Put photographs (JPEG, PNG) into {raw}/photos/CATEGORY/, of at least four categories.",),
    )

    folder: Path

    @classmethod
    def locate(cls, raw: Path, name: str = "photos") -> Self:
        for found in walk(raw):
            if found.path.name == name and found.folders:
                return cls(found.path)
        raise SourceNotFoundError(f"No photographs under {raw}: looked for {name}/CATEGORY/*.jpg.")

    def verify(self) -> Inventory:
        inventory = Inventory({"categories": len(listing(self.folder).folders), "photographs": 0})
        for photo in self.records():
            if check_picture(photo.path, inventory.problems):
                inventory.counts["photographs"] += 1
        return inventory

    def records(self) -> Iterator[Photo]:
        for category in listing(self.folder).folders:
            for path in pictures(self.folder / category):
                yield Photo(path, category.replace("_", " "))
