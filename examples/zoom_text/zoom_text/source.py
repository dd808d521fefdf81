"""Notes: a text file `notes.txt`, in each line the four words of a page.

The words of a page have the same length, for that of a word shows even where the word cannot be read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from raw_sources.base import Inventory, Problem, Source, SourceNotFoundError, decoding
from raw_sources.catalog import CatalogEntry
from raw_sources.folders import walk


@dataclass(frozen=True)
class Page:
    """The words of one page, and the number of their line."""

    line: int
    words: tuple[str, ...]


@dataclass(frozen=True)
class Notes(Source[Page]):
    """The file of notes."""

    name = "notes"
    entry = CatalogEntry(
        name=name,
        title="Notes made up for this example",
        home="https://example.org/notes",
        licence="CC0: anything",
        redistribution="allowed",
        citation="@misc{notes, title = {Notes made up for an example}}",
        steps=("Write four different words of the same length into each line of {raw}/notes.txt.",),
    )

    file: Path

    @classmethod
    def locate(cls, raw: Path) -> Self:
        for found in walk(raw):
            if "notes.txt" in found.files:
                return cls(found.path / "notes.txt")
        raise SourceNotFoundError(f"No notes.txt under {raw}.")

    def verify(self) -> Inventory:
        problems: list[Problem] = []
        return Inventory({"pages": len(list(self.read(problems)))}, problems)

    def records(self) -> Iterator[Page]:
        return self.read([])

    def read(self, problems: list[Problem]) -> Iterator[Page]:
        """Yields the pages, and adds lines that are none to `problems`."""
        with decoding(self.file, "text"):
            lines = self.file.read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, start=1):
            words = tuple(line.split())
            if len(set(words)) == 4 == len(words) and len({len(word) for word in words}) == 1:
                yield Page(number, words)
            else:
                place = f"{self.file}:{number}"
                problems.append(Problem(place, "expected four different words of the same length"))
