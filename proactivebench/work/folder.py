"""Folders that work can be continued in: described, locked, and filled line by line.

A description (everything that decides the contents) lies beside the lines, and other work in the same folder is
refused. Lines are appended and flushed, so that killing the process loses at most the line being written; when the
work is continued, a torn line is dropped. A second process is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Protocol, Self, TypeVar

import filelock

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.work.files import write_whole
from proactivebench.work.ranks import ALONE, Ranks

AnyRecord = TypeVar("AnyRecord", bound="Record")


MACHINES = "machines"
"""Key of a description under which it says where the work was done; that may change, and decides nothing."""


def write_json(path: Path, value: object) -> None:
    """Writes indented JSON; the file appears complete or not at all.

    Raises:
        ProactiveBenchError: It cannot be written.
    """
    replace_file(path, [json.dumps(value, indent=2, ensure_ascii=False).encode() + b"\n"])


def replace_file(path: Path, chunks: Iterable[bytes]) -> None:
    """Writes a file; it appears complete or not at all.

    Raises:
        ProactiveBenchError: It cannot be written.
    """
    try:
        write_whole(path, chunks)
    except OSError as error:
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> ProactiveBenchError:
    return ProactiveBenchError(
        f"{path}: cannot write ({error.strerror}). What is finished is safe; make room and repeat the command to "
        "continue."
    )


def complete_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file without a torn last one; none where there is no file."""
    if path.exists():
        with path.open("rb") as file:
            yield from (line for line in file if line.endswith(b"\n"))


class Record(Protocol):
    """What a line holds: something with a key, which a file has once."""

    @property
    def key(self) -> Hashable: ...

    @classmethod
    def model_validate_json(cls, json_data: bytes) -> Self: ...


def read_records(path: Path, kind: type[AnyRecord], name: str) -> Iterator[AnyRecord]:
    """Yields the records of a file; a line that is there twice, as after joining files, counts once.

    Args:
        path: The file.
        kind: The model of a line.
        name: What a line is, for messages.

    Raises:
        ProactiveBenchError: A line is no record, or has the key of another one.
    """
    lines: dict[Hashable, tuple[int, int]] = {}
    for number, line in enumerate(complete_lines(path), start=1):
        try:
            record = kind.model_validate_json(line)
        except ValueError as error:
            problem = " ".join(str(error).split())
            raise ProactiveBenchError(f"{path}, line {number}: no {name} ({problem})") from error
        before, digest = lines.setdefault(record.key, (number, hash(line)))
        if before == number:
            yield record
        elif digest != hash(line):
            raise ProactiveBenchError(
                f"{path}, line {number}: {record.key} is in line {before} already, with other contents. Delete one of "
                "the two."
            )


class LineFile:
    """A file of JSON lines that is appended to.

    Args:
        path: The file; created if missing.
        keep: The lines of it that stay; None changes nothing, for a process that joins others.
    """

    def __init__(self, path: Path, keep: Iterable[bytes] | None = None):
        self._path = path
        if keep is not None:
            replace_file(path, keep)
        self._file: BinaryIO = path.open("ab")

    def append(self, value: object) -> None:
        """Appends one JSON line.

        Raises:
            ProactiveBenchError: It could not be written; the lines before it are safe.
        """
        try:
            self._file.write(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            raise _unwritable(self._path, error) from error

    def close(self) -> None:
        """Closes the file; every line was flushed, so what a full disk still refuses has been reported."""
        with suppress(OSError):
            self._file.close()


class DescribedFolder:
    """A locked folder whose description says what decides its contents; a context manager.

    It is locked from the start, and `claim` says what it is for: to find that out can take long, and another process is
    to be refused before.

    Args:
        folder: Made where it is missing.
        name: Name of the description's file (`run.json`).
        ranks: The processes that work in it together.

    Raises:
        UsageError: The folder is in use by another process.
    """

    def __init__(self, folder: Path, name: str, ranks: Ranks = ALONE):
        self.folder = folder
        self.ranks = ranks
        self._description = folder / name
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self.ranks.first:
            self._open.enter_context(self._lock())
        return self

    def claim(self, identity: Mapping[str, Any]) -> None:
        """Describes the folder, or makes sure that it is described like this, and opens its files.

        Args:
            identity: The description, as JSON values.

        Raises:
            UsageError: The folder holds other work.
        """
        with self.ranks.first_one_first():
            self._describe(json.loads(json.dumps(identity)))
            self.open_files(self._open.callback)

    def open_files(self, at_exit: Callable[[Callable[[], None]], Any]) -> None:
        """Opens what is written to; called once the folder is ours."""

    def instead(self) -> str:
        """What to do about other work in the folder."""
        return "Choose another folder"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _lock(self) -> AbstractContextManager[object]:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return filelock.FileLock(self.folder / ".lock", blocking=False).acquire()
        except filelock.Timeout:
            message = f"{self.folder} is in use by another process; wait for it or choose another folder."
            raise UsageError(message) from None
        except OSError as error:
            raise _unwritable(self.folder, error) from error

    def _describe(self, identity: Mapping[str, Any]) -> None:
        if not self._description.exists():
            strange = sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))
            if strange:
                raise UsageError(
                    f"{self.folder} holds {strange[0]} but no {self._description.name}; choose an empty or new folder."
                )
            write_json(self._description, identity)
            return
        try:
            there = json.loads(self._description.read_text(encoding="utf-8"))
            changed = changes({**there, MACHINES: None}, {**identity, MACHINES: None})
        except (ValueError, TypeError, RecursionError) as error:
            raise UsageError(f"{self._description} cannot be read ({error}); choose another folder.") from error
        if changed:
            raise UsageError(
                f"{self.folder} was begun with other settings: {'; '.join(changed)}. {self.instead()}, or repeat "
                "the command with those settings."
            )


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Yields where two descriptions differ: the names on the way there, joined by dots, and both values."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two descriptions, in words; of digests only that they do."""
    return [
        f"other {name}"
        if _is_digest(before) and _is_digest(after)
        else f"{name} was {shown(before)}, is now {shown(after)}"
        for name, before, after in differences(old, new)
    ]


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def shown(value: object) -> str:
    """A value of a description in at most 80 characters; of a SHA-256, which nobody reads, the first digits."""
    text = json.dumps(f"{str(value)[:8]}..." if _is_digest(value) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."
