"""What a build has finished so far, so that the same command continues it.

An append-only file: the first line says which build it belongs to, every other line names the finished frames of a
sample and their files, or says why it was left out. A line that is damaged, as the last one may be when a build was
killed, is dropped with all behind it, and the samples are redone. The file is removed when the build is complete.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from builders.pipeline.storage import StoredFile


@dataclass(frozen=True, slots=True)
class Finished:
    """A sample that needs no more work: its files, or the reason why it was left out."""

    files: Sequence[StoredFile] = ()
    skipped: str | None = None


class Journal:
    """The journal of one build; a context manager that closes the file.

    Args:
        path: The file.

    Attributes:
        header: Which build it belongs to; empty where nothing has been written yet.
        finished: Key -> finished sample.
    """

    def __init__(self, path: Path):
        self.path = path
        self.header: dict[str, Any] = {}
        self.finished: dict[str, Finished] = {}
        self._file = path.open("a+b")
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        complete = 0
        for line in self._file:
            try:
                self._take(orjson.loads(line) if line.endswith(b"\n") else None)
            except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
                break
            complete += len(line)
        self._file.truncate(complete)

    def _take(self, entry: Any) -> None:
        """Takes up what a line says; one of another shape raises an error of the kind that Python has for it."""
        if not self.header:
            self.header = dict(entry.items())
        else:
            files = [StoredFile(**file) for file in entry["files"]]
            self.finished[entry["key"]] = Finished(files, entry["skipped"])

    def start(self, header: Mapping[str, Any]) -> None:
        """Writes the first line; what was noted before is gone."""
        self._file.truncate(0)
        self.finished.clear()
        self.header = dict(header)
        self._append(self.header)

    def add(self, key: str, finished: Finished) -> None:
        """Notes frames whose files are all written."""
        self.finished[key] = finished
        self._append({"key": key, "files": finished.files, "skipped": finished.skipped})

    def _append(self, entry: Mapping[str, Any]) -> None:
        try:
            self._file.write(orjson.dumps(entry) + b"\n")
            self._file.flush()
        except OSError as error:  # a full disk does not say which file
            raise OSError(error.errno, error.strerror, str(self.path)) from error
