"""The page: one HTML file that explains itself, with the entries of its album beside it.

Whatever a model replied, a person typed or a file is called is text: Jinja escapes it, the script writes it as text
nodes, and the page's content policy runs nothing but the one script it carries and the chunks beside it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import Any

import jinja2

from proactivebench.reports.album import Album
from proactivebench.reports.asking import find_asking
from proactivebench.reports.endings import MEANING, Ending
from proactivebench.reports.failures import find_failures
from proactivebench.reports.plot_style import LIGHT, darkened, encode
from proactivebench.reports.plots import Plot, make_plots
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import published_results, score_tables
from proactivebench.reports.spots import find_spots
from proactivebench.reports.summaries import summaries
from proactivebench.scenarios import SCENARIOS

_ALBUM_SCRIPTS = ("entry.js", "album.js")


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


def drawn_plots(plots: Sequence[Plot]) -> dict[str, dict[str, Any]]:
    """Plots as a page shows them, for light and for dark, by their stems; those without data are left out."""
    drawn: dict[str, dict[str, Any]] = {}
    for plot in plots:
        figure = plot.draw(LIGHT)
        if figure is not None:
            svg = encode(figure, "svg")
            width, height = figure.get_size_inches()
            drawn[plot.stem] = {
                "title": plot.title,
                "about": plot.about,
                "light": _data_uri(svg),
                "dark": _data_uri(darkened(svg)),
                "width": 100 * width,
                "height": 100 * height,
                "spots": find_spots(figure),
            }
    return drawn


def _title(runs: Sequence[Run]) -> str:
    models = list(dict.fromkeys(run.model for run in runs))
    title = " and ".join(models) if len(models) <= 2 else f"{len(models)} models"
    return title if len(runs) == len(models) else f"{title}, {len(runs)} runs"


def _described(runs: Sequence[Run]) -> list[tuple[str, list[str]]]:
    """What decides the numbers of some runs, side by side: the name of each fact, and its value in every run."""
    facts = [dict(_facts(run.identity)) for run in runs]
    names = dict.fromkeys(name for known in facts for name in known)
    return [(name, [known.get(name, "") for known in facts]) for name in names]


def _facts(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Every single value of nested ones with its way there as its name."""
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _facts(inner, f"{name}.{key}" if name else str(key))
    else:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def runs_page(album: Album, runs: Sequence[Run], *, compare_paper: bool = False, live: bool = False) -> str:
    """The page of some runs.

    Args:
        album: Their episodes.
        runs: The runs, in the album's order.
        compare_paper: Place them among the paper's models.
        live: Let the page look every few seconds whether more has been played.
    """
    tables = score_tables(runs, compare_paper=compare_paper)
    overall = summaries(runs, [None])
    lines = [line for summary in overall for _, group in summary.groups for line in group]
    endings = {segment.ending for line in lines for segment in line.segments}
    played = [scenario for name, scenario in SCENARIOS.items() if any(name in run.metrics["scenarios"] for run in runs)]
    apart = summaries(runs, played) if len(played) > 1 else []
    return render(
        "runs.html",
        _ALBUM_SCRIPTS,
        title=_title(runs),
        runs=runs,
        tables=[table for table in tables if any(row.run is None for row in table.rows)],
        measured=[(table.setting, table.measured) for table in tables],
        measures={measure for summary in (*overall, *apart) for measure in summary.measures},
        overall=overall,
        by_scenario=apart,
        asking=find_asking(runs),
        failures=find_failures(runs),
        described=_described(runs),
        plots=drawn_plots(make_plots(runs, compare_paper=compare_paper)),
        meaning={kind: MEANING[kind] for kind in Ending if kind in endings},
        source=published_results()["source"] if compare_paper else "",
        index=album.index(),
        live=live,
    )


def samples_page(album: Album, title: str) -> str:
    """The page of a benchmark's samples."""
    return render("samples.html", _ALBUM_SCRIPTS, title=title, index=album.index(), live=False)
