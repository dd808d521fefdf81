"""From the records of a run to its scores (paper, section 4).

acc is the share of episodes that end with the right category, psr the mean number of suggestions (turns - 1); averages
over scenarios are unweighted. An episode that ended with an error has no score: it is counted beside the scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.statistics import Estimate, average, estimate
from proactivebench.scenarios import SCENARIOS, Action

_KINDS = ("suggestion", "abstention", "category", "unreadable")


@dataclass
class _Tally:
    """What is needed of the episodes of one scenario."""

    correct: list[float] = field(default_factory=list)
    suggestions: list[float] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    first_turn: int = 0
    last_turn: int = 0
    wasted: int = 0

    def add(self, episode: Episode) -> None:
        if episode.error is not None:
            self.errors[episode.error.kind] += 1
            return
        turns = len(episode.turns)
        self.correct.append(float(episode.correct))
        self.suggestions.append(float(turns - 1))
        self.sources.append(episode.source)
        self.kinds.update(turn.kind for turn in episode.turns)
        self.first_turn += episode.correct and turns == 1
        self.last_turn += turns == episode.max_turns > 1
        self.wasted += turns == episode.max_turns and episode.turns[-1].action is not Action.STOP


def _with_uncertainty(name: str, value: Estimate) -> dict[str, Any]:
    return {name: value.mean, f"{name}_se": value.se, f"{name}_ci95": list(value.interval)}


def compute_metrics(episodes: Iterable[Episode], seed: int = 0) -> dict[str, Any]:
    """The scores of a run, as JSON values; shares and accuracies lie between 0 and 1.

    Args:
        episodes: Its records, in any order.
        seed: Of the bootstrap.

    Returns:
        `scenarios`: for each short name `n` (episodes with a score), `errors`, `errors_by_kind`, `acc` and `psr` (each
        with `_se` and `_ci95`), `first_turn_acc`, `answers` (share of each kind of answer), `last_turn_share` (episodes
        that used all their turns), `wasted_suggestions` (episodes whose last turn was a right suggestion, too late to
        show anything). `average`: `acc` and `psr` over the scenarios that have a score.
    """
    tallies: dict[str, _Tally] = {}
    for episode in sorted(episodes, key=lambda episode: episode.key):
        tallies.setdefault(episode.scenario, _Tally()).add(episode)
    scenarios: dict[str, Any] = {}
    accs, psrs = [], []
    for name in filter(tallies.__contains__, SCENARIOS):
        tally = tallies[name]
        n = len(tally.correct)
        scores: dict[str, Any] = {
            "n": n,
            "errors": tally.errors.total(),
            "errors_by_kind": dict(sorted(tally.errors.items())),
        }
        if n:
            accs.append(estimate(tally.correct, tally.sources, seed))
            psrs.append(estimate(tally.suggestions, tally.sources, seed))
            answers = tally.kinds.total()
            scores |= _with_uncertainty("acc", accs[-1]) | _with_uncertainty("psr", psrs[-1])
            scores["first_turn_acc"] = tally.first_turn / n
            scores["answers"] = {kind: tally.kinds[kind] / answers for kind in _KINDS}
            scores["last_turn_share"] = tally.last_turn / n
            scores["wasted_suggestions"] = tally.wasted / n
        scenarios[name] = scores
    overall: dict[str, Any] = {"acc": None, "psr": None}
    if accs:
        overall = _with_uncertainty("acc", average(accs)) | _with_uncertainty("psr", average(psrs))
    return {"scenarios": scenarios, "average": overall}
