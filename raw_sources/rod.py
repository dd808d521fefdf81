"""ROD, the Realistic Occlusion Dataset: an occluder moves from left to right in front of an object, 14 photos long.

Decided here: how a file name is read. `natural_bluebl_greenr-banana-s6` is `<lighting>_<occluder>_<room>-<class>-s<k>`;
of the whole data set only this one name is publicly known, so classes of two words are accepted with a space, an
underscore, a hyphen or nothing between them, and the spellings of the occluder are a table that can be replaced. A name
beside them that still cannot be read is a problem, never a guess.

The published data lacks one photo (that very name), so a record says which frames it has.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from raw_sources.base import Inventory, Problem, Source, SourceNotFoundError
from raw_sources.folders import check_picture, pictures, walk

if TYPE_CHECKING:
    from collections.abc import Iterator

CLASSES = (
    *("banana", "baseball", "cowboy hat", "cup", "dumbbell", "hammer", "laptop", "microwave"),
    *("mouse", "orange", "pillow", "plate", "screwdriver", "skillet", "spatula", "vase"),
)
"""The 16 classes in the order of their identifiers."""

FRAMES = 14
"""Frames of a sequence, numbered from 0: the object is free in frame 0 and most occluded in frame 7."""

OCCLUDERS = (
    (r"redbl\w*", "red blocks"),
    (r"bluebl\w*", "blue blocks"),
    (r"redc\w*", "red cardboard"),
    (r"bluec\w*", "blue cardboard"),
)
"""Pairs of a regular expression for the occluder's part of a file name, and the occluder in words."""

_NAME = re.compile(r"(?P<sequence>(?P<scene>[^-]+)-(?P<label>[^-].*))-s(?P<index>\d{1,3})", re.IGNORECASE)
_LABELS = {label.replace(" ", ""): label for label in CLASSES}


class FrameName(NamedTuple):
    """What a file name says; `scene` is its part before the class."""

    sequence: str
    scene: str
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class RodRecord:
    """One sequence.

    Attributes:
        key: What its file names have in common (`natural_bluebl_greenr-banana`).
        label: One of `CLASSES`.
        occluder: In words (`blue blocks`).
        frames: The 14 photos, None where one is missing.
    """

    key: str
    label: str
    occluder: str
    frames: tuple[Path | None, ...]

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the frames that are not there."""
        return tuple(index for index, path in enumerate(self.frames) if path is None)


def parse_frame_name(stem: str) -> FrameName | None:
    """Reads a file name without its ending; None if it does not name a frame of one of the classes."""
    match = _NAME.fullmatch(stem)
    label = _LABELS.get(re.sub(r"[\s_-]", "", match["label"]).lower()) if match else None
    if match is None or label is None:
        return None
    return FrameName(match["sequence"], match["scene"], label, int(match["index"]))


@dataclass(frozen=True)
class Rod(Source[RodRecord]):
    """ROD under a folder.

    Attributes:
        folder: The folder below which all photos lie.
        occluders: As `OCCLUDERS`.
    """

    name = "rod"

    folder: Path
    occluders: tuple[tuple[str, str], ...] = OCCLUDERS

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds photos by their names, those of one archive or both."""
        folders = [found.path for found in walk(raw) if any(parse_frame_name(Path(name).stem) for name in found.files)]
        if not folders:
            raise SourceNotFoundError(
                f"No ROD photos under {raw}: looked for names like natural_bluebl_greenr-banana-s6.jpg. Unpack "
                "rod_0.tar.gz and rod_1.tar.gz there (https://huggingface.co/datasets/arielnlee/"
                "Realistic-Occlusion-Dataset)."
            )
        return cls(Path(os.path.commonpath(folders)))

    def verify(self) -> Inventory:
        """Counts sequences and photos; names photos that are missing, unreadable, oddly named or there twice."""
        inventory = Inventory({"sequences": 0, "pictures": 0})
        for record in self.read(inventory.problems):
            inventory.counts["sequences"] += 1
            for index, path in enumerate(record.frames):
                if path is None:
                    inventory.problems.append(Problem(f"{record.key}-s{index}", "the picture is missing"))
                    continue
                inventory.counts["pictures"] += 1
                check_picture(path, inventory.problems)
        return inventory

    def records(self) -> Iterator[RodRecord]:
        """Yields the sequences by name."""
        return self.read([])

    def read(self, problems: list[Problem]) -> Iterator[RodRecord]:
        """Yields what `records` yields, and adds what is missing or broken to `problems`."""
        sequences: dict[str, dict[int, Path]] = {}
        names: dict[str, FrameName] = {}
        for path, name in self._photos(problems):
            frames = sequences.setdefault(name.sequence, {})
            names.setdefault(name.sequence, name)
            if name.number >= FRAMES:
                problems.append(Problem(str(path), f"frames are numbered from s0 to s{FRAMES - 1}"))
            elif name.number in frames:
                problems.append(Problem(str(path), f"not used: {frames[name.number]} is the same frame"))
            else:
                frames[name.number] = path
        for sequence, frames in sorted(sequences.items()):
            words = self._occluders(names[sequence].scene)
            if len(words) != 1:
                known = ", ".join(spelling for spelling, _ in self.occluders)
                what = f"{len(words)} occluders in the name, expected one of {known} between underscores"
                problems.append(Problem(f"{self.folder}: {sequence}", what))
            elif frames:
                photos = tuple(frames.get(index) for index in range(FRAMES))
                yield RodRecord(sequence, names[sequence].label, words[0], photos)

    def _photos(self, problems: list[Problem]) -> Iterator[tuple[Path, FrameName]]:
        """The photos by their names; another name beside them is a problem, a folder of others is another data set."""
        for folder in walk(self.folder):
            names = {path: parse_frame_name(path.stem) for path in pictures(folder.path)}
            if any(names.values()):
                for path, name in names.items():
                    if name is None:
                        problems.append(Problem(str(path), "not used: its name is not of the form scene-class-s6"))
                    else:
                        yield path, name

    def _occluders(self, scene: str) -> list[str]:
        tokens = scene.lower().split("_")
        return [words for spelling, words in self.occluders if any(re.fullmatch(spelling, t) for t in tokens)]
