"""What a build has finished so far, so that it can be continued.

The first line says which build it belongs to; every other line is what became of a record (`record_table`), with its
sample, in the order of the plan. So a journal is read beside the plan, line by line, and a line that is out of order or
damaged is dropped with all behind it, which is made again. When the build is complete, its samples and its table are
copied from here, all of them or none, and the file is removed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from proactivebench.errors import ResumableError
from proactivebench.record_table import RecordEntry, parse_line
from proactivebench.work.files import parse_json
from proactivebench.work.lines import LineFile, complete_lines


class Finished(RecordEntry, frozen=True, kw_only=True, omit_defaults=True):
    """A record that needs no more work, with the line of its sample; no sample where it gave none."""

    sample: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET

    def entry(self, number: int) -> RecordEntry:
        """What the table says of it, in a place of the table."""
        said = {name: getattr(self, name) for name in RecordEntry.__struct_fields__}
        return RecordEntry(**said | {"number": number})


class Journal:
    """The journal of one build; a context manager that closes the file.

    Args:
        path: The file.

    Attributes:
        header: Which build it belongs to; empty where nothing has been written yet.
    """

    def __init__(self, path: Path):
        self.path = path
        self.header = self._read_header()
        self._lines: LineFile | None = None
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        if self._lines is not None:
            self._lines.close()

    def _read_header(self) -> dict[str, Any]:
        try:
            return dict(parse_json(next(complete_lines(self.path), b"{}")).items())
        except (ValueError, AttributeError):
            return {}

    def finished(self) -> Iterator[Finished]:
        """What is finished, in the order of the plan, as far as it is whole."""
        try:
            yield from (parse_line(line, Finished) for line in islice(complete_lines(self.path), 1, None))
        except ValueError:
            return

    def all_finished(self) -> Iterator[Finished]:
        """What was kept and added: everything, when the build is complete.

        Raises:
            ResumableError: It does not stand there any more.
        """
        count = 0
        for finished in self.finished():
            yield finished
            count += 1
        if count != self._count:
            raise ResumableError(
                f"{self.path} was changed during the build: it holds {count:,} of {self._count:,} lines."
            )

    def start(self, header: Mapping[str, Any]) -> None:
        """Writes the first line; what was noted before is gone."""
        self._close()
        self._lines = LineFile(self.path, [])
        self._count = 0
        self.header = dict(header)
        self._lines.append(self.header)

    def keep(self, count: int) -> None:
        """Drops all but the first finished ones; what is added comes behind them."""
        self._close()
        self._lines = LineFile(self.path, islice(complete_lines(self.path), 1 + count))
        self._count = count

    def add(self, finished: bytes) -> None:
        """Notes what became of the next record, as a line without its end; its files are all written."""
        assert self._lines is not None, "a journal is started or kept first"
        self._lines.append_line(finished)
        self._count += 1
