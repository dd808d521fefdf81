"""What all raw sources share.

A source is found under a folder as its users really have it (`locate`), can say what is there and what is missing or
broken (`verify`), and yields typed records in an order that does not depend on the file system (`records`). Nothing is
guessed silently: what a record needs and the disk does not give is a `Problem` with a name, and the record is left out.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class SourceError(Exception):
    """Raw data that cannot be used; the text names the place, what was expected and what to do."""

    exit_code = 1


class SourceNotFoundError(SourceError):
    """The folder does not hold this source; the text says what was looked for and how to get it."""

    exit_code = 2


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is missing or unreadable: where (file, line, record) and what was expected there.

    `what` may be the text of an error that begins with the place.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return self.what if self.what.startswith(self.where) else f"{self.where}: {self.what}"


def first_few(names: Sequence[str], shown: int = 5) -> str:
    """Lists names in one line that a person reads: the first ones, and how many others there are."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more:,} more" if more > 0 else "")


@dataclass(slots=True)
class Inventory:
    """What `verify` found: counts by plain name (`drawings`, `videos`) and everything that is wrong."""

    counts: dict[str, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


Record = TypeVar("Record")


class Source(ABC, Generic[Record]):
    """A raw data set on disk.

    Attributes:
        name: The name on the command line and in `catalog.toml`.
    """

    name: ClassVar[str]

    @classmethod
    @abstractmethod
    def locate(cls, raw: Path) -> Self:
        """Finds the source in `raw` or in a folder below it.

        Raises:
            SourceNotFoundError: It is not there.
        """

    @abstractmethod
    def verify(self) -> Inventory:
        """Counts what is there and names everything missing or unreadable."""

    @abstractmethod
    def records(self) -> Iterator[Record]:
        """Yields the usable records, in a fixed order."""
