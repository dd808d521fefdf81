"""VSOD 1.0 (OcclusionDataSet-MM20): videos as folders of frames, and the occlusions of every frame as boxes.

Layout (test.py of its authors): `Data/<split>/<video>/` holds the frames, `Annotations/<split>/<video>/` one VOC file
for each, also for frames without occlusion, and the two belong together by sorted order alone. Names of videos and
frames are not published, so they mean little here: frames whose numbers are not padded with zeros are brought into
their order in time after they were paired; and where some pairs have one name and others have two, files are missing
on both sides, and the order would give frames the annotations of others.

A video whose frames and annotations do not correspond one to one cannot be used as a whole: there is no telling which
frame an annotation is about. The XML comes from elsewhere, so document types and entities are refused.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from raw_sources.base import Inventory, Problem, Source, SourceError, SourceNotFoundError, decoding
from raw_sources.folders import Listing, check_picture, listing, picture_size, pictures, walk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from xml.etree.ElementTree import Element

SPLITS = ("test", "train")
MAX_XML_BYTES = 1 << 20
MAX_BOXES = 100
MAX_FRAMES = 5_000


class Box(NamedTuple):
    """An occlusion; edges as fractions of the frame, 0 to 1, left < right and top < bottom."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class VsodFrame:
    """One frame and what covers it."""

    picture: Path
    boxes: tuple[Box, ...]

    @property
    def covered(self) -> float:
        """The share of the frame's area under boxes, 0 to 1; where boxes overlap, the area counts once."""
        columns = sorted({edge for box in self.boxes for edge in (box.left, box.right)})
        return sum(
            (right - left) * _length(sorted((b.top, b.bottom) for b in self.boxes if b.left <= left < b.right))
            for left, right in pairwise(columns)
        )


@dataclass(frozen=True, slots=True)
class VsodRecord:
    """One video.

    Attributes:
        split: One of `SPLITS`.
        video: The name of its folder.
        frames: In the order of time.
    """

    split: str
    video: str
    frames: tuple[VsodFrame, ...]


def _length(intervals: list[tuple[float, float]]) -> float:
    """The length that sorted intervals cover together."""
    total = end = 0.0
    for start, stop in intervals:
        total += max(0.0, stop - max(start, end))
        end = max(end, stop)
    return total


def parse_annotation(xml: bytes, size: Callable[[], tuple[int, int]]) -> tuple[Box, ...]:
    """Reads the boxes of a VOC annotation, at most `MAX_BOXES`; none if nothing is occluded.

    Args:
        xml: The file's content.
        size: Gives width and height of the frame in pixels; called where the annotation has boxes but no `<size>`.

    Raises:
        ValueError: The annotation cannot be used; the text says why.
    """
    if len(xml) > MAX_XML_BYTES:
        raise ValueError(f"larger than {MAX_XML_BYTES:,} bytes, which no annotation is")
    try:
        root = fromstring(xml, forbid_dtd=True)
    except DefusedXmlException as error:
        raise ValueError(
            "it declares a document type, which an annotation does not need and which may be hostile"
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ValueError(f"no readable XML ({error})") from error
    objects = root.findall("object")
    if not objects:
        return ()
    if len(objects) > MAX_BOXES:
        raise ValueError(f"it has {len(objects):,} boxes, expected at most {MAX_BOXES}")
    width, height = (_number(root, f"size/{axis}", 0.0) for axis in ("width", "height"))
    if not (width > 0 and height > 0):
        width, height = size()
    return tuple(_box(element, width, height) for element in objects)


def _box(element: Element, width: float, height: float) -> Box:
    left, top, right, bottom = (_number(element, f"bndbox/{edge}") for edge in ("xmin", "ymin", "xmax", "ymax"))
    left, right = (min(max(x / width, 0.0), 1.0) for x in (left, right))
    top, bottom = (min(max(y / height, 0.0), 1.0) for y in (top, bottom))
    if not (left < right and top < bottom):
        raise ValueError("a <bndbox> is empty or outside the frame")
    return Box(left, top, right, bottom)


def _number(element: Element, path: str, default: float | None = None) -> float:
    text = element.findtext(path)
    if text is None and default is not None:
        return default
    try:
        number = float(text or "")
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"<{path}> is {text!r}, expected a number")
    return number


