"""`test/<dataset>.zip`: the frames of a build in the archives of the published layout.

The same frames give the same bytes everywhere and always: members in the order of their paths, all with one date and
one mode, stored instead of deflated (pictures do not shrink, and what zlib makes of them depends on its version). Each
frame is compared with the manifest while it is packed, so an archive holds what was built or does not come into being.
Its comment is the fingerprint of that content, by which a later call knows that nothing is left to do.
"""

from __future__ import annotations

import hashlib
import stat
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress, TaskID

from builders.hub.build import Build
from proactivebench.errors import ProactiveBenchError
from proactivebench.layout import TEST, archive_path, frames_folder, samples_path
from proactivebench.manifest import Entry, FileEntry
from proactivebench.work.files import whole, writing

_DATE = (1980, 1, 1, 0, 0, 0)
"""The earliest date that a zip archive can hold."""

Files = Mapping[str, FileEntry]
"""Files of a manifest entry, by their path below the benchmark's folder."""


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


def frames_of(entry: Entry) -> Files:
    """The frames of a manifest entry, sorted by path."""
    below = f"{frames_folder(entry.dataset)}/"
    return {path: file for path, file in sorted(entry.files.items()) if path.startswith(below)}


def checksums_of(files: Files) -> dict[str, str]:
    """Path -> SHA-256 of files of a manifest."""
    return {path: file.sha256 for path, file in files.items()}


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
        ResumableError: The disk is full or not writable.
    """
    return [_package(build.folder, name, entry, progress) for name, entry in build.scenarios.items()]


def _package(folder: Path, name: str, entry: Entry, progress: Progress) -> Archive:
    frames = frames_of(entry)
    samples = samples_path(entry.dataset)
    _read_verified(folder, samples, entry.files[samples])
    target = folder / archive_path(entry.dataset)
    mark = fingerprint(checksums_of(frames)).encode()
    up_to_date = _comment(target) == mark
    if not up_to_date:
        with writing(target), whole(target) as part:
            _write(part, folder, frames, mark, progress, progress.add_task(f"{name}: packing", total=len(frames)))
    return Archive(target, len(frames), target.stat().st_size, up_to_date)


def _comment(archive: Path) -> bytes | None:
    try:
        with zipfile.ZipFile(archive) as container:
            return container.comment
    except (OSError, zipfile.BadZipFile):
        return None


def _write(part: Path, folder: Path, frames: Files, mark: bytes, progress: Progress, task: TaskID) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as container:
        container.comment = mark
        for path, file in frames.items():
            member = zipfile.ZipInfo(path.removeprefix(f"{TEST}/"), _DATE)
            member.create_system = 3  # Unix, on Windows too
            member.external_attr = (stat.S_IFREG | 0o644) << 16
            container.writestr(member, _read_verified(folder, path, file))
            progress.advance(task)


def _read_verified(folder: Path, path: str, file: FileEntry) -> bytes:
    try:
        data = (folder / path).read_bytes()
    except OSError as error:
        raise PackageError(
            f"{folder / path} is listed in manifest.json, but {error.strerror}. Build it again."
        ) from error
    if hashlib.sha256(data).hexdigest() != file.sha256:
        raise PackageError(
            f"{folder / path} differs from what manifest.json says; was it changed after the build? Delete it and "
            "build again."
        )
    return data
