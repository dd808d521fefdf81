"""The paper's result tables, with runs as rows and, on request, the paper's models among them.

Where the forced run of a model is among the runs, the row of its other run says `when`, too.

Runs that were asked the same (multiple choice, with hint, on the reference frame, open-ended ...) stand in one table,
best first, for only they compare. A table's columns are the scenarios that any of its runs played; averages compare
only over all of them, so a run that lacks some has no rank and stands below the others.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from typing import Any, NamedTuple

from proactivebench.evaluation.measured import CAVEAT, JUDGE_CAVEAT, is_published, measured_on
from proactivebench.evaluation.metrics import PER_TURN
from proactivebench.evaluation.settings import MULTIPLE_CHOICE, Part
from proactivebench.reports.asking import Asking, find_asking
from proactivebench.reports.runs import Run
from proactivebench.scenarios import SCENARIOS

AVERAGE = "macro average"
"""The mean over scenarios, each of them with the same weight."""

SCALES = {"acc": 100, "psr": 1, "when": 1, "cost": 1, "cc": 100, "ps": 100, "agg": 100}
"""Measure -> what it is multiplied with."""

COUNTS = ("errors", "refused", "cut", "unreadable", "judge_errors", "judge_unreadable")
"""What `metrics.json` counts beside the scores."""

_PAPER_TABLES = {
    MULTIPLE_CHOICE: "mcqa",
    "not filtered": "mcqa_unfiltered",
    "hint": "mcqa_hint",
    "reference": "mcqa_reference",
    "open-ended": "oeg",
    "open-ended, hint": "oeg_hint",
    "open-ended multi-turn": "oeg_multi_turn",
}
"""Setting -> the table of the paper that has it."""


class Score(NamedTuple):
    """A score with its 95% interval, which published figures lack.

    In percent; psr in suggestions per episode, cost in the scenario's own unit.
    """

    value: float
    ci95: tuple[float, float] | None = None


@dataclass(frozen=True)
class Cell:
    """The scores of one model in one scenario, or on average.

    Attributes:
        scores: Measure (`acc`, `psr`, `agg` ...) -> score; measures that nothing is known of are left out.
        n: Episodes with a score; None for averages and published figures.
        part: How many samples are played of how many; None for averages and published figures.
        counts: Episodes by what must be known of them (`COUNTS`); what is not counted is left out.
        per_turn: What a reply took on average (`PER_TURN`), where that is known.
    """

    scores: Mapping[str, Score]
    n: int | None = None
    part: Part | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    per_turn: Mapping[str, float] = field(default_factory=dict)

    @property
    def errors(self) -> int:
        """Episodes without a score."""
        return self.counts.get("errors", 0) + self.counts.get("judge_errors", 0)


@dataclass(frozen=True)
class Row:
    """A model: a run, or one of the paper's (`run` is None).

    Attributes:
        name: What it is called.
        run: The run.
        cells: Scenario or `AVERAGE` -> its scores.
        averaged: Columns of its table that its average is over.
        columns: Columns of its table.
        published: Whether unreadable output of a judge counts as the published package does.
        fewer: Whether other runs of its table play more samples.
        unpaired: To how many episodes its `when` has forced answers, where not to all; else empty.
    """

    name: str
    run: Run | None
    cells: Mapping[str, Cell]
    averaged: int
    columns: int
    published: bool = False
    fewer: bool = False
    unpaired: str = ""

    @property
    def is_ranked(self) -> bool:
        """Whether its average compares with those of other rows: over the same scenarios, and no fewer samples."""
        return self.averaged == self.columns and not self.fewer

    @property
    def note(self) -> str:
        """What must be known of the row: that samples, scenarios or judgements are missing; usually empty."""
        notes = ["published reading of the judge"] * self.published
        if 0 < self.averaged < self.columns:
            notes.append(f"average of {self.averaged} of {self.columns} scenarios")
        notes += [] if self.run is None else self.run.notes
        return ", ".join(filter(None, [*notes, self.unpaired]))

    def average(self, measure: str) -> float | None:
        """The average of a measure; None where nothing has that score yet."""
        score = self.cells[AVERAGE].scores.get(measure)
        return None if score is None else score.value


@dataclass(frozen=True)
class ScoreTable:
    """Models that were asked the same.

    Attributes:
        setting: What they were asked.
        measures: Names of their scores, first the one that ranks them.
        columns: Short names of the scenarios, in the order of the paper.
        rows: The models, best first; behind them those without a rank.
        measured: What the runs were measured on.
        caveat: Why the paper's rows do not compare with them; empty where they do, or where there are none.
    """

    setting: str
    measures: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    measured: str
    caveat: str

    @property
    def ranks(self) -> list[int | None]:
        """The rank of each row."""
        return ranks(self.rows, self.measures[0])

    @property
    def headings(self) -> tuple[str, ...]:
        """The columns with the average behind them, which a single scenario does without."""
        return self.columns if len(self.columns) == 1 else (*self.columns, AVERAGE)


def ranks(rows: Sequence[Row], measure: str) -> list[int | None]:
    """The rank of each row by its average of a measure, None without one; equal averages share theirs."""
    values = [(row.average(measure) or 0.0) if row.is_ranked else None for row in rows]
    scored = [value for value in values if value is not None]
    return [None if value is None else 1 + sum(other > value for other in scored) for value in values]


def published_results() -> dict[str, Any]:
    """The paper's result tables as data; `source` names the paper."""
    text = resources.files("proactivebench.published").joinpath("paper_results.json").read_bytes()
    return dict(json.loads(text))


