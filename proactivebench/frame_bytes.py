"""Where the bytes of a frame are: whoever reads a frame asks here.

A frame is known by its path, whatever its benchmark keeps it in: a file of this path, or else a tar in the nearest
folder above it that exists, where the index of that folder says (`tars`). Index and tars may be a stranger's. So a tar
is read only between its own first and last byte and where it has exactly the header that belongs to path and size;
which tar is a number, from which we make its name; and neither it nor the index may be a link.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from proactivebench.errors import UsageError
from proactivebench.layout import FRAME_INDEX, tar_name
from proactivebench.tars import Indexed, Place, find_line, header

_CHUNK = 1 << 20


class FrameBytes(NamedTuple):
    """Bytes on disk: all of a file, or a part of a tar.

    Attributes:
        file: The file.
        start: Where they begin.
        size: How many there are.
        head: What must stand before them.
        stat: Of the file.
    """

    file: Path
    start: int
    size: int
    head: bytes
    stat: os.stat_result

    @property
    def mark(self) -> str:
        """What changes with every change of the file, or of where in it they are."""
        file = _mark(self.stat)
        return f"{file} {self.start} {self.size}" if self.head else file

    def seen_again(self) -> FrameBytes:
        """The same with the file as it is now.

        Raises:
            OSError: It is not there any more.
        """
        return self._replace(stat=self.file.stat())

    def chunks(self) -> Iterator[bytes]:
        """The bytes, a megabyte at a time.

        Raises:
            UsageError: Something else stands there in the tar.
            OSError: They cannot be read.
        """
        with self.file.open("rb") as file:
            file.seek(self.start - len(self.head))
            if file.read(len(self.head)) != self.head:
                raise damaged(self.file, f"{self.file.parent / FRAME_INDEX} belongs to another one")
            left = self.size
            while left and (chunk := file.read(min(left, _CHUNK))):
                left -= len(chunk)
                yield chunk

    def read(self) -> bytes:
        """All of them; errors are those of `chunks`."""
        return b"".join(self.chunks())

    def sha256(self) -> str:
        """Their SHA-256 in hex; errors are those of `chunks`."""
        digest = hashlib.sha256()
        for chunk in self.chunks():
            digest.update(chunk)
        return digest.hexdigest()


def find_frame(path: Path) -> FrameBytes:
    """Where the bytes of a frame are, given its path: the benchmark's folder `test` and what the sample says.

    Raises:
        FileNotFoundError: There is neither such a file nor such a member of a tar.
        UsageError: The index or the tar is damaged.
        OSError: They cannot be read.
    """
    try:
        seen = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return _find_in_tar(path)
    if not stat.S_ISREG(seen.st_mode):
        raise _missing(path)
    return FrameBytes(path, 0, seen.st_size, b"", seen)


def is_frame(path: Path) -> bool:
    """Whether a frame is there; errors are those of `find_frame`."""
    try:
        find_frame(path)
    except FileNotFoundError:
        return False
    return True


def _missing(path: Path) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))


def damaged(file: Path, why: object) -> UsageError:
    """The error for an index or a tar that cannot be used."""
    return UsageError(f"{file} is damaged ({why}). Build or copy {file.parent} again.")


def _find_in_tar(path: Path) -> FrameBytes:
    folder = next((above for above in path.parents if above.is_dir()), path.parent)
    index = folder / FRAME_INDEX
    try:
        seen = _stat(index)
    except FileNotFoundError:
        raise _missing(path) from None
    try:
        line = _line(index, _mark(seen), path.relative_to(folder.parent).as_posix())
    except ValueError as error:
        raise damaged(index, error) from None
    if line is None:
        raise _missing(path)
    try:
        return frame_in_tar(folder / tar_name(line.place.tar), *line)
    except FileNotFoundError as error:
        lost = f"{error.filename} is listed in {index}, but is not there."
        raise UsageError(f"{lost} Build or copy {folder} again.") from None


@lru_cache(maxsize=8192)
def _line(index: Path, mark: str, path: str) -> Indexed | None:
    """A line of an index, remembered until the index changes: a frame is looked for several times in a row."""
    return find_line(index, path)


def frame_in_tar(tar: Path, path: str, place: Place, size: int) -> FrameBytes:
    """A frame that stands in a tar at a known place.

    Args:
        tar: The file.
        path: The frame's, below `test/`.
        place: Where its header begins.
        size: Its bytes.

    Raises:
        FileNotFoundError: There is no such tar.
        UsageError: It is a link, or ends before that place.
    """
    head = header(path, size)
    start = place.start + len(head)
    seen = _stat(tar)
    if not stat.S_ISREG(seen.st_mode) or start + size > seen.st_size:
        raise damaged(tar, f"it ends before {path}")
    return FrameBytes(tar, start, size, head, seen)


def _mark(seen: os.stat_result) -> str:
    """What changes with every change of a file."""
    return f"{seen.st_dev} {seen.st_ino} {seen.st_size} {seen.st_mtime_ns} {seen.st_ctime_ns}"


def _stat(path: Path) -> os.stat_result:
    """Of a file itself: one that is a link is refused."""
    seen = path.lstat()
    if stat.S_ISLNK(seen.st_mode):
        raise UsageError(f"{path} is a link, so it is not read. Put the file itself there.")
    return seen
