"""Score tables as files: Markdown and LaTeX to read, CSV and JSON with every interval to compute with."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from proactivebench.plain_text import as_cell
from proactivebench.reports.scores import COUNTS, Cell, Row, ScoreTable

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
} | {character: f"\\{character}" for character in "&%$#_{}"}


_NOTHING = "\N{EN DASH}"


def _texts(table: ScoreTable, row: Row, plus_minus: str) -> Iterator[str]:
    """The cells of a row: all measures of every column; the first measure of the last column shows its interval."""
    for column in table.headings:
        scores = row.cells[column].scores if column in row.cells else {}
        for measure in table.measures:
            score = scores.get(measure)
            text = _NOTHING if score is None else f"{score.value:.1f}"
            if score and score.ci95 and column == table.headings[-1] and measure == table.measures[0]:
                text += plus_minus.format((score.ci95[1] - score.ci95[0]) / 2)
            yield text


def _name(row: Row) -> str:
    return f"{row.name} ({row.note})" if row.note else row.name


def _about(table: ScoreTable) -> str:
    return f"Measured on {table.measured}; ± is half of the 95% interval. {table.caveat}".rstrip()


def to_markdown(tables: Sequence[ScoreTable]) -> str:
    """One Markdown table per setting; runs in bold among published models."""
    parts = []
    for table in tables:
        headings = ["model", *(f"{column} {measure}" for column in table.headings for measure in table.measures)]
        lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
        for row in table.rows:
            name = re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(_name(row).split()))
            lines.append([f"**{name}**" if row.run else f"{name} (paper)", *_texts(table, row, " ± {:.1f}")])
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"## {table.setting.capitalize()}\n\n{_about(table)}\n\n{text}\n")
    return "\n".join(parts)


def _latex(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(character, character) for character in " ".join(text.split()))


def to_latex(tables: Sequence[ScoreTable]) -> str:
    """One `tabular` per setting for the package booktabs; runs in bold."""
    parts = []
    for table in tables:
        columns = table.headings
        width = len(table.measures)
        heads = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{_latex(column)}}}" for column in columns)
        units = " & ".join(table.measures * len(columns))
        lines = [
            f"% {_latex(table.setting)}",
            rf"\begin{{tabular}}{{l{'r' * width * len(columns)}}}",
            r"\toprule",
            rf" & {heads} \\",
            rf"Model & {units} \\",
            r"\midrule",
        ]
        for row in table.rows:
            name = rf"\textbf{{{_latex(_name(row))}}}" if row.run else _latex(row.name)
            cells = " & ".join(_texts(table, row, r" {{\scriptsize$\pm${:.1f}}}")).replace(_NOTHING, "--")
            lines.append(rf"{name} & {cells} \\")
        place = rf"\multicolumn{{{1 + width * len(columns)}}}{{@{{}}p{{0.9\linewidth}}@{{}}}}"
        about = rf"{place}{{\footnotesize {_latex(_about(table))}}} \\"
        parts.append("\n".join([*lines, r"\bottomrule", about, r"\end{tabular}", ""]))
    return "\n".join(parts)


def to_csv(tables: Sequence[ScoreTable]) -> str:
    """One line per setting, model, scenario (or average) and measure, with intervals; unknown scores are empty."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = ("setting", "model", "note", "source", "scenario", "measure", "value", "low", "high", "n")
    writer.writerow((*names, "samples", "of samples", *COUNTS, "measured on"))
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
                    about = map(as_cell, (table.setting, row.name, row.note, source, scenario, measure))
                    writer.writerow((*about, *texts, *counts, as_cell(place)))
    return file.getvalue()


def _json_cell(cell: Cell) -> dict[str, Any]:
    scores = {measure: score._asdict() for measure, score in cell.scores.items()}
    part = {} if cell.part is None else {"samples": cell.part.samples, "of_samples": cell.part.of}
    return {**scores, "n": cell.n, **part, **cell.counts}


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


WRITERS: Mapping[str, Callable[[Sequence[ScoreTable]], str]] = {
    "scores.md": to_markdown,
    "scores.tex": to_latex,
    "scores.csv": to_csv,
    "scores.json": to_json,
}
"""File name -> what writes it."""
