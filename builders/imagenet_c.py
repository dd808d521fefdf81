"""ImageNet-C as it was released: its pictures are taken byte for byte, or others of the kind are generated.

Which picture gets which corruption and texts is decided for both ways in `imagenet_c_any`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.imagenet_c_any import ACTIONS, AnyImageNetCBuilder
from builders.options import PER_CATEGORY, Folder, Option
from builders.pictures import read_original
from raw_sources.base import Problem
from raw_sources.imagenet import CLASS_NAMES
from raw_sources.imagenet_c import ImageNetC, ImageNetCRecord


@dataclass(frozen=True)
class ImageNetCBuilder(AnyImageNetCBuilder[str, ImageNetCRecord]):
    """Builds the ImageNet-C scenario from the released pictures.

    Attributes:
        source: The released tree, or a part of it.
        seed: Decides which pictures are picked, their corruptions, texts and wrong categories.
        per_class: Pictures of each class.

    Raises:
        UsageError: `per_class` is out of range.
    """

    OPTIONS = (
        PER_CATEGORY,
        Option("from_imagenet", Folder, help="ImageNet-C: generate from these validation pictures."),
    )

    source: ImageNetC
    seed: int = 0
    per_class: int = 5

    @classmethod
    def from_options(cls, raw: Path, options: Mapping[str, Any]) -> AnyImageNetCBuilder[Any, Any]:
        if options["from_imagenet"] is None:
            return cls(ImageNetC.locate(raw), options["seed"], options["per_category"] or cls.per_class)
        from builders.imagenet_c_generated import GeneratedImageNetCBuilder

        return GeneratedImageNetCBuilder.from_options(options["from_imagenet"], options)

    def settings(self) -> dict[str, Any]:
        found = hashlib.blake2b(digest_size=8)
        for corruption in self.source.folders:
            found.update(f"{corruption} {self.source.wnids(corruption)}\n".encode())
        return {"seed": self.seed, "per_class": self.per_class, "raw data": found.hexdigest()}

    def versions(self) -> dict[str, str]:
        return {}  # no library decides a byte: the pictures are copied

    def read(self, problems: list[Problem]) -> Sequence[str]:
        used = [corruption for corruption in ACTIONS if corruption in self.source.folders]
        found = {wnid for corruption in used for wnid in self.source.wnids(corruption)}
        return [wnid for wnid in CLASS_NAMES if wnid in found]

    def wnid(self, record: str) -> str:
        return record

    def pictures(self, record: str, corruption: str, problems: list[Problem]) -> Sequence[ImageNetCRecord]:
        return self.source.pictures(corruption, record, problems) if corruption in self.source.folders else ()

    def levels(self, picture: ImageNetCRecord) -> Iterator[bytes]:
        return map(read_original, picture.severities)
