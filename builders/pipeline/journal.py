"""What a build has finished so far, so that it can be continued.

The first line says which build it belongs to, every other line names the finished frames of a sample and their files,
or says why it was left out. A damaged line is dropped with all behind it, and the samples are redone. The file is
removed when the build is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from builders.pipeline.storage import StoredFile
from proactivebench.work.files import parse_json
from proactivebench.work.lines import LineFile, complete_lines


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
        self._lines = LineFile(path, list(self._sound_lines()))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lines.close()

    def _sound_lines(self) -> Iterator[bytes]:
        for line in complete_lines(self.path):
            try:
                self._take(parse_json(line))
            except (ValueError, KeyError, TypeError, AttributeError):
                return
            yield line

    def _take(self, entry: Any) -> None:
        """Takes up what a line says; one of another shape raises an error of the kind that Python has for it."""
        if not self.header:
            self.header = dict(entry.items())
        else:
            files = [StoredFile(**file) for file in entry["files"]]
            self.finished[entry["key"]] = Finished(files, entry["skipped"])

    def start(self, header: Mapping[str, Any]) -> None:
        """Writes the first line; what was noted before is gone."""
        self._lines.close()
        self._lines = LineFile(self.path, [])
        self.finished.clear()
        self.header = dict(header)
        self._lines.append(self.header)

    def add(self, key: str, finished: Finished) -> None:
        """Notes frames whose files are all written."""
        self.finished[key] = finished
        files = [file._asdict() for file in finished.files]
        self._lines.append({"key": key, "files": files, "skipped": finished.skipped})
