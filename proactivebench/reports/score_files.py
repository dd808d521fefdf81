"""Score tables as files: Markdown and LaTeX to read, CSV and JSON with every interval to compute with."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict

from proactivebench.reports.scores import Cell, Row, ScoreTable

_LATEX_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
} | {character: f"\\{character}" for character in "&%$#_{}"}


_NOTHING = "\N{EN DASH}"


def _acc(cell: Cell | None, plus_minus: str = "") -> str:
    if cell is None:
        return _NOTHING
    interval = ""
    if plus_minus and cell.acc_ci95:
        interval = plus_minus.format((cell.acc_ci95[1] - cell.acc_ci95[0]) / 2)
    return f"{cell.acc:.1f}{interval}"


def _psr(cell: Cell | None) -> str:
    return _NOTHING if cell is None or cell.psr is None else f"{cell.psr:.1f}"


def _texts(table: ScoreTable, row: Row, plus_minus: str) -> Iterator[str]:
    """The cells of a row: acc and psr of every column; the last shows its interval."""
    for column in table.headings:
        cell = row.cells.get(column)
        yield _acc(cell, plus_minus if column == table.headings[-1] else "")
        if table.has_psr:
            yield _psr(cell)


def to_markdown(tables: Sequence[ScoreTable]) -> str:
    """One Markdown table per setting; runs in bold among published models, ± half of the 95% interval."""
    parts = []
    for table in tables:
        headings = ["model"]
        for column in table.headings:
            headings += [f"{column} acc", f"{column} psr"] if table.has_psr else [f"{column} acc"]
        lines = [headings, ["---"] + ["---:"] * (len(headings) - 1)]
        for row in table.rows:
            name = re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(row.name.split()))
            lines.append([f"**{name}**" if row.run else f"{name} (paper)", *_texts(table, row, " ± {:.1f}")])
        text = "\n".join("| " + " | ".join(line) + " |" for line in lines)
        parts.append(f"## {table.setting.capitalize()}\n\n{text}\n")
    return "\n".join(parts)


def _latex(text: str) -> str:
    return "".join(_LATEX_SPECIAL.get(character, character) for character in " ".join(text.split()))


def to_latex(tables: Sequence[ScoreTable]) -> str:
    """One `tabular` per setting for the package booktabs; runs in bold."""
    parts = []
    for table in tables:
        columns = table.headings
        width = 2 if table.has_psr else 1
        heads = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{_latex(column)}}}" for column in columns)
        units = " & ".join(["acc & psr" if table.has_psr else "acc"] * len(columns))
        lines = [
            f"% {_latex(table.setting)}",
            rf"\begin{{tabular}}{{l{'r' * width * len(columns)}}}",
            r"\toprule",
            rf" & {heads} \\",
            rf"Model & {units} \\",
            r"\midrule",
        ]
        for row in table.rows:
            name = rf"\textbf{{{_latex(row.name)}}}" if row.run else _latex(row.name)
            cells = " & ".join(_texts(table, row, r" {{\scriptsize$\pm${:.1f}}}")).replace(_NOTHING, "--")
            lines.append(rf"{name} & {cells} \\")
        parts.append("\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""]))
    return "\n".join(parts)


def to_csv(tables: Sequence[ScoreTable]) -> str:
    """One line per setting, model and scenario (or average), with intervals."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    names = ("acc", "acc_low", "acc_high", "psr", "psr_low", "psr_high", "n", "errors")
    writer.writerow(("setting", "model", "source", "scenario", *names))
    for table in tables:
        for row in table.rows:
            for scenario, cell in row.cells.items():
                intervals = (cell.acc_ci95 or (None, None)), (cell.psr_ci95 or (None, None))
                numbers = (cell.acc, *intervals[0], cell.psr, *intervals[1], cell.n, cell.errors)
                rounded = [round(number, 4) if isinstance(number, float) else number for number in numbers]
                source = "run" if row.run else "paper"
                writer.writerow((table.setting, row.name, source, scenario, *rounded))
    return file.getvalue()


def to_json(tables: Sequence[ScoreTable]) -> str:
    """The tables with every interval; accuracies in percent."""
    values = [
        {
            "setting": table.setting,
            "scenarios": table.columns,
            "rows": [
                {
                    "model": row.name,
                    "source": "run" if row.run else "paper",
                    "identity": row.run.identity if row.run else None,
                    "scores": {name: asdict(cell) for name, cell in row.cells.items()},
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
