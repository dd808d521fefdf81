"""Score tables as files: Markdown to read, CSV and JSON with every interval to compute with; `latex` has LaTeX."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from proactivebench.evaluation.metrics import PER_TURN
from proactivebench.plain_text import as_cell
from proactivebench.reports.latex import to_latex
from proactivebench.reports.scores import COUNTS, Cell, ScoreTable
from proactivebench.reports.sheets import Entry, Interval, Style, sheets

_NOTHING = "\N{EN DASH}"

_BESIDE: Mapping[Interval, str] = {
    "plus-minus": " Beside a number: how far the ends of its 95% interval are.",
    "range": " In brackets: the 95% interval.",
    "none": "",
}


def _text(one: Entry | None, interval: Interval) -> str:
    """A number with what stands beside it."""
    if one is None:
        return _NOTHING
    value = f"**{one.text}**" if one.bold else one.text
    match one.around(interval):
        case None:
            return value
        case ("both", size, _):
            return f"{value} ± {size}"
        case ("sides", below, above):
            return f"{value} +{above} -{below}"
        case (_, low, high):
            return f"{value} [{low}, {high}]"


def to_markdown(tables: Sequence[ScoreTable], style: Style | None = None) -> str:
    """One Markdown table per setting, or one for all of them side by side; published models are marked."""
    style = style or Style()
    parts = []
    for sheet in sheets(tables, style):
        settings = [f"{block.setting}: " if len(sheet.blocks) > 1 else "" for block in sheet.blocks]
        blocks = zip(settings, sheet.blocks, strict=True)
        heads = [f"{setting}{' '.join(column)}" for setting, block in blocks for column in block.columns]
        lines = [["model", *heads], ["---"] + ["---:"] * len(heads)]
        for name in sheet.names:
            note = sheet.told(name)
            told = " ".join(f"{name}{f' ({note})' * bool(note)}".split())
            cells = [_text(one, style.interval) for one in sheet.entries(name)]
            lines.append([re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", told), *cells])
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"## {sheet.title.capitalize()}\n\n{sheet.about}{_BESIDE[style.interval]}\n\n{text}\n")
    return "\n".join(parts)


def to_csv(tables: Sequence[ScoreTable]) -> str:
    """One line per setting, model, scenario (or average) and measure, with intervals; unknown scores are empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = ("setting", "model", "note", "source", "scenario", "measure", "value", "low", "high", "n")
    writer.writerow((*names, "samples", "of samples", *COUNTS, *PER_TURN, "measured on"))
    for table in tables:
        for row in table.rows:
            for scenario, cell in row.cells.items():
                source = "run" if row.run else "paper"
                for measure in table.measures:
                    score = cell.scores.get(measure)
                    numbers = (score.value, *(score.ci95 or ())) if score else ()
                    texts = [f"{number:.4f}" for number in numbers] + [""] * (3 - len(numbers))
                    place = table.measured if row.run else "the published benchmark"
                    counts = (cell.n, *(cell.part or ("", "")), *(cell.counts.get(name, "") for name in COUNTS))
                    took = [f"{cell.per_turn[name]:.4f}" if name in cell.per_turn else "" for name in PER_TURN]
                    about = map(as_cell, (table.setting, row.name, row.note, source, scenario, measure))
                    writer.writerow((*about, *texts, *counts, *took, as_cell(place)))
    return file.getvalue()


def _json_cell(cell: Cell) -> dict[str, Any]:
    scores = {measure: score._asdict() for measure, score in cell.scores.items()}
    part = {} if cell.part is None else {"samples": cell.part.samples, "of_samples": cell.part.of}
    return {**scores, "n": cell.n, **part, **cell.counts, **cell.per_turn}


def to_json(tables: Sequence[ScoreTable]) -> str:
    """The tables with every interval; psr and cost per episode, everything else in percent."""
    values = [
        {
            "setting": table.setting,
            "measured_on": table.measured,
            "caveat": table.caveat,
            "measures": table.measures,
            "scenarios": table.columns,
            "rows": [
                {
                    "model": row.name,
                    "source": "run" if row.run else "paper",
                    "note": row.note,
                    "identity": row.run.identity if row.run else None,
                    "scores": {name: _json_cell(cell) for name, cell in row.cells.items()},
                }
                for row in table.rows
            ],
        }
        for table in tables
    ]
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


WRITERS: Mapping[str, Callable[[Sequence[ScoreTable], Style], str]] = {
    "md": to_markdown,
    "tex": to_latex,
    "csv": lambda tables, style: to_csv(tables),
    "json": lambda tables, style: to_json(tables),
}
"""Ending of a file -> what writes it."""
