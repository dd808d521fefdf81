"""The frames that a check has seen, with their sizes, on disk: a benchmark may have more than memory holds."""

from __future__ import annotations

import sqlite3
from types import TracebackType
from typing import Self

Size = tuple[int, int]


class SeenFrames:
    """Path of a frame -> its size in pixels, or None where it cannot be shown; a context manager.

    Attributes:
        count: Number of frames.
    """

    def __init__(self) -> None:
        self.count = 0
        self._table = sqlite3.connect("")  # a file of the system's temporary folder, without a name
        self._table.execute("CREATE TABLE seen (path TEXT PRIMARY KEY, width INTEGER, height INTEGER) WITHOUT ROWID")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._table.close()

    def __contains__(self, path: str) -> bool:
        return self._table.execute("SELECT 1 FROM seen WHERE path = ?", (path,)).fetchone() is not None

    def __getitem__(self, path: str) -> Size | None:
        width, height = self._table.execute("SELECT width, height FROM seen WHERE path = ?", (path,)).fetchone()
        return None if width is None else (width, height)

    def add(self, path: str, size: Size | None) -> None:
        """Adds a frame that has not been seen."""
        self._table.execute("INSERT INTO seen VALUES (?, ?, ?)", (path, *(size or (None, None))))
        self.count += 1
