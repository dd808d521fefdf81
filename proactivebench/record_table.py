"""`manifest/<dataset>.jsonl`: what became of every raw record of a part, one a line.

A line has the files that a record gave, with size, SHA-256, origin and licence, or says why it gave none. A build has
millions of them, so they are read one by one and never held together. They may come from a stranger with a benchmark
from the Hub: a line has at most `MAX_LINE_BYTES`, and its form is checked whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, TypeVar

import msgspec

from proactivebench.errors import UsageError
from proactivebench.layout import DATA, TEST

MAX_LINE_BYTES = 8 << 20
"""More than the longest record needs: 5,000 frames, each with a long path."""


class StoredFile(msgspec.Struct, frozen=True):
    """A file below the folder of a benchmark: path with forward slashes, SHA-256 in hex, size in bytes."""

    path: str
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    bytes: Annotated[int, msgspec.Meta(ge=0)]


class RecordEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of a record, or of a file of the train split.

    Attributes:
        number: Its place in the plan of the build, from 0.
        key: Names it within the part.
        id: The sample that it gave; None without one.
        origin: The record in the raw source, in words of its publisher.
        licence: Licence of the record.
        files: What was made of it; empty where its sample shows the frames of an earlier one.
        skipped: Why it gave nothing; None where it did.
    """

    number: Annotated[int, msgspec.Meta(ge=0)]
    key: str
    id: Annotated[int, msgspec.Meta(ge=0)] | None = None
    origin: str = ""
    licence: str = ""
    files: tuple[StoredFile, ...] = ()
    skipped: str | None = None


AnyEntry = TypeVar("AnyEntry", bound=RecordEntry)

_encode = msgspec.json.Encoder().encode


def table_lines(entries: Iterable[RecordEntry]) -> Iterator[bytes]:
    """The lines of a table, each with its end."""
    return (_encode(entry) + b"\n" for entry in entries)


def parse_line(line: bytes, kind: type[AnyEntry]) -> AnyEntry:
    """The entry of a line.

    Raises:
        ValueError: It is none; the text says what was expected.
    """
    try:
        entry = msgspec.json.decode(line, type=kind)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not all(_is_inside(file.path) for file in entry.files):
        raise ValueError(f"expected paths below {TEST}/ or {DATA}/")
    return entry


def _is_inside(path: str) -> bool:
    return path.startswith((f"{TEST}/", f"{DATA}/")) and "/../" not in f"{path}/" and not {"\\", "\0"} & {*path}


def read_table(path: Path) -> Iterator[RecordEntry]:
    """Reads the entries of a table one by one.

    Raises:
        UsageError: There is no such file, or a line is not an entry.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(MAX_LINE_BYTES), b""), start=1):
                try:
                    yield parse_line(line, RecordEntry)
                except ValueError as error:
                    raise UsageError(f"{path}, line {number}: not what became of a record ({error}).") from None
    except FileNotFoundError:
        raise UsageError(f"{path} is listed in manifest.json, but is not there. Build or pull it again.") from None
