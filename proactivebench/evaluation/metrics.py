"""From the records of a run to its scores (paper, section 4).

acc is the share of episodes that end with the right category, psr the mean number of suggestions (turns - 1); averages
over scenarios are unweighted. An episode that ended with an error has no score: it is counted beside the scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from proactivebench.evaluation.records import Episode, Key
from proactivebench.evaluation.settings import derive_seed
from proactivebench.evaluation.statistics import Estimate, average, estimate, estimate_share
from proactivebench.scenarios import SCENARIOS, Action

_KINDS = ("suggestion", "abstention", "category", "unreadable")


def _with_uncertainty(name: str, value: Estimate) -> dict[str, Any]:
    return {name: value.mean, f"{name}_se": value.se, f"{name}_ci95": list(value.interval)}


class _Score(NamedTuple):
    """What is needed of an episode; small, for runs of many episodes. Sorts by sample."""

    id: int
    repeat: int
    source: str
    correct: float
    suggestions: float


@dataclass
class _Tally:
    """What is needed of the episodes of one scenario."""

    scores: list[_Score] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    played: int = 0
    first_turn: int = 0
    last_turn: int = 0
    wasted: int = 0

    def add(self, episode: Episode) -> None:
        if episode.error is not None:
            self.errors[episode.error.kind] += 1
            return
        self.played += 1
        if episode.turns[0].kind == "free":
            return
        turns = len(episode.turns)
        self.scores.append(_Score(episode.id, episode.repeat, episode.source, float(episode.correct), float(turns - 1)))
        self.kinds.update(turn.kind for turn in episode.turns)
        self.first_turn += episode.right_at_first_sight
        self.last_turn += turns == episode.max_turns > 1
        self.wasted += turns == episode.max_turns and episode.turns[-1].action is not Action.STOP


def compute_metrics(episodes: Iterable[Episode], seed: int = 0) -> dict[str, Any]:
    """The scores of a run, as JSON values; shares and accuracies lie between 0 and 1.

    Args:
        episodes: Its records, in any order.
        seed: Of the bootstrap.

    Returns:
        `scenarios`: for each short name `n` (episodes with a score), `errors`, `errors_by_kind`, `acc` and `psr` (each
        with `_se` and `_ci95`), `first_turn_acc` (episodes whose first answer names the right category, also where
        that does not count yet), `answers` (share of each kind of answer), `last_turn_share` (episodes that used all
        their turns), `wasted_suggestions` (episodes whose last turn was a right suggestion, too late to show
        anything). `average`: `acc` and `psr` over the scenarios that have a score.
    """
    tallies: dict[str, _Tally] = {}
    for episode in episodes:
        tallies.setdefault(episode.scenario, _Tally()).add(episode)
    scenarios: dict[str, Any] = {}
    accs, psrs = [], []
    for name in filter(tallies.__contains__, SCENARIOS):
        tally = tallies[name]
        scores: dict[str, Any] = {
            "n": tally.played,
            "errors": tally.errors.total(),
            "errors_by_kind": dict(sorted(tally.errors.items())),
        }
        if n := len(tally.scores):
            ordered = sorted(tally.scores)
            sources = [score.source for score in ordered]
            own_seed = derive_seed(seed, name)  # the scenarios' draws are averaged as independent ones
            accs.append(estimate_share([score.correct for score in ordered], sources, own_seed))
            psrs.append(estimate([score.suggestions for score in ordered], sources, own_seed))
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


class Judged(Protocol):
    """What the open-ended scores need of a judgement; see `judging.JudgedReply`."""

    @property
    def key(self) -> Key: ...
    @property
    def scenario(self) -> str: ...
    @property
    def source(self) -> str: ...
    @property
    def scores(self) -> Mapping[str, float]: ...
    @property
    def error(self) -> object | None: ...


def compute_open_ended(replies: Iterable[Judged], seed: int = 0) -> dict[str, Any]:
    """The scores of judged replies, as JSON values between 0 and 1.

    Returns:
        `scenarios`: for each short name `judged`, `judge_errors`, and `cc` (right category), `ps` (valid suggestion),
        `agg` (either), each with `_se` and `_ci95`. `average`: the same three, unweighted over scenarios.
    """
    by_scenario: dict[str, list[Judged]] = {}
    for reply in sorted(replies, key=lambda reply: reply.key):
        by_scenario.setdefault(reply.scenario, []).append(reply)
    scenarios: dict[str, Any] = {}
    estimates: dict[str, list[Estimate]] = {"cc": [], "ps": [], "agg": []}
    for name in filter(by_scenario.__contains__, SCENARIOS):
        usable = [reply for reply in by_scenario[name] if reply.error is None]
        scenarios[name] = {"judged": len(usable), "judge_errors": len(by_scenario[name]) - len(usable)}
        if usable:
            sources = [reply.source for reply in usable]
            for score, found in estimates.items():
                numbers = [reply.scores[score] for reply in usable]
                found.append(estimate_share(numbers, sources, derive_seed(seed, name)))
                scenarios[name] |= _with_uncertainty(score, found[-1])
    overall: dict[str, Any] = {}
    for score, found in estimates.items():
        if found:
            overall |= _with_uncertainty(score, average(found))
    return {"scenarios": scenarios, "average": overall}
