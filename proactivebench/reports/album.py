"""What a page lets people leaf through: many entries, of which a browser loads few at a time.

The index holds the little that filters need and is part of the page. The entries lie beside it in chunks, which the
page loads when somebody looks at them, and the pictures one by one. The same names serve a report on disk and a page
served on this machine; only who answers differs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from proactivebench.prompts import Shown
from proactivebench.reports.pictures import Pictures
from proactivebench.scenarios import Environment, Sample

CHUNK = 200
"""Entries of a chunk."""


def right_options(environment: Environment) -> set[str]:
    """The shown options that are right at the present turn of an episode."""
    return {*environment.accepted, *([environment.sample.answer] if environment.category_counts() else [])}


def frames_of(sample: Sample) -> str:
    """Where the frames of a sample are below the data folder, as far as they share it."""
    return sample.image_template.partition("{")[0].rstrip("/")


class Album(ABC):
    """Entries of one kind in one or several parts (the runs of a report).

    Attributes:
        pictures: The pictures of the chunks that were asked for.
    """

    def __init__(self) -> None:
        self.pictures = Pictures()

    @abstractmethod
    def index(self) -> dict[str, Any]:
        """What filters need, as JSON values.

        Returns:
            `kind` (`episodes` or `samples`), `chunk` (entries of a chunk), `scenarios`, `endings`, `marks` and
            `answers` (names), and `parts`: for each its `name`, `rows` of scenario, id, repeat, ending, turns, marks (a
            bit for each), answer and the category that it ended with (-1 for none), and of samples their `thumbnails`;
            names are given by their place in those lists.
        """

    @abstractmethod
    def entries(self, part: int, first: int, last: int) -> list[dict[str, Any]]:
        """The entries `first` to `last` (exclusive) of a part, as JSON values.

        Returns:
            For each its `source`, `answer`, `limit` (turns that it can have), `error` and `turns`; for each of these
            its `picture`, `question`, `options`, `right` (places of the options that are right), `effects` (what each
            option would do), `reply`, `chosen` (place of the option that it names), `read` and `did`.
        """

    @abstractmethod
    def sizes(self) -> list[int]:
        """Entries of each part."""

    def chunk(self, part: int, number: int) -> dict[str, Any]:
        """A chunk: `entries`, whose questions and options are given by their place in `texts`.

        Raises:
            IndexError: There is no such chunk.
        """
        sizes = self.sizes()
        if not (0 <= part < len(sizes) and 0 <= number * CHUNK < sizes[part]):
            raise IndexError(f"there is no chunk {part}-{number}")
        places: dict[Shown, int] = {}
        entries = self.entries(part, number * CHUNK, (number + 1) * CHUNK)
        for entry in entries:
            for turn in entry["turns"]:
                text = Shown(turn.pop("question"), turn.pop("options"))
                turn["text"] = places.setdefault(text, len(places))
        return {"texts": list(places), "entries": entries}

    def chunk_names(self) -> list[str]:
        """The names of all chunks: part and number."""
        return [f"{part}-{number}" for part, size in enumerate(self.sizes()) for number in range(-(-size // CHUNK))]
