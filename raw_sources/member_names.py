"""The names in an archive: where each of its members goes, or why it goes nowhere.

A name stays inside on every operating system, and meets no other one there, whatever the file system thinks of letter
case and Unicode forms. An archive may have millions, so they lie on disk; and since one name may be as long as a
stranger likes, it is measured before it is taken apart.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from pathlib import PurePosixPath
from types import TracebackType
from typing import Self

MAX_NAME = 1024
"""Characters; no file system takes many more bytes in one path."""

_UNSAFE = re.compile(r"^/|^[A-Za-z]:|\\|[\x00-\x1f]|(^|/)\.\.(/|$)")
_SHOWN = 200


class RefusedError(Exception):
    """A member that is not taken, and why."""

    def __init__(self, member: str, why: str) -> None:
        super().__init__(why)
        self.member = shown(member)


def shown(name: str) -> str:
    """A name as a message holds it."""
    return name if len(name) <= _SHOWN else f"{name[:_SHOWN]}..."


class MemberNames:
    """The names so far; a context manager."""

    def __init__(self) -> None:
        self._table = sqlite3.connect("")  # a file of the system's temporary folder, without a name
        self._table.execute("CREATE TABLE taken (place BLOB PRIMARY KEY, file BLOB) WITHOUT ROWID")
        self._add(_place(PurePosixPath()), None)
        self._folder = PurePosixPath()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._table.close()

    def take(self, name: str, *, is_folder: bool) -> PurePosixPath:
        """The path of the next member, which is its own.

        Raises:
            RefusedError: It is not safe, or another member is in the way.
        """
        if len(name) > MAX_NAME:
            raise RefusedError(name, f"has a name of {len(name):,} characters, expected at most {MAX_NAME:,}")
        if _UNSAFE.search(name):
            raise RefusedError(name, "would be written outside its folder, or has an unsafe name")
        path = PurePosixPath(name)
        if not is_folder and not self._add(place := _place(path), _bytes(name)):
            raise RefusedError(name, f"falls on another member, {_text(self._file(place) or place)!r}")
        folder = path if is_folder else path.parent
        if folder != self._folder:
            for place in map(_place, (folder, *folder.parents)):
                if not self._add(place, None) and (file := self._file(place)) is not None:
                    raise RefusedError(name, f"needs a folder where there is a file, {_text(file)!r}")
            self._folder = folder
        return path

    def _add(self, place: bytes, file: bytes | None) -> bool:
        """Takes a place for a file, or for a folder; false where it is taken."""
        return self._table.execute("INSERT OR IGNORE INTO taken VALUES (?, ?)", (place, file)).rowcount == 1

    def _file(self, place: bytes) -> bytes | None:
        """The name of the file in a place; None for a folder."""
        found: bytes | None = self._table.execute("SELECT file FROM taken WHERE place = ?", (place,)).fetchone()[0]
        return found


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "surrogateescape")


def _text(name: bytes) -> str:
    return name.decode("utf-8", "surrogateescape")


def _place(path: PurePosixPath) -> bytes:
    """What a path is to the least discerning file system."""
    return _bytes(unicodedata.normalize("NFC", unicodedata.normalize("NFC", str(path)).casefold()))
