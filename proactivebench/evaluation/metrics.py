"""From the records of a run to its scores (paper, section 4).

acc is the share of episodes that end with the right category, psr the mean number of suggestions (turns - 1); averages
over scenarios are unweighted. An episode that ended with an error has no score. Errors, refusals, replies cut at the
limit of tokens and unreadable answers are counted beside the scores in any case, for a run in which they are many says
little about the model.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from proactivebench.evaluation.records import Episode, Key
from proactivebench.evaluation.scores import SCORES, Mean, Scores
from proactivebench.evaluation.settings import derive_seed
from proactivebench.evaluation.statistics import (
    Estimate,
    average,
    estimate_clusters,
    estimate_clusters_share,
    estimate_share,
)
from proactivebench.scenarios import SCENARIOS, Action

SHOWN_REPLIES, SHOWN_CHARACTERS = 3, 200
"""Unreadable replies that the scores quote, and how much of each."""

PER_TURN = ("tokens_per_turn", "seconds_per_turn")
"""What a reply took on average, of models and people of whom that is known."""

_KINDS = ("suggestion", "abstention", "category", "unreadable")


def _with_uncertainty(name: str, value: Estimate) -> dict[str, Any]:
    return {name: value.mean, f"{name}_se": value.se, f"{name}_ci95": list(value.interval)}


def _all_with_uncertainty(values: Mapping[str, Estimate]) -> dict[str, Any]:
    return {key: value for name, found in values.items() for key, value in _with_uncertainty(name, found).items()}


@dataclass
class _Tally:
    """What is needed of the episodes of one scenario."""

    scored: int = 0
    lost: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    played: int = 0
    refused: int = 0
    cut: int = 0
    unreadable: int = 0
    judged: bool = False
    first_turn: int = 0
    last_turn: int = 0
    wasted: int = 0
    took: tuple[Mean, Mean] = field(default_factory=lambda: (Mean(), Mean()))

    def add(self, episode: Episode) -> None:
        if episode.error is not None:
            self.errors[episode.error.kind] += 1
            self.lost += episode.unreadable_judgement
            return
        self.played += 1
        self.refused += any(turn.refused for turn in episode.turns)
        self.cut += any(turn.cut for turn in episode.turns)
        for turn in episode.turns:
            for known, took in zip(self.took, (turn.tokens, turn.seconds), strict=True):
                known.add(took)
        if episode.turns[0].kind == "open_ended":
            return
        turns = len(episode.turns)
        self.scored += 1
        self.kinds.update(turn.kind for turn in episode.turns)
        self.unreadable += _ended_unreadable(episode)
        self.judged |= episode.turns[-1].judge is not None
        self.first_turn += episode.right_at_first_sight
        self.last_turn += turns == episode.max_turns > 1
        self.wasted += turns == episode.max_turns and episode.turns[-1].action is not Action.STOP


def _ended_unreadable(episode: Episode) -> bool:
    """Whether its last answer names no option; of free replies a judge finds that out."""
    return episode.error is None and episode.turns[-1].kind == "unreadable" and episode.turns[-1].judge is None


def compute_metrics(episodes: Iterable[Episode], seed: int = 0) -> dict[str, Any]:
    """The scores of a run, as JSON values; shares and accuracies lie between 0 and 1.

    Args:
        episodes: Its records, in any order.
        seed: Of the bootstrap.

    Returns:
        `scenarios`: for each short name `n` (episodes with a score), `errors`, `errors_by_kind`, `refused` (episodes in
        which the model declined to answer; they have a score), `cut` (episodes with a reply that reached the limit of
        tokens before its end; they have a score, too), `unreadable` (episodes whose last answer is unreadable,
        refusals among them; absent where a judge reads the replies), `acc` and `psr` (each with `_se` and `_ci95`),
        `first_turn_acc` (episodes whose first answer is right), `answers` (share of each kind of answer),
        `last_turn_share` (episodes that used all their turns), `wasted_suggestions` (episodes whose last turn was a
        right suggestion, too late to show anything), `tokens_per_turn` and `seconds_per_turn` (means over the replies
        of which that is known; absent where it is known of none). Where suggestions have costs also `cost`, what those
        of an episode took on average; units differ, so there is no average over scenarios. In mode `forced` `acc` is
        that of the last frame, and what counts suggestions is absent. `average`: `acc` and `psr` over the scenarios
        that have a score.
        Where a judge ended episodes of mode `oeg-multi` with output that cannot be read: how many (`judge_unreadable`),
        and for each scenario and on average `published_reading`, `acc` and `psr` as the published package counts, for
        which such episodes end wrong. `answered_by`: replies of other models than the one that was asked, counted by
        their servers' names for them.
        `unreadable_replies`: up to three of them, each with `scenario`, `id`, `repeat` and the start of the `reply`.
    """
    tallies: dict[str, _Tally] = {}
    scores_of_all = Scores()
    unreadable: list[tuple[Key, str]] = []
    others: Counter[str] = Counter()
    for episode in episodes:
        tallies.setdefault(episode.scenario, _Tally()).add(episode)
        scores_of_all.add(episode)
        others.update(turn.answered_by for turn in episode.turns if turn.answered_by is not None)
        if _ended_unreadable(episode):
            shown = episode.turns[-1].reply[:SHOWN_CHARACTERS]
            unreadable = heapq.nsmallest(SHOWN_REPLIES, [*unreadable, (episode.key, shown)])
    scenarios: dict[str, Any] = {}
    ours, published = _PlayedScores(scores_of_all, seed), _PlayedScores(scores_of_all, seed, lost=True)
    lost = any(tally.lost for tally in tallies.values())
    for name in filter(tallies.__contains__, SCENARIOS):
        tally = tallies[name]
        scores: dict[str, Any] = {
            "n": tally.played,
            "errors": tally.errors.total(),
            "errors_by_kind": dict(sorted(tally.errors.items())),
            "refused": tally.refused,
            "cut": tally.cut,
            **{name: known.value for name, known in zip(PER_TURN, tally.took, strict=True) if known.count},
        }
        if n := tally.scored:
            answers = tally.kinds.total()
            scores |= {} if tally.judged else {"unreadable": tally.unreadable}
            scores |= ours.of(name)
            scores["first_turn_acc"] = tally.first_turn / n
            scores["answers"] = {kind: tally.kinds[kind] / answers for kind in _KINDS}
            if "psr" in scores:
                scores["last_turn_share"] = tally.last_turn / n
                scores["wasted_suggestions"] = tally.wasted / n
        if lost and (counted := tally.scored + tally.lost):
            scores["judge_unreadable"] = tally.lost
            scores["published_reading"] = {"n": counted, **published.of(name)}
        scenarios[name] = scores
    overall = ours.average() or {"acc": None, "psr": None}
    overall |= {"published_reading": published.average()} if lost else {}
    replies = [
        {"scenario": scenario, "id": number, "repeat": repeat, "reply": reply}
        for (scenario, number, repeat), reply in unreadable
    ]
    return {
        "scenarios": scenarios,
        "average": overall,
        "answered_by": dict(others.most_common()),
        "unreadable_replies": replies,
    }


def finished(metrics: Mapping[str, Any]) -> int:
    """How many episodes some scores are of, as `compute_metrics` gives them; those with an error included."""
    return sum(scores["n"] + scores["errors"] for scores in metrics["scenarios"].values())


class _PlayedScores:
    """The scores of one reading of episodes, gathered scenario by scenario."""

    def __init__(self, scores: Scores, seed: int, *, lost: bool = False) -> None:
        self._scores = scores
        self._seed = seed
        self._lost = lost
        self._estimates: dict[str, list[Estimate]] = {"acc": [], "psr": []}

    def of(self, name: str) -> dict[str, Any]:
        """The scores of one scenario."""
        seed = derive_seed(self._seed, name)  # the scenarios' draws are averaged as independent ones
        found = {score: value for score in SCORES if (value := self._estimate(score, name, seed)) is not None}
        for score, estimates in self._estimates.items():
            estimates += [found[score]] if score in found else []
        return _all_with_uncertainty(found)

    def _estimate(self, score: str, name: str, seed: int) -> Estimate | None:
        clusters = self._scores.clusters(score, name, lost=self._lost)
        if clusters is None:
            return None
        return (estimate_clusters_share if score == "acc" else estimate_clusters)(clusters, seed)

    def average(self) -> dict[str, Any]:
        """The averages over the scenarios so far; none without scores."""
        return _all_with_uncertainty({name: average(found) for name, found in self._estimates.items() if found})


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
    @property
    def unreadable(self) -> bool: ...


def compute_open_ended(replies: Iterable[Judged], seed: int = 0) -> dict[str, Any]:
    """The scores of judged replies, as JSON values between 0 and 1.

    Returns:
        `scenarios`: for each short name `judged` (replies with a judgement), `judge_errors` (those without),
        `judge_unreadable` (those of them whose judge said something that cannot be read), `cc` (right category), `ps`
        (valid suggestion), `agg` (either), each with `_se` and `_ci95`, over the replies with a judgement; and
        `published_reading`: `judged` and the same scores as the published package counts, for which unreadable output
        of the judge means 0, 0, 0. `average`: all scores, unweighted over scenarios.
    """
    by_scenario: dict[str, list[Judged]] = {}
    for reply in sorted(replies, key=lambda reply: reply.key):
        by_scenario.setdefault(reply.scenario, []).append(reply)
    scenarios: dict[str, Any] = {}
    ours, published = _JudgedScores(), _JudgedScores()
    for name in filter(by_scenario.__contains__, SCENARIOS):
        own_seed = derive_seed(seed, name)
        judged = [reply for reply in by_scenario[name] if reply.error is None]
        counted = [reply for reply in by_scenario[name] if reply.error is None or reply.unreadable]
        scenarios[name] = {
            "judged": len(judged),
            "judge_errors": len(by_scenario[name]) - len(judged),
            "judge_unreadable": len(counted) - len(judged),
            **ours.of(judged, own_seed),
            "published_reading": {"judged": len(counted), **published.of(counted, own_seed)},
        }
    overall = ours.average() | ({"published_reading": published.average()} if scenarios else {})
    return {"scenarios": scenarios, "average": overall}


class _JudgedScores:
    """The scores of one reading of judgements, gathered scenario by scenario."""

    def __init__(self) -> None:
        self._estimates: dict[str, list[Estimate]] = {"cc": [], "ps": [], "agg": []}

    def of(self, replies: Sequence[Judged], seed: int) -> dict[str, Any]:
        """The scores of one scenario; none without replies."""
        scores: dict[str, Any] = {}
        sources = [reply.source for reply in replies]
        for score, found in self._estimates.items() if replies else ():
            found.append(estimate_share([reply.scores[score] for reply in replies], sources, seed))
            scores |= _with_uncertainty(score, found[-1])
        return scores

    def average(self) -> dict[str, Any]:
        """The averages over the scenarios so far."""
        scores: dict[str, Any] = {}
        for score, found in self._estimates.items():
            scores |= _with_uncertainty(score, average(found)) if found else {}
        return scores
