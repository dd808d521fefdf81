"""Comparing two runs sample by sample: is the difference more than chance?

Both runs played the same samples, so differences are paired: chance in the choice of samples cancels out. The interval
is that of the mean difference (clustered by source, as everywhere); the test flips the signs of whole sources at
random, which needs no assumption about their distribution.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from proactivebench.errors import UsageError
from proactivebench.evaluation.records import Episode, Key
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.statistics import Estimate, estimate
from proactivebench.scenarios import SCENARIOS

FLIPS = 9999
"""Random sign flips of the test; the smallest p-value is 1 / (FLIPS + 1)."""

_FLIPS_AT_ONCE = 500


@dataclass(frozen=True)
class Difference:
    """How one score differs between two runs.

    Attributes:
        scenario: Short name, or `all` for the samples of all scenarios together.
        score: `acc` or `psr`.
        n: Number of samples that both runs played without an error.
        first: Score of the first run on them.
        second: Score of the second run.
        change: Mean of second minus first, with its uncertainty.
        p_value: Of the two-sided sign-flip test.
    """

    scenario: str
    score: str
    n: int
    first: float
    second: float
    change: Estimate
    p_value: float


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


def compare_runs(first: Path, second: Path, seed: int = 0) -> list[Difference]:
    """The paired differences between two runs, per scenario and over all samples.

    Raises:
        UsageError: The runs share no samples, or played different benchmarks.
    """
    pairs = list(_pairs(first, second))
    if not pairs:
        raise UsageError(f"{first} and {second} share no samples that both played to an end.")
    names = [name for name in SCENARIOS if any(a.scenario == name for a, _ in pairs)]
    differences = []
    for name in [*names, "all"] if len(names) > 1 else names:
        chosen = [pair for pair in pairs if name in ("all", pair[0].scenario)]
        sources = [a.source for a, _ in chosen]
        for score in ("acc", "psr"):
            before, after = ([_score(pair[side], score) for pair in chosen] for side in (0, 1))
            change = [late - early for early, late in zip(before, after, strict=True)]
            differences.append(
                Difference(
                    scenario=name,
                    score=score,
                    n=len(chosen),
                    first=float(np.mean(before)),
                    second=float(np.mean(after)),
                    change=estimate(change, sources, seed),
                    p_value=sign_flip_test(change, sources, seed),
                )
            )
    return differences


def _score(episode: Episode, score: str) -> float:
    return float(episode.correct) if score == "acc" else float(len(episode.turns) - 1)


def _pairs(first: Path, second: Path) -> Iterator[tuple[Episode, Episode]]:
    known: dict[Key, Episode] = {e.key: e for e in read_episodes(first) if e.error is None}
    others = {e.key: e for e in read_episodes(second) if e.error is None and e.key in known}
    for key in sorted(others):
        one, other = known[key], others[key]
        if (one.source, one.answer) != (other.source, other.answer):
            raise UsageError(
                f"{first} and {second} played different benchmarks: {one.scenario} sample {one.id} is {one.answer!r} "
                f"({one.source}) in one, {other.answer!r} ({other.source}) in the other."
            )
        yield one, other
