"""Tars: a few large files that hold the frames of a scenario instead of a file for each.

A disk that is shared by many machines dies of a million files. So a build can put its frames, in its own order, into
`00000.tar`, `00001.tar` ... in the folder where the files would be, each a plain tar whose members are called as the
samples call the frames: `tar -x` in the folder `test` gives the published layout. Where a frame stands follows from the
paths and sizes of those before it, so nothing but those need be known to continue, to compare or to merge tars.

Readers find a frame by the index, a line per frame sorted by path: path, number of the tar, where its header begins,
and its bytes, parted by tabs. It is searched on disk (`frame_bytes`), so nobody holds a million lines; and it appears
when all tars are complete, so that frames count as present by it.
"""

from __future__ import annotations

import heapq
import re
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

MOST_BYTES = 1 << 30
"""Bytes of a tar: the next one begins with the frame that would make it longer, unless that is its first."""

END = bytes(2 * tarfile.BLOCKSIZE)
"""What stands at the end of a tar."""

MAX_LINE_BYTES = 16 << 10
"""More than the longest line of an index: a path has at most 4,096 bytes."""

_LINE = re.compile(rb"([^\t]+)\t([0-9]{1,5})\t([0-9]{1,15})\t([0-9]{1,15})\n")

_SORTED_TOGETHER = 50_000
"""Lines."""

_READ_TOGETHER = 512
"""Bytes of an index that are read line by line, rather than searched."""


class Place(NamedTuple):
    """Where the header of a frame begins: the number of the tar, and a position in it."""

    tar: int
    start: int


class Indexed(NamedTuple):
    """A line of an index: path of a frame below `test/`, where it is, and its size in bytes."""

    path: str
    place: Place
    size: int


def header(path: str, size: int) -> bytes:
    """What stands before the bytes of a frame; the same everywhere and always."""
    member = tarfile.TarInfo(path)
    member.size, member.mode = size, 0o644
    return member.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def padding(size: int) -> bytes:
    """What stands behind the bytes of a frame."""
    return bytes(-size % tarfile.BLOCKSIZE)


@dataclass
class Walk:
    """Goes through the frames of a build in its order, and knows where each stands.

    Attributes:
        tar: Number of the tar that the last one is in.
        end: Where in it the last one ends.
    """

    tar: int = 0
    end: int = 0

    def step(self, path: str, size: int) -> Place:
        """Where the next frame stands, given its path below `test/` and its bytes."""
        length = len(header(path, size)) + size + len(padding(size))
        if self.end and self.end + length > MOST_BYTES:
            self.tar, self.end = self.tar + 1, 0
        place = Place(self.tar, self.end)
        self.end += length
        return place


def index_lines(frames: Iterable[Indexed], folder: Path) -> Iterator[bytes]:
    """The lines of an index.

    Args:
        frames: All frames, in any order.
        folder: Where there is room to sort them.
    """
    lines = (b"%s\t%d\t%d\t%d\n" % (path.encode(), *place, size) for path, place, size in frames)
    with ExitStack() as stack:
        runs = []
        while run := sorted(islice(lines, _SORTED_TOGETHER)):
            file = stack.enter_context(tempfile.TemporaryFile(dir=folder))
            file.writelines(run)
            file.seek(0)
            runs.append(file)
        yield from heapq.merge(*runs)


def find_line(index: Path, path: str) -> Indexed | None:
    """The line of a frame in an index; None where it has none.

    Raises:
        ValueError: A line that was met on the way is damaged.
        OSError: The index cannot be read.
    """
    wanted = path.encode()
    with index.open("rb") as file:
        low, high = 0, file.seek(0, 2)  # the line begins in between, both included
        while high - low > _READ_TOGETHER:
            middle = (low + high) // 2
            file.seek(middle)
            file.readline(MAX_LINE_BYTES)
            start = file.tell()
            line = file.readline(MAX_LINE_BYTES)
            if line and start <= high and _path(line) <= wanted:
                low = start
            else:
                high = middle
        file.seek(low)
        for line in iter(lambda: file.readline(MAX_LINE_BYTES), b""):
            found = _parsed(line)
            if _path(line) >= wanted:
                return found if found.path == path else None
    return None


def _path(line: bytes) -> bytes:
    return line.partition(b"\t")[0]


def _parsed(line: bytes) -> Indexed:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line[:200]!r} is not a line of an index")
    return Indexed(match[1].decode(), Place(int(match[2]), int(match[3])), int(match[4]))
