"""What all raw sources share.

A source is found under a folder as its users really have it (`locate`), can say what is there and what is missing or
broken (`verify`), and yields typed records in an order that does not depend on the file system (`records`). Nothing is
guessed silently: what a record needs and the disk does not give is a `Problem` with a name, and the record is left out.
One damaged or odd file therefore costs its record and nothing else; `decoding` is where its failure gets its name.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from raw_sources.catalog import CatalogEntry

_NOT_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class SourceError(Exception):
    """Raw data that cannot be used; the text names the place, what was expected and what to do."""

    exit_code = 1
    resumes = False


class StoppedError(SourceError):
    """Getting a source stopped in the middle. What has arrived is kept, and the same call continues."""

    resumes = True


class SourceNotFoundError(SourceError):
    """The folder does not hold this source; the text says what was looked for and how to get it."""

    exit_code = 2


def as_text(strange: str) -> str:
    """A text from a file, with control characters and lone surrogates written out in Python's way."""
    return _NOT_TEXT.sub(lambda found: repr(found[0])[1:-1], strange)


@contextmanager
def decoding(path: Path, what: str, raised: type[SourceError] = SourceError) -> Iterator[None]:
    """Turns whatever goes wrong in the body into an error that names the file.

    Decoders are made for whole files: a damaged one makes them raise errors of every type, their own bugs included.
    Here alone all of them are caught, so nothing but decoding belongs in the body.

    Args:
        path: The file.
        what: What it should be (`picture`).
        raised: The type of the error.

    Raises:
        SourceError: The body failed; one that it raised itself stays as it is.
    """
    try:
        yield
    except SourceError:
        raise
    except Exception as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise raised(as_text(f"{path}: not a readable {what} ({reason}). Get the file again.")) from error


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is missing or unreadable: where (file, line, record) and what was expected there.

    `what` may be the text of an error that begins with the place.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return as_text(self.what if self.what.startswith(self.where) else f"{self.where}: {self.what}")


def first_few(names: Sequence[str], shown: int = 5) -> str:
    """Lists names in one line that a person reads: the first ones, and how many others there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(slots=True)
class Inventory:
    """What `verify` found: counts by plain name (`drawings`, `videos`) and everything that is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Fetched:
    """What `fetch` did.

    Attributes:
        ready: Files and folders that are there now, in the order of the catalogue.
        steps: What a person has still to do, in order; empty when nothing is left.
    """

    ready: list[Path] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


Record = TypeVar("Record")


class Source(ABC, Generic[Record]):
    """A raw data set on disk.

    Attributes:
        name: The name on the command line and in `catalog.toml`, in lower case.
        entry: What is known of it: licence, how to get it. For ours `catalog.toml` says that; a plug-in's source
            without an entry can be built from, but not published.
    """

    name: ClassVar[str]
    entry: ClassVar[CatalogEntry]

    @classmethod
    @abstractmethod
    def locate(cls, raw: Path) -> Self:
        """Finds the source in `raw` or in a folder below it.

        Raises:
            SourceNotFoundError: It is not there.
        """

    @classmethod
    def prepare(cls, raw: Path) -> Fetched | None:
        """What `fetch` can do for a source that it cannot download; None, as here, leaves the catalogue's steps.

        Raises:
            SourceError: What is there cannot be used, or nothing can be written.
        """
        return None

    @abstractmethod
    def verify(self) -> Inventory:
        """Counts what is there and names everything missing or unreadable."""

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Yields the usable records, in a fixed order."""
