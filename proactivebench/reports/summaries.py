"""Scores and endings of runs as the page shows them: a line for each run, over all scenarios or in one of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from proactivebench.evaluation.records import Episode
from proactivebench.reports.endings import Ending, ending
from proactivebench.reports.runs import Run
from proactivebench.reports.scores import AVERAGE, Cell, score_tables
from proactivebench.scenarios import Scenario


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
    """A table: what is measured in it, and the runs with these measures by scenario; None stands for all together."""

    measures: tuple[str, ...]
    groups: tuple[tuple[Scenario | None, tuple[Line, ...]], ...]


def segments_of(run: Run, episodes: Sequence[Episode]) -> tuple[Segment, ...]:
    """How some episodes of a run ended, as the parts of a bar."""
    segments, left = [], 0.0
    endings = Counter(ending(episode, run.judgements.get(episode.key)) for episode in episodes)
    for kind in Ending:
        if count := endings[kind]:
            width = 100 * count / len(episodes)
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


def summaries(runs: Sequence[Run], scenarios: Sequence[Scenario | None]) -> list[Summary]:
    """The runs in some scenarios, in a table for each kind of measures: free replies are scored by others.

    Args:
        runs: The runs, in order.
        scenarios: Which scenarios; None takes the episodes of all of them together.
    """
    cells = {row.run.folder: row.cells for table in score_tables(runs) for row in table.rows if row.run}
    tables: dict[tuple[str, ...], dict[Scenario | None, list[Line]]] = {}
    for scenario in scenarios:
        name = scenario.name if scenario else None
        for part, run in enumerate(runs):
            episodes = [episode for episode in run.episodes if name in (None, episode.scenario)]
            if not episodes:
                continue
            played = run.metrics["scenarios"]
            scores = cells[run.folder].get(name or (next(iter(played)) if len(played) == 1 else AVERAGE))
            counts = {
                count: sum(found.get(count, 0) for other, found in played.items() if name in (None, other))
                for count in ("refused", "cut")
            }
            marks = [f"{count:,} {word}" for word, count in counts.items() if count]
            note = ", ".join([*(run.notes if scenario is None else []), *marks])
            line = Line(part, run.name, note, scores, segments_of(run, episodes), len(episodes), _errors(run, episodes))
            cost = ("cost",) if scores and "cost" in scores.scores else ()
            measures = run.measures if "agg" in run.measures else ("acc", "psr", *cost)
            tables.setdefault(measures, {}).setdefault(scenario, []).append(line)
    return [
        Summary(measures, tuple((scenario, tuple(lines)) for scenario, lines in groups.items()))
        for measures, groups in tables.items()
    ]
