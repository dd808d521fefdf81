"""Comparing two runs sample by sample: is the difference more than chance?

Both runs played the same samples, so differences are paired: chance in the choice of samples cancels out. The interval
is that of the mean difference (clustered by source, as everywhere); the test flips the signs of whole sources at
random, which needs no assumption about their distribution. Runs that were scored by a judge are compared by its scores;
where the runs were played or judged in different ways, the result says so, for then it is not the models alone that
differ.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from proactivebench.errors import UsageError
from proactivebench.evaluation.judging import read_judge, read_judgements
from proactivebench.evaluation.measured import require_same
from proactivebench.evaluation.records import Key
from proactivebench.evaluation.run_log import RunDescription, read_episodes, read_run
from proactivebench.evaluation.statistics import Estimate, estimate
from proactivebench.evaluation.when import change, pair_runs
from proactivebench.scenarios import SCENARIOS
from proactivebench.work.folder import differences

FLIPS = 9999
"""Random sign flips of the test; the smallest p-value is 1 / (FLIPS + 1)."""

_FLIPS_AT_ONCE = 500


@dataclass(frozen=True)
class Difference:
    """How one score differs between two runs.

    Attributes:
        scenario: Short name, or `all` for the samples of all scenarios together.
        score: `acc`, `psr` or `cost`; `cc`, `ps` or `agg` of judged runs; `when` beside forced runs.
        n: Number of episodes that both runs have a score of.
        first: Score of the first run on them.
        second: Score of the second run.
        change: Mean of second minus first, with its uncertainty.
        p_value: Of the two-sided sign-flip test.
        published: Whether unreadable output of a judge counts as the published package does: 0 in every score.
    """

    scenario: str
    score: str
    n: int
    first: float
    second: float
    change: Estimate
    p_value: float
    published: bool


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        differences: Per scenario and over all samples, for each score; where output of a judge could not be read, then
            the same in the published reading.
        settings: How the runs were played differently: the setting, its value in the first run and in the second.
        played: Number of episodes with a score in the first run and in the second.
        shared: Number of those that both have.
    """

    differences: list[Difference]
    settings: list[tuple[str, object, object]]
    played: tuple[int, int]
    shared: int


class Scored(NamedTuple):
    """An episode with its scores by name."""

    scenario: str
    source: str
    answer: str
    scores: Mapping[str, float]


def sign_flip_test(differences: Sequence[float], sources: Sequence[str], seed: int = 0) -> float:
    """The probability of a mean at least as far from 0, if the sign of every source were a coin toss.

    Args:
        differences: One per sample; at least one.
        sources: For each sample, the name of what it was made of.
        seed: Of the coin tosses.
    """
    _, cluster = np.unique(np.asarray(sources), return_inverse=True)
    sums = np.bincount(cluster, np.asarray(differences, dtype=np.float64))
    sums = sums[sums != 0]
    observed = abs(sums.sum())
    rng = np.random.default_rng(seed)
    as_far = 0
    for start in range(0, FLIPS, _FLIPS_AT_ONCE):
        flips = min(_FLIPS_AT_ONCE, FLIPS - start)
        signs = rng.integers(2, size=(flips, len(sums))) * 2 - 1
        as_far += int((np.abs(signs @ sums) >= observed - 1e-9).sum())
    return (as_far + 1) / (FLIPS + 1)


def compare_runs(first: Path, second: Path, seed: int = 0, *, forced: tuple[Path, Path] | None = None) -> Comparison:
    """The paired differences between two runs.

    Args:
        first: One run.
        second: The other.
        seed: Of bootstrap and test.
        forced: The forced runs of their models, for the difference of `when`.

    Raises:
        UsageError: One of them is not a run, or waits for its judge; they have different scores, share no samples, or
            played different benchmarks.
    """
    described = read_run(first), read_run(second)
    require_same((first, described[0].data), (second, described[1].data), kept=False)
    modes = [description.settings.mode for description in described]
    if modes[0] != modes[1] and "oeg" in modes:
        raise UsageError(
            f"{first} is a run of mode {modes[0]}, {second} one of mode {modes[1]}: they have no score in common."
        )
    known, others = _scored(first, described[0]), _scored(second, described[1])
    pairs = _paired((first, known), (second, others))
    found = _differences(pairs, seed, published=False)
    counted = [_scored(run, one, published=True) for run, one in zip((first, second), described, strict=True)]
    if list(map(len, counted)) != [len(known), len(others)]:
        found += _differences(_paired((first, counted[0]), (second, counted[1])), seed, published=True)
    if forced is not None:
        found += _of_when((first, second), forced, seed)
    both = set(described[0].scenarios) & set(described[1].scenarios)
    settings = list(differences(_settings(first, described[0], both), _settings(second, described[1], both)))
    return Comparison(found, settings, (len(known), len(others)), len(pairs))


SampleKey = tuple[str, int]
"""Short scenario name and id."""


def by_sample(runs: Sequence[Path]) -> dict[SampleKey, Scored]:
    """The scores of every sample, averaged over its plays and over several runs that are alike but for chance.

    Raises:
        UsageError: One of them is not a run, or waits for its judge.
    """
    found: dict[SampleKey, list[Scored]] = {}
    for run in runs:
        for one in _scored(run, read_run(run)).items():
            found.setdefault(one[0][:2], []).append(one[1])
    return {key: _mean(plays) for key, plays in found.items()}


