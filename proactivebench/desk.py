"""What a page for labels by a person needs of whoever knows the labels: a table at work."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class Desk(ABC):
    """A table whose rows are filled in one by one, beside frames that they are about; used from several threads."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Everything but the frames, as JSON values: `rows`, `questions` and, with two people, `agreement`."""

    @abstractmethod
    def frame(self, row: int, number: int) -> bytes | None:
        """A frame of a row as a JPEG; None where there is none.

        Raises:
            ProactiveBenchError: It cannot be read.
        """

    @abstractmethod
    def save(self, row: int, filled: Mapping[str, str]) -> dict[str, Any]:
        """Keeps what a person has filled in, and gives the `row` and the `agreement` as they are now.

        Raises:
            ValueError: There is no such row or column, or a value is no text.
            ProactiveBenchError: The table cannot be read, or has other rows by now.
            OSError: It could not be kept.
        """
