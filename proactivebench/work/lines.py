"""Files that grow line by line: episodes, judgements, logs, the journal of a build.

Lines are appended and flushed, so that killing the process loses at most the line being written. Reading leaves out
that torn last line, and continuing drops it.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol, Self, TypeVar

from proactivebench.errors import ProactiveBenchError
from proactivebench.work.aside import Table, digest
from proactivebench.work.files import write_whole, writing

AnyRecord = TypeVar("AnyRecord", bound="Record")


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
        ProactiveBenchError: A line is not a record, or has the key of another one.
    """
    lines = Table("key TEXT PRIMARY KEY, number INTEGER, line BLOB")
    for number, line in enumerate(complete_lines(path), start=1):
        try:
            record = kind.model_validate_json(line)
        except ValueError as error:
            problem = " ".join(str(error).split())
            raise ProactiveBenchError(f"{path}, line {number}: no {name} ({problem})") from error
        key, contents = repr(record.key), digest(line)
        if lines.run("INSERT OR IGNORE INTO rows VALUES (?, ?, ?)", (key, number, contents)):
            yield record
            continue
        [(before, first)] = lines.read("SELECT number, line FROM rows WHERE key = ?", (key,))
        if first != contents:
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
        with writing(path):
            if keep is not None:
                write_whole(path, keep)
            self._file: BinaryIO = path.open("ab")

    def append(self, value: object) -> None:
        """Appends one JSON line.

        Raises:
            ResumableError: It could not be written; the lines before it are safe.
        """
        self.append_line(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())

    def append_line(self, line: bytes) -> None:
        """Appends a line that is written as JSON already, without its end; errors are those of `append`."""
        with writing(self._path):
            self._file.write(line + b"\n")
            self._file.flush()

    def close(self) -> None:
        """Closes the file; every line was flushed, so what a full disk still refuses has been reported."""
        with suppress(OSError):
            self._file.close()
