"""Files and folders that appear complete or not at all, and texts that a person wrote.

What is written goes to the disk before it takes its place, so that a power loss leaves the old or the new and never a
file of the right size with other bytes. The many frames of a build do without, for that takes longer than rendering
them: a build that is continued compares their bytes instead.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from proactivebench.errors import ResumableError, UsageError


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A path beside another, for a file or folder that takes its place when the block ends without an error.

    Folders above it are made; after an error what was there before stays, and nothing else.

    Raises:
        OSError: It cannot be written; `filename` says where.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        _make_folder(path.parent)
        yield part
        for written in (part, *(part.rglob("*") if part.is_dir() else ())):
            _to_disk(written)
        part.replace(path)
        _to_disk(path.parent)
    except BaseException as error:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        with suppress(OSError):
            part.unlink()
        if isinstance(error, OSError) and error.filename is None:  # a full disk does not say which file
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def _make_folder(folder: Path) -> None:
    if folder.is_dir():  # most often, and cheaper than to try
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:  # a file stands where the folder should be
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def _to_disk(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def write_soon(path: str, data: bytes) -> None:
    """Writes a file that appears complete or not at all, without waiting until it is on the disk.

    One of very many: so a path is a text, and the folder above it is made only where it is missing.

    Raises:
        OSError: As `write_whole`.
    """
    folder, _, name = path.rpartition("/")
    part = f"{folder}/.{name}.part"
    try:
        try:
            file = open(part, "wb")  # noqa: PTH123, SIM115
        except FileNotFoundError:
            _make_folder(Path(folder))
            file = open(part, "wb")  # noqa: PTH123, SIM115
        with file:
            file.write(data)
        os.replace(part, path)  # noqa: PTH105
    except BaseException as error:
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108
        if isinstance(error, OSError) and error.filename is None:
            raise OSError(error.errno, error.strerror, path) from error
        raise


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Writes a file that appears complete or not at all.

    Raises:
        OSError: It cannot be written; what was there before stays.
    """
    with whole(path) as part, part.open("wb") as file:
        file.writelines(chunks)


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """Work that writes files, of which an error of the disk leaves the finished ones.

    Args:
        place: Where it writes; named where the error does not say which file.

    Raises:
        ResumableError: The disk is full or not writable.
    """
    try:
        yield
    except OSError as error:
        raise ResumableError(f"{error.filename or place}: {error.strerror or error}.") from error


def write_json(path: Path, value: object) -> None:
    """Writes indented JSON; the file appears complete or not at all.

    Raises:
        ResumableError: It cannot be written.
    """
    with writing(path):
        write_whole(path, [json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"])


def parse_json(text: bytes | str) -> Any:
    """The value of a JSON text that may be a stranger's: one that is nested absurdly is refused like a damaged one.

    Raises:
        ValueError: It is not JSON, or nested more than 200 times.
    """
    return from_json(text)


def read_text(path: Path) -> str:
    """Reads a text in UTF-8, with or without a byte order mark.

    Raises:
        UsageError: It is in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected text in UTF-8 ({error}); save it in that encoding.") from None