def _mean(plays: Sequence[Scored]) -> Scored:
    shared = set.intersection(*(set(one.scores) for one in plays))
    return plays[0]._replace(scores={name: float(np.mean([one.scores[name] for one in plays])) for name in shared})


def p_value(
    one: Mapping[SampleKey, Scored], other: Mapping[SampleKey, Scored], score: str, scenarios: Collection[str]
) -> float | None:
    """The sign-flip test of a difference between macro averages, over the samples that both have.

    Args:
        one: As `by_sample` gives it.
        other: The same of other runs on the same data.
        score: Name of the score.
        scenarios: Short names of the scenarios, each of which has the same weight.

    Returns:
        The two-sided p; None where a scenario has no sample in common.
    """
    changes: list[float] = []
    sources: list[str] = []
    for name in scenarios:
        keys = [key for key in sorted(one.keys() & other.keys()) if key[0] == name]
        pairs = [(one[key], other[key]) for key in keys if score in one[key].scores and score in other[key].scores]
        if not pairs:
            return None
        changes += [(before.scores[score] - after.scores[score]) / len(pairs) for before, after in pairs]
        sources += [f"{name} {before.source}" for before, _ in pairs]
    return sign_flip_test(changes, sources)


_Pairs = Sequence[tuple[Scored, Scored]]


def _paired(one: tuple[Path, Mapping[Key, Scored]], other: tuple[Path, Mapping[Key, Scored]]) -> _Pairs:
    """The episodes that both of two runs have a score of."""
    (first, known), (second, others) = one, other
    shared = sorted(known.keys() & others.keys())
    if not shared:
        raise UsageError(f"{first} and {second} share no samples that both played to an end.")
    pairs = [(known[key], others[key]) for key in shared]
    for key, (before, after) in zip(shared, pairs, strict=True):
        if (before.source, before.answer) != (after.source, after.answer):
            raise UsageError(
                f"{first} and {second} played different benchmarks: {key[0]} sample {key[1]} is {before.answer!r} "
                f"({before.source}) in one, {after.answer!r} ({after.source}) in the other."
            )
    return pairs


def _differences(pairs: _Pairs, seed: int, *, published: bool) -> list[Difference]:
    """Per scenario and over all samples, for each score that both runs have."""
    names = [name for name in SCENARIOS if any(one.scenario == name for one, _ in pairs)]
    found = []
    for name in [*names, "all"] if len(names) > 1 else names:
        chosen = [pair for pair in pairs if name in ("all", pair[0].scenario)]
        in_all = [score for score in chosen[0][0].scores if all(score in one.scores for pair in chosen for one in pair)]
        scores = [score for score in in_all if score != "cost" or name != "all"]  # units differ
        found += [_difference(name, score, chosen, seed, published=published) for score in scores]
    return found


def _difference(name: str, score: str, pairs: _Pairs, seed: int, *, published: bool) -> Difference:
    before, after = ([pair[side].scores[score] for pair in pairs] for side in (0, 1))
    change = [late - early for early, late in zip(before, after, strict=True)]
    sources = [one.source for one, _ in pairs]
    return Difference(
        scenario=name,
        score=score,
        n=len(pairs),
        first=float(np.mean(before)),
        second=float(np.mean(after)),
        change=estimate(change, sources, seed),
        p_value=sign_flip_test(change, sources, seed),
        published=published,
    )


def _of_when(runs: tuple[Path, Path], forced: tuple[Path, Path], seed: int) -> list[Difference]:
    """How `when` differs; its p is that of the bootstrap, for it is no mean whose signs could be flipped."""
    besides = [pair_runs(run, answers) for run, answers in zip(runs, forced, strict=True)]
    changes = change(besides[0], besides[1], seed)
    n = {name: len({one.key for one in besides[0][name].played}) for name in changes if name != "all"}
    counts = n | {"all": sum(n.values())}
    return [
        Difference(name, "when", counts[name], before, after, moved, p, published=False)
        for name, (before, after, moved, p) in changes.items()
    ]


def _settings(run: Path, description: RunDescription, scenarios: Collection[str]) -> dict[str, Any]:
    """How a run was played and judged, and what was left of some scenarios by the leak filter."""
    judge = read_judge(run) if description.settings.mode == "oeg" else description.judge
    kept = {name: digest for name, digest in description.data.kept_ids.items() if name in scenarios}
    return {**description.settings.model_dump(mode="json"), "judge": judge, "kept_ids": kept}


def _scored(run: Path, description: RunDescription, *, published: bool = False) -> dict[Key, Scored]:
    """The episodes of a run that have a score, in our reading of its judge's output or in the published one."""
    everything = {episode.key: episode for episode in read_episodes(run)}
    episodes = {key: one for key, one in everything.items() if one.error is None}
    scores = {key: episode.scores for key, episode in episodes.items()}
    if published:
        scores = {key: found for key, one in everything.items() if (found := one.published_scores) is not None}
    if description.settings.mode == "oeg":
        judgements = {judged.key: judged for judged in read_judgements(run)}
        if unread := len(episodes.keys() - judgements.keys()):
            raise UsageError(f"No judge has read {unread} replies of {run}: proactivebench judge {run} --judge MODEL")
        counted = {key: one for key, one in judgements.items() if one.error is None or (published and one.unreadable)}
        scores = {key: judged.scores for key, judged in counted.items()}
    return {
        key: Scored(one.scenario, one.source, one.answer, scores[key])
        for key, one in everything.items()
        if key in scores
    }
