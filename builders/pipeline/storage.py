"""Files of a build on disk, remembered by size and checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import quote

from builders.base import Frame
from proactivebench.layout import TEST
from proactivebench.record_table import StoredFile
from proactivebench.work.files import write_soon
from raw_sources.base import SourceError

LONGEST_NAME = 240
"""Bytes of the longest name in a frame's path: systems allow 255, and while it is written it is a little longer."""


def path_part(name: str) -> str:
    """A name from raw data as one part of a frame's path: what means something in a path or template is encoded."""
    return quote(name, safe="")


def fingerprint(root: Path, files: Iterable[Path]) -> str:
    """Tells other raw data from these, by names and sizes, without reading them."""
    digest = hashlib.blake2b(digest_size=8)
    for file in files:
        size = file.stat().st_size if file.is_file() else None  # a link may lead nowhere
        digest.update(f"{file.relative_to(root).as_posix()}/{size}\n".encode())
    return digest.hexdigest()


def describe_frame(dataset: str, frame: Frame) -> StoredFile:
    """What the table says of a frame.

    Raises:
        SourceError: The path, which may hold names from raw data, leaves the folder of its dataset, or has a name that
            is too long for a file, or cannot be a line of an index.
    """
    first, *names = frame.path.split("/")
    if first != dataset or not names or "\\" in frame.path or not {"", ".", ".."}.isdisjoint(names):
        raise SourceError(f"{frame.path!r} is not a path below {dataset}/")
    if any(len(os.fsencode(name)) > LONGEST_NAME for name in names):
        raise SourceError(
            f"{frame.path[:80]!r}... has a name of more than {LONGEST_NAME} bytes, which no file can have"
        )
    if any(character in frame.path for character in "\t\n\r\0"):
        raise SourceError(f"{frame.path!r} has a tab or the end of a line in it")
    return StoredFile(f"{TEST}/{frame.path}", hashlib.sha256(frame.data).hexdigest(), len(frame.data))


def write_frame(out: Path, frame: Frame) -> None:
    """Writes a frame, which `describe_frame` takes, to its place in a build."""
    write_soon(f"{out}/{TEST}/{frame.path}", frame.data)


def describe_file(out: Path, path: Path) -> StoredFile:
    """Size and checksum of a file that lies below `out`."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return StoredFile(path.relative_to(out).as_posix(), digest, path.stat().st_size)


def all_intact(out: Path, files: Iterable[StoredFile]) -> bool:
    """Whether all files are there with their bytes."""
    paths = {out / file.path: file.sha256 for file in files}
    return all(path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == paths[path] for path in paths)


def all_stored(out: Path, files: Iterable[tuple[str, int]]) -> bool:
    """Whether all files, given by path and size, are there with that size."""
    try:
        return all((out / path).stat().st_size == size for path, size in files)
    except FileNotFoundError:
        return False
