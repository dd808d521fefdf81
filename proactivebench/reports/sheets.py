"""Tables as papers print them: which columns, which rows, and which numbers may stand in bold.

A sheet has a block for each setting: one, or several side by side. Runs that were given one name are one row, such as
the seeds of a training: it shows their mean, and the standard deviation takes the place of the interval. The best of a
column is bold where it is better than every other run of that column by the paired test of `comparison` (p < 0.05);
demanding that of all of them needs no correction for their number. The paper's rows have no episodes to be tested
against, so nothing is bold where one of them is better; nor is an average over fewer scenarios than others have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, stdev
from typing import Literal, NamedTuple

from proactivebench.errors import UsageError
from proactivebench.evaluation.comparison import SampleKey, Scored, by_sample, p_value
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import AVERAGE, Row, ScoreTable
from proactivebench.scenarios import SCENARIOS

SIGNIFICANT = 0.05
"""p below which a difference counts."""

MORE_IS_BETTER = ("acc", "cc", "agg")
"""Measures of which the best is marked; many suggestions are not better than few."""

_TWO_DECIMALS = ("psr", "when", "cost")

Interval = Literal["plus-minus", "range", "none"]


@dataclass(frozen=True)
class Style:
    """How tables are printed.

    Attributes:
        names: Folder of a run -> what it is called; others keep their model's name.
        measures: Which scores, of those that there are; empty for all.
        average_only: Leave out the scenarios and show their macro average alone.
        side_by_side: Put the settings beside each other instead of below.
        interval: How the 95% interval is printed.
        caption: What stands in front of the caption.
        label: What the tables are called in LaTeX; several are numbered.
    """

    names: Mapping[Path, str] = field(default_factory=dict)
    measures: tuple[str, ...] = ()
    average_only: bool = False
    side_by_side: bool = False
    interval: Interval = "plus-minus"
    caption: str = ""
    label: str = "tab:proactivebench"


class Around(NamedTuple):
    """What stands beside a number, in digits: one that holds for both sides, two sides, or the two ends."""

    kind: Literal["both", "sides", "ends"]
    low: str
    high: str


@dataclass(frozen=True)
class Entry:
    """A number of a sheet.

    Attributes:
        measure: What it is a score of.
        value: In percent; psr in suggestions per episode, cost in the scenario's own unit.
        ci95: Its 95% interval, where that is known.
        spread: The standard deviation of several runs, which then have no interval.
        bold: Whether it is the best of its column.
        published: Whether it is one of the paper's.
    """

    measure: str
    value: float
    ci95: tuple[float, float] | None = None
    spread: float | None = None
    bold: bool = False
    published: bool = False

    @property
    def text(self) -> str:
        """The number in digits: percent with one decimal, others with two; the paper's keep their one."""
        return self._text(self.value, published=self.published)

    def around(self, interval: Interval) -> Around | None:
        """What stands beside the number."""
        if self.spread is not None:
            return Around("both", *[self._text(self.spread)] * 2)
        if self.ci95 is None or interval == "none":
            return None
        low, high = self.ci95
        if interval == "range":
            return Around("ends", self._text(low), self._text(high))
        below, above = (self._text(max(0.0, side)) for side in (self.value - low, high - self.value))
        return Around("both" if below == above else "sides", below, above)

    def _text(self, value: float, *, published: bool = False) -> str:
        return f"{value:.{1 if published or self.measure not in _TWO_DECIMALS else 2}f}"


@dataclass(frozen=True)
class Line:
    """A row of one setting: its name, and the rows of the score table that it stands for."""

    name: str
    rows: tuple[Row, ...]

    @property
    def runs(self) -> list[Run]:
        """Its runs, without those in the published reading of a judge."""
        return [row.run for row in self.rows if row.run is not None and not row.published]

    @property
    def note(self) -> str:
        """What must be known of it."""
        several = [f"mean of {len(self.rows)} runs"] if len(self.rows) > 1 else []
        return ", ".join(several + list(dict.fromkeys(row.note for row in self.rows if row.note)))

    def entry(self, heading: str, measure: str) -> Entry | None:
        """A number, where all of its runs have it."""
        found = [row.cells[heading].scores.get(measure) for row in self.rows if heading in row.cells]
        scores = [score for score in found if score is not None]
        if len(scores) < len(self.rows):
            return None
        if len(scores) > 1:
            values = [score.value for score in scores]
            return Entry(measure, fmean(values), spread=stdev(values))
        return Entry(measure, *scores[0], published=self.rows[0].run is None)


