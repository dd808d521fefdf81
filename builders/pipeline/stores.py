"""Where a part puts its frames: each into a file of its own, or all into a few tars (`--storage`).

Workers write files themselves. Into a tar frames go one behind the other in the order of the plan, so workers hand them
back and this process writes them; what the tars hold depends on the build alone. Which of both a folder has is seen in
it, not noted: the same frames are the same benchmark. A tar that grows is hidden and gets its name when it is complete,
and the index follows when all are, so a reader never sees half of one. A build that is continued compares the bytes of
all frames with what was noted, and cuts off what stands behind them.
"""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Literal, Self

from builders.base import Frame
from builders.pipeline.storage import all_intact, all_stored
from proactivebench.errors import UsageError
from proactivebench.frame_bytes import frame_in_tar
from proactivebench.layout import FRAME_INDEX, TEST, frames_folder, tar_name
from proactivebench.record_table import StoredFile
from proactivebench.tars import END, Indexed, Walk, header, index_lines, padding
from proactivebench.work.files import write_whole

Storage = Literal["files", "shards"]

WORDS: dict[Storage, str] = {"files": "as files", "shards": "in tars"}
"""How a folder keeps frames, in words."""

_TAR = re.compile(r"(\.?)([0-9]{5})\.tar(\.part)?")


def found_storage(frames: Path) -> Storage | None:
    """How a folder of frames keeps them; None where it has none."""
    if any((frames / name).exists() for name in (FRAME_INDEX, tar_name(0), _growing(0))):
        return "shards"
    return "files" if frames.is_dir() and any(frames.iterdir()) else None


class Store(ABC):
    """The frames of a part that is being made; a context manager."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Lets go of what is open."""

    @abstractmethod
    def keeps(self, files: Sequence[StoredFile]) -> bool:
        """Whether the next frames in the order of the plan are there from an earlier attempt, with their bytes."""

    @abstractmethod
    def add(self, frames: Iterable[Frame]) -> None:
        """Puts the next frames there, which no worker has."""

    @abstractmethod
    def cut(self) -> None:
        """Removes what stands behind the frames that are kept."""

    @abstractmethod
    def finish(self, files: Iterable[StoredFile]) -> None:
        """Completes what is there, given all frames in order."""


class FileStore(Store):
    """Frames in files of their own, which workers write.

    Args:
        folder: Where the part is made.
    """

    def __init__(self, folder: Path):
        self._folder = folder

    def keeps(self, files: Sequence[StoredFile]) -> bool:
        return all_intact(self._folder, files)

    def add(self, frames: Iterable[Frame]) -> None:
        """Workers have written them."""

    def cut(self) -> None:
        """What lies beside the frames is in nobody's way: it is made again."""

    def finish(self, files: Iterable[StoredFile]) -> None:
        """Every file is complete."""


