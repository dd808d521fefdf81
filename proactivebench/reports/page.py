"""The page: one HTML file that explains itself, with the entries of its album beside it.

Whatever a model replied, a person typed or a file is called is text: Jinja escapes it, the script writes it as text
nodes, and the page's content policy runs nothing but the one script it carries and the chunks beside it.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from proactivebench.evaluation.records import Episode
from proactivebench.reports.album import Album
from proactivebench.reports.endings import MEANING, Ending, ending
from proactivebench.reports.plot_style import DARK, LIGHT, encode
from proactivebench.reports.plots import Plot, make_plots
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import AVERAGE, Cell, published_results, score_tables
from proactivebench.scenarios import SCENARIOS

_ALBUM_SCRIPTS = ("entry.js", "album.js")


@dataclass(frozen=True)
class Segment:
    """A part of a bar: what it stands for, how many episodes, where it begins and how wide it is in percent."""

    ending: Ending
    count: int
    left: float
    width: float


@dataclass(frozen=True)
class Line:
    """A run in one scenario: its place among the runs, its name, what must be known of it, its scores, its endings."""

    part: int
    name: str
    note: str
    scores: Cell | None
    segments: tuple[Segment, ...]
    episodes: int
    errors: Mapping[str, int]


@dataclass(frozen=True)
class Summary:
    """Runs with the same measures, in one scenario or over all of them."""

    measures: tuple[str, ...]
    lines: tuple[Line, ...]


def _segments(run: Run, episodes: Sequence[Episode]) -> tuple[Segment, ...]:
    segments, left = [], 0.0
    endings = [ending(episode, run.judgements.get(episode.key)) for episode in episodes]
    for kind in Ending:
        count = endings.count(kind)
        if count:
            width = 100 * count / len(endings)
            segments.append(Segment(kind, count, left, width))
            left += width
    return tuple(segments)


def _errors(run: Run, episodes: Sequence[Episode]) -> Mapping[str, int]:
    """Episodes without a score by what failed: the model, or the judge of a free reply."""
    errors: Counter[str] = Counter()
    for episode in episodes:
        judged = run.judgements.get(episode.key)
        if episode.error is not None:
            errors[episode.error.kind] += 1
        elif judged is not None and judged.error is not None:
            errors["judge"] += 1
    return errors


def _summaries(runs: Sequence[Run], scenario: str | None) -> list[Summary]:
    """The runs that played a scenario, or all runs over all of them; free replies are scored by other measures."""
    cells = {row.run.folder: row.cells for table in score_tables(runs) for row in table.rows if row.run}
    lines: dict[tuple[str, ...], list[Line]] = {}
    for part, run in enumerate(runs):
        episodes = [episode for episode in run.episodes if scenario in (None, episode.scenario)]
        if not episodes:
            continue
        alone = next(iter(run.metrics["scenarios"])) if len(run.metrics["scenarios"]) == 1 else AVERAGE
        scores = cells[run.folder].get(scenario or alone)
        counted = [run.metrics["scenarios"][name] for name in run.metrics["scenarios"] if scenario in (None, name)]
        counts = {name: sum(one.get(name, 0) for one in counted) for name in ("refused", "cut")}
        marks = [f"{count:,} {name}" for name, count in counts.items() if count]
        note = ", ".join([*run.notes, *marks])
        line = Line(part, run.name, note, scores, _segments(run, episodes), len(episodes), _errors(run, episodes))
        cost = ("cost",) if scores and "cost" in scores.scores else ()
        measures = run.measures if "agg" in run.measures else ("acc", "psr", *cost)
        lines.setdefault(measures, []).append(line)
    return [Summary(measures, tuple(group)) for measures, group in lines.items()]


@cache
def _asset(name: str) -> str:
    return resources.files("proactivebench.reports").joinpath("assets", name).read_text(encoding="utf-8")


def _integrity(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def render(template: str, scripts: Sequence[str], **values: Any) -> str:
    """Fills a template with the style, a script, and the content policy that admits these and nothing else.

    Args:
        template: File name of the template among the assets.
        scripts: File names of the parts of the script, behind what all pages share.
        values: What the template needs.
    """
    loader = jinja2.FunctionLoader(_asset)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    style, code = _asset("page.css"), "\n".join(map(_asset, ("common.js", *scripts)))
    policy = (
        f"default-src 'none'; script-src 'self' '{_integrity(code)}'; style-src '{_integrity(style)}'; "
        "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'"
    )
    return environment.get_template(template).render(policy=policy, style=style, script=code, **values)


def _data_uri(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def drawn_plots(plots: Sequence[Plot]) -> list[dict[str, str]]:
    """Plots as a page shows them, for light and for dark; those without data are left out."""
    drawn = []
    for plot in plots:
        figures = [plot.draw(theme) for theme in (LIGHT, DARK)]
        if figures[0] is not None and figures[1] is not None:
            light, dark = (_data_uri(encode(figure, "svg")) for figure in figures if figure is not None)
            drawn.append({"title": plot.title, "about": plot.about, "light": light, "dark": dark})
    return drawn


def _title(runs: Sequence[Run]) -> str:
    models = list(dict.fromkeys(run.model for run in runs))
    title = " and ".join(models) if len(models) <= 2 else f"{len(models)} models"
    return title if len(runs) == len(models) else f"{title}, {len(runs)} runs"


def runs_page(album: Album, runs: Sequence[Run], *, compare_paper: bool = False, live: bool = False) -> str:
    """The page of some runs.

    Args:
        album: Their episodes.
        runs: The runs, in the album's order.
        compare_paper: Place them among the paper's models.
        live: Let the page look every few seconds whether more has been played.
    """
    tables = score_tables(runs, compare_paper=compare_paper)
    overall = _summaries(runs, None)
    endings = {segment.ending for summary in overall for line in summary.lines for segment in line.segments}
    return render(
        "runs.html",
        _ALBUM_SCRIPTS,
        title=_title(runs),
        runs=runs,
        tables=[table for table in tables if any(row.run is None for row in table.rows)],
        measured=[(table.setting, table.measured) for table in tables],
        overall=overall,
        by_scenario=[(SCENARIOS[name], found) for name in SCENARIOS if (found := _summaries(runs, name))],
        plots=drawn_plots(make_plots(runs, compare_paper=compare_paper)),
        meaning={kind: MEANING[kind] for kind in Ending if kind in endings},
        source=published_results()["source"] if compare_paper else "",
        index=album.index(),
        live=live,
    )


def samples_page(album: Album, title: str) -> str:
    """The page of a benchmark's samples."""
    return render("samples.html", _ALBUM_SCRIPTS, title=title, index=album.index(), live=False)
