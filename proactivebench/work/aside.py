"""What is too much to be held: tables on disk, for a run or a benchmark may have millions of lines.

A table lies in a file of the system's temporary folder that has no name and goes with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable, Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any
from weakref import finalize

from proactivebench.errors import ResumableError


def digest(line: bytes) -> bytes:
    """16 bytes that stand for a line, however long it is."""
    return blake2b(line, digest_size=16).digest()


class Table:
    """Rows on disk, to be used by one thread at a time.

    Args:
        columns: The columns of the table `rows`, as SQL declares them.
    """

    def __init__(self, columns: str):
        file = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        finalize(self, file.close)
        self._file = file
        self.run("PRAGMA journal_mode = OFF")
        self.run(f"CREATE TABLE rows ({columns}) WITHOUT ROWID")
        self.run("BEGIN")

    def run(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Runs a statement; returns how many rows it changed.

        Raises:
            ResumableError: The temporary folder is full or not writable.
        """
        try:
            return self._file.execute(statement, values).rowcount
        except sqlite3.OperationalError as error:
            raise _full(error) from error

    def run_all(self, statement: str, values: Iterable[Sequence[Any]]) -> None:
        """Runs a statement with each of several rows; errors are those of `run`."""
        try:
            self._file.executemany(statement, values)
        except sqlite3.OperationalError as error:
            raise _full(error) from error

    def read(self, query: str, values: Sequence[Any] = ()) -> Iterator[Any]:
        """Yields the rows of a query; errors are those of `run`."""
        try:
            yield from self._file.execute(query, values)
        except sqlite3.OperationalError as error:
            raise _full(error) from error


def _full(error: sqlite3.OperationalError) -> ResumableError:
    return ResumableError(
        f"The temporary folder cannot be written to ({error}). Make room there, or name another in TMPDIR."
    )


class Seen:
    """Keys that were seen: a set on disk. Those that come in some order are found fastest, so they are not hashed."""

    def __init__(self) -> None:
        self._table = Table("key TEXT PRIMARY KEY")

    def add(self, key: Hashable) -> bool:
        """Adds a key; returns whether it is new."""
        return self._table.run("INSERT OR IGNORE INTO rows VALUES (?)", (repr(key),)) == 1

    def __contains__(self, key: Hashable) -> bool:
        return any(self._table.read("SELECT 1 FROM rows WHERE key = ?", (repr(key),)))


def different(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yields each of some lines once, where it comes first."""
    seen = Seen()
    return (line for line in lines if seen.add(digest(line)))
