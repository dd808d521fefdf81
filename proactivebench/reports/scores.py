"""The paper's result tables, with runs as rows and, on request, the paper's 22 models among them.

Runs that asked the same (multiple choice, with hint, on the reference frame ...) stand in one table, best accuracy
first, for only they compare. A run that did not play all seven scenarios is compared on those it played: the averages
of that table are over the columns that it shows, except for runs that lack some of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from proactivebench.reports.runs import MULTIPLE_CHOICE, Run
from proactivebench.scenarios import SCENARIOS

AVERAGE = "average"

_REFERENCE = "reference"
_PAPER_TABLES = {
    MULTIPLE_CHOICE: "mcqa",
    "not filtered": "mcqa_unfiltered",
    "hint": "mcqa_hint",
    _REFERENCE: "mcqa_reference",
}
"""Setting -> the table of the paper that has it."""


@dataclass(frozen=True)
class Cell:
    """The scores of one model in one scenario, or on average.

    Attributes:
        acc: Accuracy in percent.
        psr: Suggestions per episode; None where there is only one turn.
        acc_ci95: 95% interval of acc; None for published figures.
        psr_ci95: 95% interval of psr.
        n: Episodes with a score; None for published figures.
        errors: Episodes without one.
    """

    acc: float
    psr: float | None
    acc_ci95: tuple[float, float] | None = None
    psr_ci95: tuple[float, float] | None = None
    n: int | None = None
    errors: int = 0


@dataclass(frozen=True)
class Row:
    """A model: a run, or one of the paper's (`run` is None)."""

    name: str
    run: Run | None
    cells: Mapping[str, Cell]

    @property
    def average(self) -> Cell:
        """Its average; zero where nothing has a score yet."""
        return self.cells.get(AVERAGE, Cell(0.0, 0.0))


@dataclass(frozen=True)
class ScoreTable:
    """Models that were asked the same.

    Attributes:
        setting: What they were asked.
        columns: Short names of the scenarios, in the order of the paper.
        rows: The models, best average accuracy first.
    """

    setting: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def headings(self) -> tuple[str, ...]:
        """The columns with the average behind them, which a single scenario does without."""
        return self.columns if len(self.columns) == 1 else (*self.columns, AVERAGE)

    @property
    def has_psr(self) -> bool:
        """Whether there is anything to suggest: not on the reference frame."""
        return self.setting != _REFERENCE


def published_results() -> dict[str, Any]:
    """The paper's result tables as data; `source` names the paper."""
    text = resources.files("proactivebench.published").joinpath("paper_results.json").read_bytes()
    return dict(json.loads(text))


def _cell_of_run(scores: Mapping[str, Any], run: Run) -> Cell:
    low, high = scores["acc_ci95"]
    one_turn = run.setting == _REFERENCE
    return Cell(
        acc=100 * scores["acc"],
        psr=None if one_turn else scores["psr"],
        acc_ci95=(100 * low, 100 * high),
        psr_ci95=None if one_turn else tuple(scores["psr_ci95"]),
        n=scores.get("n"),
        errors=scores.get("errors", 0),
    )


def _row_of_run(run: Run) -> Row:
    scores = run.metrics["scenarios"]
    cells = {name: _cell_of_run(scores[name], run) for name in scores if "acc" in scores[name]}
    if cells:
        cells[AVERAGE] = _cell_of_run(run.metrics["average"], run)
    return Row(run.name, run, cells)


def _row_of_paper(name: str, scores: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> Row:
    cells = {column: Cell(scores[column]["acc"], scores[column].get("psr")) for column in columns}
    if len(columns) == len(SCENARIOS):
        cells[AVERAGE] = Cell(scores["avg"]["acc"], scores["avg"].get("psr"))
    else:
        psrs = [cell.psr for cell in cells.values() if cell.psr is not None]
        mean = sum(cell.acc for cell in cells.values()) / len(cells)
        cells[AVERAGE] = Cell(mean, sum(psrs) / len(psrs) if psrs else None)
    return Row(name, None, cells)


def score_tables(runs: Iterable[Run], *, compare_paper: bool = False) -> list[ScoreTable]:
    """The tables of some runs: one for each setting, in the order of the runs.

    Args:
        runs: The runs; those without multiple choice have no accuracy and are left out.
        compare_paper: Add the paper's models where the paper has that setting.
    """
    of_setting: dict[str, list[Row]] = {}
    for run in runs:
        of_setting.setdefault(run.setting, []).append(_row_of_run(run))
    tables = []
    for setting, rows in of_setting.items():
        present = {name for row in rows for name in row.cells}
        columns = tuple(name for name in SCENARIOS if name in present)
        if not columns:
            continue
        if compare_paper and setting in _PAPER_TABLES:
            published = published_results()[_PAPER_TABLES[setting]]
            rows += [_row_of_paper(name, scores, columns) for name, scores in published.items()]
        rows.sort(key=lambda row: -row.average.acc)
        tables.append(ScoreTable(setting, columns, tuple(rows)))
    return tables