@dataclass(frozen=True)
class Block:
    """One setting of a sheet.

    Attributes:
        setting: What was asked.
        headings: Scenarios, and the average.
        measures: Names of the scores.
        lines: Rows by name, best first.
    """

    setting: str
    headings: tuple[str, ...]
    measures: tuple[str, ...]
    lines: Mapping[str, Line]

    @cached_property
    def columns(self) -> list[tuple[str, str]]:
        """Heading and measure of every column."""
        return [(heading, measure) for heading in self.headings for measure in self.measures]

    def entries(self, name: str) -> list[Entry | None]:
        """The numbers of a row, None where it has none."""
        line = self.lines.get(name)
        found = [None if line is None else line.entry(*column) for column in self.columns]
        return [
            one and replace(one, bold=self._winners.get(column) == name)
            for one, column in zip(found, self.columns, strict=True)
        ]

    @cached_property
    def _samples(self) -> dict[str, Mapping[SampleKey, Scored]]:
        """Of each row of runs its scores sample by sample; those that wait for their judge have none yet."""
        judged = {name: line for name, line in self.lines.items() if not any(run.unjudged for run in line.runs)}
        return {name: by_sample([run.folder for run in line.runs]) for name, line in judged.items() if line.runs}

    @cached_property
    def _winners(self) -> dict[tuple[str, str], str]:
        """Column -> the row that is better than all others in it, as far as one is."""
        found = {}
        for heading, measure in self.columns:
            if measure in MORE_IS_BETTER and (winner := self._winner(heading, measure)):
                found[heading, measure] = winner
        return found

    def _winner(self, heading: str, measure: str) -> str | None:
        values = {name: one.value for name, line in self.lines.items() if (one := line.entry(heading, measure))}
        best, *others = sorted(values, key=lambda name: -values[name]) or [""]
        rivals = [name for name in others if self.lines[name].runs]
        if not rivals or not self._samples.keys() >= {best, *rivals}:
            return None
        cells = [row.cells for line in self.lines.values() for row in line.rows]
        everything = [name for name in SCENARIOS if any(name in one for one in cells)]
        chosen = everything if heading == AVERAGE else [heading]
        for name in rivals:
            p = p_value(self._samples[best], self._samples[name], measure, chosen)
            if p is None or p >= SIGNIFICANT:
                return None
        return best


@dataclass(frozen=True)
class Sheet:
    """A table as it is printed.

    Attributes:
        blocks: The settings, side by side.
        about: What the runs were measured on, and why the paper's rows do not compare where that is so.
    """

    blocks: tuple[Block, ...]
    about: str

    @property
    def title(self) -> str:
        """The settings, in words."""
        return "; ".join(block.setting for block in self.blocks)

    @property
    def names(self) -> list[str]:
        """The rows, in the order of the first block that has them."""
        return list(dict.fromkeys(name for block in self.blocks for name in block.lines))

    def entries(self, name: str) -> list[Entry | None]:
        """The numbers of a row, block by block."""
        return [entry for block in self.blocks for entry in block.entries(name)]

    def notes(self, name: str) -> str:
        """What must be known of a row and is not said of all of them; usually empty."""
        found = [(block.setting, block.lines[name].note) for block in self.blocks if name in block.lines]
        lines = [(setting, "" if note in self.about else note) for setting, note in found]
        texts = {note for _, note in lines}
        if len(texts) == 1:
            return texts.pop()
        return "; ".join(f"{setting}: {note}" for setting, note in lines if note)

    def told(self, name: str) -> str:
        """What stands beside the name of a row where there is room for words."""
        return "paper" if self.is_published(name) else self.notes(name)

    def is_published(self, name: str) -> bool:
        """Whether a row is one of the paper's."""
        return not any(block.lines[name].runs for block in self.blocks if name in block.lines)


def sheets(tables: Sequence[ScoreTable], style: Style) -> list[Sheet]:
    """Score tables as they are printed.

    Raises:
        UsageError: No run has one of the measures.
    """
    if strange := set(style.measures) - {measure for table in tables for measure in table.measures}:
        there = dict.fromkeys(measure for table in tables for measure in table.measures)
        raise UsageError(f"These runs have no {min(strange)}; they have {', '.join(there)}.")
    blocks = [_block(table, style) for table in tables]
    abouts = [f"Measured on {table.measured}. {table.caveat}".rstrip() for table in tables]
    kept = [(block, about) for block, about in zip(blocks, abouts, strict=True) if block.measures]
    if style.side_by_side:
        return [Sheet(tuple(block for block, _ in kept), " ".join(dict.fromkeys(about for _, about in kept)))]
    return [Sheet((block,), about) for block, about in kept]


def _block(table: ScoreTable, style: Style) -> Block:
    lines: dict[str, Line] = {}
    models = [row.run.model for row in table.rows if row.run is not None and not row.published]
    for row in table.rows:
        name = _label(row, models, style.names)
        line = lines.get(name, Line(name, ()))
        lines[name] = replace(line, rows=(*line.rows, row))
    measures = tuple(measure for measure in style.measures or table.measures if measure in table.measures)
    headings = table.headings[-1:] if style.average_only else table.headings
    order = sorted(lines.values(), key=lambda line: -_rank(line, headings[-1], table.measures[0]))
    return Block(table.setting, headings, measures, {line.name: line for line in order})


def _rank(line: Line, heading: str, measure: str) -> float:
    """What a row is ranked by: its average, or less than any for one without a rank."""
    found = line.entry(heading, measure)
    value = 0.0 if found is None else found.value
    return value if found is not None and all(row.is_ranked for row in line.rows) else value - 1000


def _label(row: Row, models: Sequence[str], names: Mapping[Path, str]) -> str:
    """What a row is called: as the user says, else by its model, else as everywhere, where that is not one row."""
    if row.run is None:
        return row.name
    if row.published:
        return f"{_label(replace(row, published=False), models, names)}, published reading"
    if name := names.get(row.run.folder.resolve()):
        return name
    return row.run.model if models.count(row.run.model) == 1 else row.name