def _cell_of_run(found: Mapping[str, Any], run: Run, part: Part | None) -> Cell:
    scores = {}
    for measure, scale in SCALES.items():
        if found.get(measure) is not None:
            low, high = found[f"{measure}_ci95"]
            scores[measure] = Score(scale * found[measure], (scale * low, scale * high))
    n = found.get("judged" if "agg" in run.measures else "n")
    counts, per_turn = ({name: found[name] for name in names if name in found} for names in (COUNTS, PER_TURN))
    return Cell(scores, n, part, counts, per_turn)


def _rows_of_run(run: Run, columns: Sequence[str], asking: Asking | None, *, compare_paper: bool) -> Iterator[Row]:
    """Its row, with `when` where its forced run is there, too.

    Beside the paper's models there is a second one in the published reading where that gives other scores.
    """
    found = run.metrics["scenarios"] | {AVERAGE: run.metrics["average"]}
    knows = {} if asking is None else asking.found["scenarios"] | {AVERAGE: asking.found["average"]}
    known = {name: {key: knows.get(name, {}).get(key) for key in ("when", "when_ci95")} for name in found}
    row = _row_of_run(run, {name: scores | known[name] for name, scores in found.items()}, columns)
    yield row if asking is None else replace(row, unpaired=asking.unpaired)
    if compare_paper and any(scores.get("judge_unreadable") for scores in found.values()):
        counted = {name: scores.get("published_reading", {}) for name, scores in found.items()}
        yield replace(_row_of_run(run, counted, columns), published=True)


def _row_of_run(run: Run, found: Mapping[str, Mapping[str, Any]], columns: Sequence[str]) -> Row:
    cells = {name: _cell_of_run(scores, run, run.parts.get(name)) for name, scores in found.items()}
    averaged = sum(name in cells and run.measures[0] in cells[name].scores for name in columns)
    return Row(run.name, run, cells, averaged, len(columns))


def _row_of_paper(name: str, found: Mapping[str, Mapping[str, float]], columns: Sequence[str]) -> Row:
    there = [column for column in columns if column in found]
    cells = {column: Cell({measure: Score(value) for measure, value in found[column].items()}) for column in there}
    average = found["avg"]
    if {*there, "avg"} != set(found):
        average = {measure: sum(found[column][measure] for column in there) / len(there) for measure in average}
    cells[AVERAGE] = Cell({measure: Score(value) for measure, value in average.items()})
    return Row(name, None, cells, len(there), len(columns))


def score_tables(runs: Iterable[Run], *, compare_paper: bool = False) -> list[ScoreTable]:
    """The tables of some runs: one for each setting, in the order of the runs.

    Args:
        runs: The runs.
        compare_paper: Add the paper's models where the paper has that setting.
    """
    of_setting: dict[str, list[Run]] = {}
    runs = list(runs)
    asking = {one.run.folder: one for one in find_asking(runs)}
    for run in runs:
        of_setting.setdefault(run.setting, []).append(run)
    tables = []
    for setting, alike in of_setting.items():
        columns = tuple(name for name in SCENARIOS if any(name in run.metrics["scenarios"] for run in alike))
        if not columns:
            continue
        played = {run.folder: sum(part.samples for part in run.parts.values()) for run in alike}
        rows = [
            replace(row, fewer=played[run.folder] < max(played.values()))
            for run in alike
            for row in _rows_of_run(run, columns, asking.get(run.folder), compare_paper=compare_paper)
        ]
        if compare_paper and setting in _PAPER_TABLES:
            published = published_results()[_PAPER_TABLES[setting]]
            rows += [
                _row_of_paper(name, found, columns)
                for name, found in published.items()
                if not found.keys().isdisjoint(columns)
            ]
        measures = tuple(dict.fromkeys(measure for run in alike for measure in run.measures))
        measures += ("when",) if any(run.folder in asking for run in alike) else ()
        rows.sort(key=lambda row: (row.is_ranked, row.average(measures[0]) or 0.0), reverse=True)
        data = [run.data for run in alike]
        beside_paper = any(row.run is None for row in rows)
        caveats = {CAVEAT: not is_published(data), JUDGE_CAVEAT: any(run.judge for run in alike)}
        caveat = " ".join(text for text, holds in caveats.items() if beside_paper and holds)
        measured = measured_on(alike[0].benchmark.folder, data, [run.parts for run in alike])
        tables.append(ScoreTable(setting, measures, columns, tuple(rows), measured, caveat))
    return tables
