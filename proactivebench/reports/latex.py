"""Tables for papers: LaTeX with booktabs and graphicx, each with a caption that says what must be known."""

from __future__ import annotations

from collections.abc import Sequence

from proactivebench.reports.scores import ScoreTable
from proactivebench.reports.sheets import Entry, Interval, Sheet, Style, sheets

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "\N{EN DASH}": "--",
} | {character: f"\\{character}" for character in "&%$#_{}"}

DAGGER = r"$^\dagger$"
"""Stands beside the paper's rows."""

WIDE = 8
"""Columns of numbers above which a table goes over both columns of a page."""

_AT_MOST_A_LINE = r"\ifdim\width>\linewidth\linewidth\else\width\fi"
"""Its own width, or that of the page where it is wider."""


def as_latex(text: str) -> str:
    """Any text as LaTeX prints it."""
    return "".join(_SPECIAL.get(character, character) for character in " ".join(text.split()))


def to_latex(tables: Sequence[ScoreTable], style: Style | None = None) -> str:
    """One `table` per setting, or one for all of them side by side."""
    style = style or Style()
    found = sheets(tables, style)
    labels = [style.label if len(found) == 1 else f"{style.label}-{number}" for number in range(1, len(found) + 1)]
    parts = [_table(sheet, style, label) for sheet, label in zip(found, labels, strict=True)]
    return "% \\usepackage{booktabs,graphicx}\n" + "\n".join(parts)


def _table(sheet: Sheet, style: Style, label: str) -> str:
    columns = [column for block in sheet.blocks for column in block.columns]
    environment = "table*" if len(columns) > WIDE else "table"
    groups = "".join(f"@{{\\quad}}{'r' * len(block.columns)}" for block in sheet.blocks)
    notes = list(dict.fromkeys(note for name in sheet.names if (note := sheet.notes(name))))
    marks = {note: rf"$^{{{number}}}$" for number, note in enumerate(notes, start=1)}
    lines = [
        rf"\begin{{{environment}}}",
        r"  \centering\small",
        rf"  \caption{{{_caption(sheet, style)}}}",
        rf"  \label{{{label}}}",
        rf"  \resizebox{{{_AT_MOST_A_LINE}}}{{!}}{{%",
        rf"  \begin{{tabular}}{{@{{}}l{groups}@{{}}}}",
        r"    \toprule",
        *_heads(sheet),
        r"    \midrule",
    ]
    for name in sheet.names:
        cells = [_cell(one, style.interval) for one in sheet.entries(name)]
        mark = DAGGER if sheet.is_published(name) else marks.get(sheet.notes(name), "")
        lines.append(rf"    {as_latex(name)}{mark} & {' & '.join(cells)} \\")
    lines += [r"    \bottomrule", r"  \end{tabular}}"]
    if notes:
        said = "; ".join(f"{marks[note]} {as_latex(note)}" for note in notes)
        lines += [rf"  \par\smallskip{{\footnotesize {said}}}"]
    return "\n".join([*lines, rf"\end{{{environment}}}", ""])


def _heads(sheet: Sheet) -> list[str]:
    """The lines above the numbers: settings where there are several, scenarios, measures; rules below the first two."""
    settings = [(block.setting, len(block.columns)) for block in sheet.blocks]
    headings = [(heading, len(block.measures)) for block in sheet.blocks for heading in block.headings]
    measures = [as_latex(measure) for block in sheet.blocks for _, measure in block.columns]
    levels = [settings, headings] if len(settings) > 1 else [headings]
    lines = [line for level in levels for line in _spanning(level)]
    return [*lines, rf"    Model & {' & '.join(measures)} \\"]


def _spanning(spans: Sequence[tuple[str, int]]) -> list[str]:
    cells = " & ".join(rf"\multicolumn{{{width}}}{{c}}{{{as_latex(text)}}}" for text, width in spans)
    rules, at = [], 2
    for _, width in spans:
        rules.append(rf"\cmidrule(lr){{{at}-{at + width - 1}}}")
        at += width
    return [rf"    & {cells} \\", f"    {' '.join(rules)}"]


def _cell(one: Entry | None, interval: Interval) -> str:
    if one is None:
        return "--"
    value, around = rf"\textbf{{{one.text}}}" if one.bold else one.text, one.around(interval)
    match around:
        case None:
            return value
        case ("both", size, _):
            beside = rf"$\pm${size}"
        case ("sides", below, above):
            beside = rf"$^{{+{above}}}_{{-{below}}}$"
        case (_, low, high):
            beside = f"[{low}, {high}]"
    return rf"{value}\,{{\scriptsize{beside}}}"


def _caption(sheet: Sheet, style: Style) -> str:
    """What the numbers are, what was measured, what the interval and the bold numbers mean."""
    entries = [one for name in sheet.names for one in sheet.entries(name) if one is not None]
    measures = {one.measure for one in entries}
    published = ""
    said = [style.caption or f"ProactiveBench: {sheet.title}."]
    units = {"acc": "acc in percent", "psr": "psr in suggestions per episode"}
    said += [f"{', '.join(text for name, text in units.items() if name in measures)}."] * bool(measures & units.keys())
    if any(one.ci95 and one.around(style.interval) for one in entries):
        said.append("With 95% intervals.")
    if any(one.spread is not None for one in entries):
        said.append("Of several runs: mean and standard deviation.")
    if any(one.bold for one in entries):
        said.append("Bold: better than every other run of its column (paired sign-flip test, p < 0.05).")
    if any(sheet.is_published(name) for name in sheet.names):
        published = f" {DAGGER} as published."
    said.append(sheet.about)
    return as_latex(" ".join(sentence[0].upper() + sentence[1:] for sentence in said)) + published
