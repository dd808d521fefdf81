"""Looking for a data set among others: a bounded walk over folders, and a cheap look at a picture.

A raw folder often holds several data sets side by side, or links to them, and the largest (ImageNet-C) has 100,000
folders and five million files. So the walk goes a few levels deep, follows links (each folder once), and names the
class folders of ImageNet (`n01440764`) without entering them: nothing but their pictures is there. It asks the file
system for listings alone, never about single files.
"""

from __future__ import annotations

import os
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PIL import Image

from raw_sources.base import Problem, SourceError, SourceNotFoundError, decoding

if TYPE_CHECKING:
    from collections.abc import Iterator

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")

WNID = re.compile(r"n\d{8}")
"""A WordNet identifier, the name of ImageNet's class folders."""

DEPTH = 6
"""How many folders below the raw folder data is looked for: two wrapper folders and the deepest layout."""

_ENDS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
_TAIL_BYTES = 1024
_SYSTEM = re.compile(r"\.|__MACOSX$|.*[\ud800-\udfff]", re.DOTALL)


class Listing(NamedTuple):
    """A folder and the names of what is visible in it, both sorted."""

    path: Path
    folders: tuple[str, ...]
    files: tuple[str, ...]


def listing(folder: Path) -> Listing:
    """Lists a folder without what operating systems leave behind; one that is not there or not readable is empty.

    A link that leads nowhere counts as a file; pipes, sockets and devices, which can make a reader wait for ever, and
    names that are not UTF-8 do not count at all.
    """
    folders: list[str] = []
    files: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _SYSTEM.match(entry.name):
                    continue
                if entry.is_dir():
                    folders.append(entry.name)
                elif entry.is_file() or not Path(entry).exists():
                    files.append(entry.name)
    except OSError:
        return Listing(folder, (), ())
    return Listing(folder, tuple(sorted(folders)), tuple(sorted(files)))


def pictures(folder: Path) -> tuple[Path, ...]:
    """The pictures that lie directly in a folder, sorted by name."""
    return tuple(folder / name for name in listing(folder).files if name.lower().endswith(IMAGE_SUFFIXES))


def walk(raw: Path) -> Iterator[Listing]:
    """Lists `raw` and the folders below it, the shallow ones first.

    Raises:
        SourceNotFoundError: `raw` is not a folder.
    """
    if not raw.is_dir():
        raise SourceNotFoundError(f"{raw} is not a folder. Name the folder that holds the raw data sets.")
    seen: set[tuple[int, int]] = set()
    level = [raw]
    for _ in range(DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            try:
                status = folder.stat()
            except OSError:  # gone, or in a folder that may be listed but not entered
                continue
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            found = listing(folder)
            yield found
            below += (folder / name for name in found.folders if not WNID.fullmatch(name))
        level = below


def picture_size(path: Path) -> tuple[int, int]:
    """Width and height in pixels, from the picture's header; its last bytes are looked at, its pixels are not decoded.

    Raises:
        SourceError: It is missing, no picture, cut, or too large to be opened safely; the text says which.
    """
    with decoding(path, "picture"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of damaged metadata, which is not used
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=tuple(_ENDS)) as image:
                size, end = image.size, _ENDS.get(image.format or "", b"")
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
            tail = file.read()
    if end not in tail:
        raise SourceError(f"{path}: the picture is cut: its end is missing. Get the file again.")
    return size


def check_picture(path: Path, problems: list[Problem]) -> bool:
    """Whether a picture can be opened, by its header and its end; else what is wrong is added to `problems`."""
    try:
        picture_size(path)
    except SourceError as error:
        problems.append(Problem(str(path), str(error)))
        return False
    return True