def _natural(path: Path) -> list[tuple[int, str]]:
    """A sort key that orders `2.jpg` before `10.jpg`."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]+)", path.name)]


@dataclass(frozen=True)
class Vsod(Source[VsodRecord]):
    """VSOD under `folder`, which holds `Data` and `Annotations`."""

    name = "vsod"

    folder: Path

    @classmethod
    def locate(cls, raw: Path) -> Self:
        """Finds a folder with `Data` and `Annotations`, both divided into test, train or both."""
        for found in walk(raw):
            if {"Data", "Annotations"} <= set(found.folders) and any(
                (found.path / "Data" / split).is_dir() and (found.path / "Annotations" / split).is_dir()
                for split in SPLITS
            ):
                return cls(found.path)
        raise SourceNotFoundError(
            f"No VSOD under {raw}: looked for a folder with Data/test/<video>/ and Annotations/test/<video>/ (or "
            "train). Get VSOD v1.0 from https://junhua-liao.github.io/Occlusion-Detection/ and unpack it there."
        )

    def verify(self) -> Inventory:
        """Reads every annotation and the head of every frame; names what is missing, unreadable or does not fit."""
        inventory = Inventory({"videos": 0, "frames": 0, "occluded frames": 0})
        for record in self.read(inventory.problems):
            inventory.counts["videos"] += 1
            inventory.counts["frames"] += len(record.frames)
            for frame in record.frames:
                inventory.counts["occluded frames"] += bool(frame.boxes)
                check_picture(frame.picture, inventory.problems)
        return inventory

    def records(self) -> Iterator[VsodRecord]:
        """Yields the videos whose frames and annotations correspond, test before train, by name."""
        return self.read([])

    def read(self, problems: list[Problem]) -> Iterator[VsodRecord]:
        """Yields what `records` yields, and adds what is missing or broken to `problems`."""
        for split, video in self.videos():
            if record := self.read_video(split, video, problems):
                yield record

    def videos(self) -> tuple[tuple[str, str], ...]:
        """Split and name of every video, test before train, by name."""
        return tuple(
            (split, video)
            for split in SPLITS
            for video in sorted({*self._listing("Data", split).folders, *self._listing("Annotations", split).folders})
        )

    def _listing(self, *parts: str) -> Listing:
        return listing(self.folder.joinpath(*parts))

    def read_video(self, split: str, video: str, problems: list[Problem]) -> VsodRecord | None:
        """Reads one video; None where it cannot be used, and `problems` then says why."""
        frames = pictures(self.folder / "Data" / split / video)
        annotations = self._listing("Annotations", split, video)
        files = [annotations.path / name for name in annotations.files if name.lower().endswith(".xml")]
        if len(frames) != len(files) or not 0 < len(frames) <= MAX_FRAMES:
            what = f"{len(frames)} frames and {len(files)} annotations, expected one annotation per frame"
            what += f" and at most {MAX_FRAMES:,}" if len(frames) > MAX_FRAMES else ""
            problems.append(Problem(str(self.folder / "Data" / split / video), what))
            return None
        strange = [(frame, file) for frame, file in zip(frames, files, strict=True) if frame.stem != file.stem]
        if 0 < len(strange) < len(frames):
            frame, file = strange[0]
            what = f"{frame.name} and {file.name} are in the same place, though others have one name: some are missing"
            problems.append(Problem(str(frame), what))
            return None
        read, bad = [], []
        for picture, file in sorted(zip(frames, files, strict=True), key=lambda pair: _natural(pair[0])):
            try:
                read.append(VsodFrame(picture, _boxes(file, picture)))
            except SourceError as error:
                bad.append(Problem(str(file), str(error)))
        problems += bad
        return None if bad else VsodRecord(split, video, tuple(read))


def _boxes(file: Path, picture: Path) -> tuple[Box, ...]:
    with decoding(file, "annotation"), file.open("rb") as stream:
        return parse_annotation(stream.read(MAX_XML_BYTES + 1), lambda: picture_size(picture))
