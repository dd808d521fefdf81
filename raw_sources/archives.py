"""Safe unpacking of zip and tar archives that strangers made.

The whole archive becomes one new folder, or nothing does: members are written to a hidden temporary folder beside it,
which is renamed at the end. A member is taken only if it is a plain file or folder with a safe name of its own
(`member_names`). Links and devices are refused rather than skipped: no data set needs them. Sizes are counted while
writing, since headers lie. For the same reason nothing is read at once that is longer than `MAX_AT_ONCE`: a tar header
may claim to be gigabytes long, and the directory of a zip archive, which is read whole, takes several times its length
in memory.
"""

from __future__ import annotations

import gzip
import io
import shutil
import sqlite3
import stat
import struct
import tarfile
import zipfile
import zlib
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

from raw_sources.base import SourceError
from raw_sources.member_names import MemberNames, RefusedError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from pathlib import Path

_CHUNK = 1 << 20
MAX_AT_ONCE = 1 << 24
"""Bytes; the largest real directory, that of COCO's `train2014.zip` with 82,783 pictures, has 9 million."""

_DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    IndexError,  # zipfile, for a member without a name
    gzip.BadGzipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may become at most. The defaults hold the largest archive of the catalogue.

    Attributes:
        members: Number of files and folders.
        total_bytes: All files together.
        file_bytes: One file.
    """

    members: int = 2_000_000
    total_bytes: int = 64 * 10**9
    file_bytes: int = 4 * 10**9


@dataclass(frozen=True, slots=True)
class _Member:
    name: str
    size: int
    content: IO[bytes] | None
    """None for a folder."""


def unpack(
    archive: Path, folder: Path, limits: Limits | None = None, report: Callable[[int], None] = lambda written: None
) -> None:
    """Unpacks a zip or tar (also gzipped) archive into a new folder.

    A single top-level folder that is called like `folder` becomes `folder`, so that `val2014.zip` gives
    `val2014/...` and not `val2014/val2014/...`. What an interrupted attempt left behind is removed first.

    Args:
        archive: The archive; its kind is read from its first bytes.
        folder: The folder to create. It must not exist.
        limits: Bounds on what is written.
        report: Called with the number of bytes written so far.

    Raises:
        SourceError: The archive is damaged, unsafe or too large, or it cannot be written; the text names the member.
            Nothing is left behind.
    """
    if folder.exists():
        raise SourceError(f"{folder} exists already: move it away to unpack {archive.name} again.")
    partial = folder.with_name(f".{folder.name}.unpacking")
    unpacking = _Unpacking(archive, partial, limits or Limits(), report)
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        unpacking.run()
        top = list(partial.iterdir())
        whole = top[0] if [path.name for path in top] == [folder.name] and top[0].is_dir() else partial
        whole.rename(folder)
    except (OSError, sqlite3.Error) as error:
        place = f" (at member {unpacking.current!r})" if unpacking.current else ""
        why = getattr(error, "strerror", None) or error
        raise SourceError(f"{archive} cannot be unpacked into {folder}{place}: {why}. Nothing was unpacked.") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


class _Unpacking:
    """One run over an archive: where it writes, and what it has seen so far."""

    def __init__(self, archive: Path, root: Path, limits: Limits, report: Callable[[int], None]) -> None:
        self.archive, self.root, self.limits, self.report = archive, root, limits, report
        self.members = self.written = 0
        self.current = ""

    def run(self) -> None:
        try:
            with self.archive.open("rb") as stream:
                magic = stream.read(4)
            members = _zip_members if magic in {b"PK\x03\x04", b"PK\x05\x06"} else _tar_members
            with MemberNames() as names, closing(members(self.archive)) as found:
                for member in found:
                    self.current = shown(member.name)
                    self.take(member, names)
        except RefusedError as refusal:
            raise SourceError(f"{self.archive}: member {refusal.member!r} {refusal}. Nothing was unpacked.") from None
        except _DAMAGED as error:
            place = f"after member {self.current!r}" if self.current else "at its beginning"
            raise SourceError(
                f"{self.archive} is damaged or no zip or tar archive ({place}: {error}). Download it again."
            ) from error

    def take(self, member: _Member, names: MemberNames) -> None:
        self.members += 1
        if self.members > self.limits.members:
            raise RefusedError(member.name, f"is one too many: at most {self.limits.members:,} are allowed")
        path = self.root / names.take(member.name, is_folder=member.content is None)
        if member.content is None:
            path.mkdir(parents=True, exist_ok=True)
        else:
            self.write(member, member.content, path)

    def write(self, member: _Member, content: IO[bytes], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        allowed = min(self.limits.file_bytes, self.limits.total_bytes - self.written)
        length = 0
        with path.open("xb") as stream:
            while chunk := content.read(_CHUNK):
                length += len(chunk)
                if length > allowed:
                    raise RefusedError(
                        member.name,
                        f"unpacks to more than is allowed ({self.limits.file_bytes:,} bytes in one file, "
                        f"{self.limits.total_bytes:,} in all)",
                    )
                stream.write(chunk)
                self.report(self.written + length)
        if length != member.size:
            raise EOFError(f"{member.name!r} has {length:,} of {member.size:,} bytes")
        self.written += length


def _zip_members(archive: Path) -> Generator[_Member, None, None]:
    with archive.open("rb", buffering=0) as raw, zipfile.ZipFile(_Stream(raw)) as container:
        for info in container.infolist():
            kind = stat.S_IFMT(info.external_attr >> 16)
            if kind not in {0, stat.S_IFREG, stat.S_IFDIR}:
                raise RefusedError(info.filename, "is neither a plain file nor a folder")
            if info.flag_bits & 1:
                raise RefusedError(info.filename, "is encrypted")
            if info.is_dir():
                yield _Member(info.filename, 0, None)
                continue
            if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
                raise RefusedError(info.filename, "is neither stored nor deflated")
            with container.open(info) as content:
                yield _Member(info.filename, info.file_size, content)


def _tar_members(archive: Path) -> Generator[_Member, None, None]:
    with _tar_stream(archive) as stream:
        container: Any = tarfile.TarFile(fileobj=stream)
        while (info := container.next()) is not None:
            if not (info.isdir() or info.isreg()):
                raise RefusedError(info.name, "is neither a plain file nor a folder")
            yield _Member(info.name, info.size, container.extractfile(info))
            container.members.clear()  # tarfile remembers every header it has read
        if stream.last_read != bytes(tarfile.BLOCKSIZE):  # tarfile takes anything that is not a header for the end
            raise EOFError("a damaged header" if stream.last_read else "the end is missing")


class _Stream(io.BufferedReader):
    """What zipfile and tarfile read from; it refuses to read much at once."""

    last_read = b""

    def read(self, size: int | None = -1, /) -> bytes:
        wanted = _CHUNK if size in {None, -1} else size or 0  # all of it: zipfile, on the last 65,558 bytes
        if not 0 <= wanted <= MAX_AT_ONCE:
            raise ValueError(f"a header or directory of impossible length, {wanted:,} bytes")
        self.last_read = super().read(wanted)
        return self.last_read


@contextmanager
def _tar_stream(archive: Path) -> Iterator[_Stream]:
    with archive.open("rb", buffering=0) as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not gzipped:
            yield _Stream(raw)
            return
        with gzip.open(raw) as unzipped:
            stream = _Stream(unzipped)
            yield stream
            for _ in range(MAX_AT_ONCE // _CHUNK):  # to the end, where gzip keeps its checksum
                if not stream.read(_CHUNK):
                    return
            raise EOFError("much data after the end")
