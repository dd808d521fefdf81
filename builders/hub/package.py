"""`test/<dataset>.zip`: the frames of a build in the archives of the published layout.

The same build gives the same bytes everywhere and always, whether it keeps its frames as files or in tars: members in
the order of the manifest's table, all with one date and one mode, stored instead of deflated (pictures do not shrink,
and what zlib makes of them depends on its version). Each frame is compared with the table while it is packed, so an
archive holds what was built or does not come into being. Its comment is the checksum of the table, by which a later
call knows whose it is; that it is still whole, the call sees by reading it.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

from rich.progress import Progress, TaskID

from builders.hub.build import Build
from builders.hub.remote import sha256
from proactivebench.errors import ProactiveBenchError
from proactivebench.frame_bytes import find_frame
from proactivebench.layout import MANIFEST, TEST, archive_path
from proactivebench.manifest import Entry
from proactivebench.record_table import StoredFile
from proactivebench.work.files import whole, writing

_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can hold."""


class PackageError(ProactiveBenchError):
    """Files that are not what the manifest says."""


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of the published layout.

    Attributes:
        path: Where it is.
        frames: Number of its members.
        bytes: Its size.
        up_to_date: Whether it was there already, and nothing had to be done.
    """

    path: Path
    frames: int
    bytes: int
    up_to_date: bool


def fingerprint(checksums: Mapping[str, str], *more: str) -> str:
    """SHA-256 over paths and checksums of files, and over further texts."""
    lines = [f"{checksum} {path}\n" for path, checksum in sorted(checksums.items())]
    return hashlib.sha256("".join([*lines, *more]).encode()).hexdigest()


def package(build: Build, progress: Progress) -> list[Archive]:
    """Writes the archive of every scenario of a build; those that are up to date are left alone.

    The caller keeps other processes out of the folder (`working_in`).

    Args:
        build: The benchmark.
        progress: Shows how far it is.

    Raises:
        PackageError: A file is missing or differs from the manifest.
        UsageError: A tar is damaged.
        ResumableError: The disk is full or not writable.
    """
    return [_package(build.folder, name, entry, progress) for name, entry in build.scenarios.items()]


def _package(folder: Path, name: str, entry: Entry, progress: Progress) -> Archive:
    for path, file in entry.files.items():
        _verify(folder, path, file.sha256)
    target = folder / archive_path(entry.dataset)
    mark = entry.table.sha256.encode()
    frames = entry.counts.frames
    stored = progress.track(entry.stored(folder), frames, description=f"{name}: reading its archive")
    up_to_date = _is_whole(target, stored, mark)
    if not up_to_date:
        with writing(target), whole(target) as part:
            task = progress.add_task(f"{name}: packing", total=frames)
            _write(part, folder, entry.stored(folder), mark, progress, task)
    return Archive(target, frames, target.stat().st_size, up_to_date)


def _is_whole(archive: Path, frames: Iterable[StoredFile], mark: bytes) -> bool:
    """Whether an archive is there that holds these frames, and nothing else."""
    try:
        with zipfile.ZipFile(archive) as container:
            return container.comment == mark and all(
                member and frame and _holds(container, member, frame)
                for member, frame in zip_longest(container.infolist(), frames)
            )
    except (OSError, ValueError, RuntimeError, EOFError, zipfile.BadZipFile):
        return False


def _holds(container: zipfile.ZipFile, member: zipfile.ZipInfo, frame: StoredFile) -> bool:
    said = (member.filename, member.file_size, member.compress_type)
    is_same = said == (_name(frame), frame.bytes, zipfile.ZIP_STORED)
    return is_same and hashlib.sha256(container.read(member)).hexdigest() == frame.sha256


def _name(frame: StoredFile) -> str:
    """What a frame is called in an archive."""
    return frame.path.removeprefix(f"{TEST}/")


def _write(
    part: Path, folder: Path, frames: Iterable[StoredFile], mark: bytes, progress: Progress, task: TaskID
) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as container:
        container.comment = mark
        for file in frames:
            member = zipfile.ZipInfo(_name(file), _DATE)
            member.create_system = 3  # Unix, on Windows too
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            container.writestr(member, _read_verified(folder, file))
            progress.advance(task)


def _read_verified(folder: Path, file: StoredFile) -> bytes:
    try:
        data = find_frame(folder / file.path).read()
    except OSError as error:
        raise _missing(folder / file.path, error) from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise _changed(folder / file.path)
    return data


def _verify(folder: Path, path: str, checksum: str) -> None:
    """Makes sure that a file is as the manifest says."""
    try:
        found = sha256(folder / path)
    except OSError as error:
        raise _missing(folder / path, error) from error
    if found != checksum:
        raise _changed(folder / path)


def _missing(path: Path, error: OSError) -> PackageError:
    return PackageError(f"{path} is listed in {MANIFEST}, but {error.strerror}. Build it again.")


def _changed(path: Path) -> PackageError:
    return PackageError(
        f"{path} differs from what {MANIFEST} says; was it changed after the build? Delete it and build again."
    )
