"""Tables as plain lists of dictionaries, which pandas takes as they are and a notebook shows as tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from proactivebench.api.html import as_html
from proactivebench.errors import require_extra

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 50
"""Rows that a notebook shows of a longer table."""


class Rows(list[dict[str, Any]]):
    """A table: a dictionary per row, all with the same keys.

    Args:
        rows: The rows.
        caption: What must be known of them; shown above the table.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = (), caption: str = ""):
        super().__init__(dict(row) for row in rows)
        self.caption = caption

    def to_pandas(self) -> pd.DataFrame:
        """The rows as a data frame.

        Raises:
            MissingExtraError: pandas is not installed.
        """
        with require_extra("to_pandas", "notebook"):
            import pandas as pd
        return pd.DataFrame(list(self))

    def _repr_html_(self) -> str | None:
        more = f"{len(self) - SHOWN:,} more rows" if len(self) > SHOWN else ""
        columns = list(self[0]) if self else []
        return as_html("rows", self[:SHOWN], columns, self.caption, more)
