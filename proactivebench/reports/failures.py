"""Why a run fails, as far as its records tell: which categories, what is named instead, in which turn, what is wasted.

Everything is a count of episodes with an address behind it: `link` gives what the page's browser of episodes reads and
then shows.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any
from urllib.parse import urlencode

from proactivebench.evaluation.records import Episode, Turn
from proactivebench.reports.endings import Ending
from proactivebench.reports.episode_album import named
from proactivebench.reports.runs import Run
from proactivebench.reports.summaries import Segment, segments_of
from proactivebench.scenarios import SCENARIOS

SHOWN = 8
"""Categories, and confusions, of a run that are shown: the worst."""

TURNS = 6
"""Turns that have a line of their own; the later ones share one."""

EXAMPLES = 3
"""Unreadable replies that are quoted, and how many characters of each."""
CHARACTERS = 160

MOST = 0.5
"""Share of episodes that end unreadable, above which the scores say little about what a model knows."""


@dataclass(frozen=True)
class Category:
    """The episodes of one right answer in one scenario, and what was named instead, most often first."""

    scenario: str
    answer: str
    episodes: int
    right: int
    at_once: int
    segments: tuple[Segment, ...]
    instead: tuple[tuple[str, int], ...]
    link: str


@dataclass(frozen=True)
class Confusion:
    """How often an answer was taken for another, among the episodes in which both were offered."""

    scenario: str
    answer: str
    named: str
    count: int
    offered: int
    link: str


@dataclass(frozen=True)
class Timed:
    """The answers of one turn, or of several late ones: how many, how many cannot be read, what one took on average."""

    turn: str
    answers: int
    unreadable: int
    tokens: float | None
    seconds: float | None


@dataclass(frozen=True)
class Quote:
    """The start of a reply that names no option, and where it stands."""

    where: str
    reply: str
    link: str


@dataclass(frozen=True)
class Failures:
    """Why a run fails.

    Attributes:
        part: Its place among the runs.
        name: Its name.
        episodes: Episodes with a score.
        wrong: Those that did not end with the right answer.
        unreadable: Those that ended with a reply that names no option.
        unreadable_link: Leads to them.
        scenarios: Short name -> its scores, as `metrics.json` has them.
        categories: All categories, those with the smallest share of right answers first.
        confusions: What was named instead more than once, most often first.
        turns: The answers by turn.
        quotes: Some replies that cannot be read.
    """

    part: int
    name: str
    episodes: int
    wrong: int
    unreadable: int
    unreadable_link: str
    scenarios: Mapping[str, Mapping[str, Any]]
    categories: tuple[Category, ...]
    confusions: tuple[Confusion, ...]
    turns: tuple[Timed, ...]
    quotes: tuple[Quote, ...]

    @property
    def mostly_unreadable(self) -> bool:
        """Whether its scores say little, for most replies could not be read."""
        return self.unreadable > MOST * self.episodes

    @property
    def hardest(self) -> tuple[Category, ...]:
        """The categories that are shown first: the worst, if anything is wrong with them."""
        return tuple(one for one in self.categories if one.right < one.episodes)[:SHOWN]

    @property
    def took(self) -> list[str]:
        """What is known of how much a reply took: tokens of most models, seconds of a person."""
        return [what for what in ("tokens", "seconds") if any(getattr(turn, what) is not None for turn in self.turns)]


def link(part: int, scenario: str | None = None, **filters: str) -> str:
    """The address of some episodes of a run on its page."""
    where = {} if scenario is None else {"scenario": str(list(SCENARIOS).index(scenario))}
    return "#" + urlencode({"part": str(part), **where, **filters})


def find_failures(runs: Sequence[Run]) -> list[Failures]:
    """Why some runs fail, of those whose answers are options; in mode `forced` there is nothing to fail at."""
    found = []
    for part, run in enumerate(runs):
        scored = [one for one in run.episodes if one.error is None and not one.forced]
        episodes = [one for one in scored if one.turns[0].kind != "open_ended"]
        if episodes:
            found.append(_failures(part, run, episodes))
    return found


def _failures(part: int, run: Run, episodes: Sequence[Episode]) -> Failures:
    unread = [(one, turn) for one in episodes for turn in one.turns if _unreadable(turn)]
    quotes: dict[str, Quote] = {}
    for one, turn in unread:
        at = link(part, at=f"{part}/{one.scenario}/{one.id}/{one.repeat}")
        reply = " ".join(turn.reply.split())
        short = f"{reply[:CHARACTERS]} …" if len(reply) > CHARACTERS else reply
        quotes.setdefault(reply, Quote(f"{one.scenario} {one.id}, turn {one.turns.index(turn) + 1}", short, at))
        if len(quotes) == EXAMPLES:
            break
    return Failures(
        part,
        run.name,
        len(episodes),
        sum(not one.correct for one in episodes),
        sum(_unreadable(one.turns[-1]) for one in episodes),
        link(part, ending=Ending.UNREADABLE),
        {name: scores for name, scores in run.metrics["scenarios"].items() if scores.get("acc") is not None},
        tuple(_categories(part, run, episodes)),
        tuple(_confusions(part, run, episodes))[:SHOWN],
        tuple(_turns(episodes)),
        tuple(quotes.values()),
    )


def _unreadable(turn: Turn) -> bool:
    return turn.kind == "unreadable" and turn.judge is None


def _categories(part: int, run: Run, episodes: Sequence[Episode]) -> list[Category]:
    groups: dict[tuple[str, str], list[Episode]] = defaultdict(list)
    for one in episodes:
        groups[one.scenario, one.answer].append(one)
    found = [
        Category(
            scenario,
            answer,
            len(group),
            sum(one.correct for one in group),
            sum(one.right_at_first_sight for one in group),
            segments_of(run, group),
            tuple(Counter(name for one in group if (name := named(one)) not in (None, answer)).most_common()),
            link(part, scenario, answer=answer),
        )
        for (scenario, answer), group in groups.items()
    ]
    return sorted(found, key=lambda one: (one.right / one.episodes, -one.episodes, one.scenario, one.answer))


def _confusions(part: int, run: Run, episodes: Sequence[Episode]) -> list[Confusion]:
    offered: Counter[tuple[str, str, str]] = Counter()
    taken: Counter[tuple[str, str, str]] = Counter()
    for one in episodes:
        instead = named(one)
        offered.update((one.scenario, one.answer, name) for name in run.samples[one.scenario, one.id].categories)
        if instead is not None and instead != one.answer:
            taken[one.scenario, one.answer, instead] += 1
    often = {key: count for key, count in taken.items() if count > 1}
    return [
        Confusion(*key, often[key], max(often[key], offered[key]), link(part, key[0], answer=key[1], named=key[2]))
        for key in sorted(often, key=lambda key: (-often[key], offered[key], key))
    ]


def _turns(episodes: Sequence[Episode]) -> Iterator[Timed]:
    by_turn: dict[int, list[Turn]] = defaultdict(list)
    for one in episodes:
        for number, turn in enumerate(one.turns):
            by_turn[min(number, TURNS)].append(turn)
    for number, turns in sorted(by_turn.items()):
        name = f"{number + 1}" if number < TURNS else f"{TURNS + 1} and later"
        tokens, seconds = (_mean(getattr(turn, what) for turn in turns) for what in ("tokens", "seconds"))
        yield Timed(name, len(turns), sum(map(_unreadable, turns)), tokens, seconds)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None
