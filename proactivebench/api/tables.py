"""Tables for papers, from Python."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from proactivebench.api.rows import Rows
from proactivebench.api.runs import Run
from proactivebench.reports.score_files import WRITERS
from proactivebench.reports.scores import ScoreTable, score_tables
from proactivebench.reports.sheets import Style, sheets


@dataclass(frozen=True)
class Table:
    """Scores of some runs as tables, one for each setting, or one with all settings side by side.

    Attributes:
        tables: The scores.
        style: How they are printed.
    """

    tables: tuple[ScoreTable, ...]
    style: Style

    def to_latex(self) -> str:
        """LaTeX for the package booktabs."""
        return WRITERS["tex"](self.tables, self.style)

    def to_markdown(self) -> str:
        """Markdown."""
        return WRITERS["md"](self.tables, self.style)

    def to_csv(self) -> str:
        """A line per setting, model, scenario and measure, with every interval."""
        return WRITERS["csv"](self.tables, self.style)

    def _repr_html_(self) -> str | None:
        parts = []
        for sheet in sheets(self.tables, self.style):
            columns = [
                " ".join([block.setting, *column] if len(sheet.blocks) > 1 else column)
                for block in sheet.blocks
                for column in block.columns
            ]
            rows = []
            for name in sheet.names:
                texts = [None if entry is None else entry.text for entry in sheet.entries(name)]
                told = f"{name} ({note})" if (note := sheet.told(name)) else name
                rows.append({"model": told, **dict(zip(columns, texts, strict=True))})
            parts.append(Rows(rows, f"{sheet.title}. {sheet.about}")._repr_html_() or "")
        return "".join(parts) or None


def table(
    *runs: Run,
    names: Mapping[str | Path, str] | None = None,
    scenarios: Sequence[str] = (),
    paper: bool = False,
    **style: Any,
) -> Table:
    """The scores of some runs as a table for a paper, as the command `table` prints it.

    Args:
        runs: At least one.
        names: Folder of a run -> what it is called; runs of one name become one row with mean and standard deviation.
        scenarios: Names of the scenarios to show; by default all.
        paper: Place the runs among the paper's models.
        style: `measures`, `average_only`, `side_by_side`, `interval`, `caption`, `label`: see
            `proactivebench.reports.sheets.Style`.

    Raises:
        UsageError: The runs were played on different data, or lack what shall be shown.
    """
    called = {Path(folder).resolve(): name for folder, name in (names or {}).items()}
    found = score_tables([run.loaded.only(scenarios) for run in runs], compare_paper=paper)
    return Table(tuple(found), Style(names=called, **style))