class TarStore(Store):
    """Frames in tars.

    Args:
        folder: Where the part is made.
        dataset: Name of its files.
    """

    def __init__(self, folder: Path, dataset: str):
        self._frames = folder / frames_folder(dataset)
        self._walk = Walk()
        self._file: BinaryIO | None = None

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def keeps(self, files: Sequence[StoredFile]) -> bool:
        if not self._are_next(files):
            return False
        for file in files:
            self._step(_below_test(file), file.bytes)
        return True

    def _are_next(self, files: Iterable[StoredFile]) -> bool:
        ahead = replace(self._walk)
        for file in files:
            path = _below_test(file)
            place = ahead.step(path, file.bytes)
            try:
                found = frame_in_tar(self._tar(place.tar), path, place, file.bytes).sha256()
            except (OSError, UsageError):
                return False
            if found != file.sha256:
                return False
        return True

    def add(self, frames: Iterable[Frame]) -> None:
        for path, data in frames:
            start = self._step(path, len(data))
            file = self._open()
            file.seek(start)
            file.write(header(path, len(data)) + data + padding(len(data)))
            file.flush()

    def cut(self) -> None:
        (self._frames / FRAME_INDEX).unlink(missing_ok=True)
        for path in self._frames.iterdir() if self._frames.is_dir() else ():
            match = _TAR.fullmatch(path.name)
            if match and int(match[2]) >= self._walk.tar + (self._walk.end > 0):
                path.unlink()

    def finish(self, files: Iterable[StoredFile]) -> None:
        if self._walk.end:
            self._complete()
            write_whole(self._frames / FRAME_INDEX, index_lines(_indexed(files), self._frames))

    def _step(self, path: str, size: int) -> int:
        """Goes on to the next frame, which begins at the place that is returned; completes a tar that is left."""
        ahead = replace(self._walk)
        place = ahead.step(path, size)
        if place.tar != self._walk.tar:
            self._complete()
        self._walk = ahead
        return place.start

    def _tar(self, number: int) -> Path:
        """A tar that is complete, or grows."""
        growing = self._frames / _growing(number)
        return growing if growing.exists() else self._frames / tar_name(number)

    def _open(self) -> BinaryIO:
        """The present tar, which no longer counts as complete."""
        if self._file is None:
            growing = self._frames / _growing(self._walk.tar)
            growing.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                (self._frames / tar_name(self._walk.tar)).replace(growing)
            self._file = growing.open("r+b" if growing.exists() else "w+b")
        return self._file

    def _complete(self) -> None:
        """Ends the present tar behind its last frame."""
        tar, size = self._frames / tar_name(self._walk.tar), self._walk.end + len(END)
        if self._file is None and tar.exists() and tar.stat().st_size == size:
            return
        file = self._open()
        file.seek(self._walk.end)
        file.truncate()
        file.write(END)
        file.flush()
        os.fsync(file.fileno())
        self._close()
        (self._frames / _growing(self._walk.tar)).replace(tar)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            with suppress(OSError):  # every frame was flushed, so what a full disk still refuses has been reported
                file.close()


def open_store(storage: Storage, folder: Path, dataset: str) -> Store:
    """Where a part puts its frames.

    Args:
        storage: Whether as files or in tars.
        folder: Where the part is made.
        dataset: Name of its files.
    """
    return TarStore(folder, dataset) if storage == "shards" else FileStore(folder)


def all_there(folder: Path, dataset: str, files: Iterable[StoredFile]) -> bool:
    """Whether all frames of a part, given in order, are there with their sizes, as files or in complete tars."""
    frames = folder / frames_folder(dataset)
    if found_storage(frames) != "shards":
        return all_stored(folder, ((file.path, file.bytes) for file in files))
    walk, sizes = Walk(), dict[str, int]()
    for file in files:
        walk.step(_below_test(file), file.bytes)
        sizes[tar_name(walk.tar)] = walk.end + len(END)
    return (frames / FRAME_INDEX).is_file() and all_stored(frames, sizes.items())


def frames_in_tars(folder: Path, dataset: str, files: Iterable[StoredFile]) -> Iterator[Frame]:
    """Reads the frames of a part back from its tars, given all in order.

    Raises:
        UsageError: One does not have the bytes that it had.
        OSError: It cannot be read.
    """
    walk = Walk()
    for file in files:
        path = _below_test(file)
        place = walk.step(path, file.bytes)
        tar = folder / frames_folder(dataset) / tar_name(place.tar)
        data = frame_in_tar(tar, path, place, file.bytes).read()
        if hashlib.sha256(data).hexdigest() != file.sha256:
            raise UsageError(f"{tar} is damaged (at {path}).")
        yield Frame(path, data)


def _indexed(files: Iterable[StoredFile]) -> Iterator[Indexed]:
    walk = Walk()
    for file in files:
        path = _below_test(file)
        yield Indexed(path, walk.step(path, file.bytes), file.bytes)


def _below_test(file: StoredFile) -> str:
    return file.path.removeprefix(f"{TEST}/")


def _growing(number: int) -> str:
    """Name of a tar that is not complete."""
    return f".{tar_name(number)}.part"
