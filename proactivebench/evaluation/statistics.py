"""Means that say how sure they are: clustered standard errors and bootstrap intervals.

Samples made of the same source (one video, one object) are not independent, so both treat a source as one draw: the
standard error is the cluster-robust one of a mean, the interval the percentile interval of a bootstrap over sources.
Where a bootstrap of shares has nothing to vary, Wilson's interval takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_DRAWS = 2000
_DRAWS_AT_ONCE, _PICKS_AT_ONCE = 100, 1 << 20
_Z95 = 1.96  # 97.5% quantile of the normal distribution


@dataclass(frozen=True)
class Estimate:
    """A mean with its uncertainty.

    Attributes:
        mean: The mean over samples.
        se: Cluster-robust standard error; None with fewer than two sources.
        interval: The 95% interval.
        draws: Means of the bootstrap samples, shape (2000,), float64.
    """

    mean: float
    se: float | None
    interval: tuple[float, float]
    draws: NDArray[np.float64]


@dataclass(frozen=True)
class Clusters:
    """Some values, as far as their estimate needs them.

    Attributes:
        mean: The mean of all.
        sums: The sum of the values of each source, the sources ascending.
        counts: How many values each has.
    """

    mean: float
    sums: NDArray[np.float64]
    counts: NDArray[np.integer[Any]]


def estimate(values: Sequence[float], sources: Sequence[str], seed: int = 0) -> Estimate:
    """The mean of some values.

    Args:
        values: One number per sample; at least one.
        sources: For each sample, the name of what it was made of.
        seed: Of the bootstrap.
    """
    return estimate_clusters(_clusters(values, sources), seed)


def _clusters(values: Sequence[float], sources: Sequence[str]) -> Clusters:
    numbers = np.asarray(values, dtype=np.float64)
    _, cluster = np.unique(np.asarray(sources), return_inverse=True)
    sums: NDArray[Any] = np.bincount(cluster, numbers)
    return Clusters(float(numbers.mean()), sums, np.bincount(cluster))


def estimate_clusters(found: Clusters, seed: int = 0) -> Estimate:
    """The mean of values that were added up by their sources; as `estimate`."""
    sums, counts, mean = found.sums, found.counts, found.mean
    clusters = len(counts)
    se = _standard_error(found) if clusters > 1 else None
    parts = [sums[picks].sum(axis=1) / counts[picks].sum(axis=1) for picks in _picks(clusters, seed)]
    draws = np.concatenate(parts)
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(mean, se, (float(low), float(high)), draws)


def _standard_error(found: Clusters) -> float:
    residuals = found.mean * found.counts
    np.subtract(found.sums, residuals, out=residuals)
    residuals **= 2
    clusters = len(residuals)
    return float(np.sqrt(residuals.sum() * clusters / (clusters - 1)) / found.counts.sum())


def _picks(clusters: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Yields the sources of the bootstrap samples, shape (1 to 100, clusters) each."""
    rng = np.random.default_rng(seed)
    left = BOOTSTRAP_DRAWS
    while left:
        draws = min(left, _DRAWS_AT_ONCE, max(1, _PICKS_AT_ONCE // clusters))
        yield rng.integers(clusters, size=(draws, clusters))
        left -= draws


def resampled(sources: Sequence[str], seed: int = 0) -> Iterator[NDArray[np.float64]]:
    """Yields how often each sample is in a bootstrap sample, for scores that are not means.

    Args:
        sources: For each sample, the name of what it was made of.
        seed: Of the bootstrap; `estimate` draws the same with it.

    Yields:
        Shape (draws, samples): first one row of ones, which is what was measured, then 2000 draws.
    """
    _, cluster = np.unique(np.asarray(sources), return_inverse=True)
    yield np.ones((1, len(cluster)))
    clusters = int(cluster.max()) + 1
    for picks in _picks(clusters, seed):
        rows = np.arange(len(picks))[:, None] * clusters
        counts = np.bincount((picks + rows).ravel(), minlength=len(picks) * clusters).reshape(len(picks), clusters)
        yield counts[:, cluster].astype(np.float64)


def estimate_share(values: Sequence[float], sources: Sequence[str], seed: int = 0) -> Estimate:
    """The share of ones among zeros and ones.

    Where all sources agree, as when every episode ended alike, or where there is only one, every bootstrap sample has
    the same mean. That says that the sample is small or the share extreme, not that it is known exactly, so the
    interval is then Wilson's (1927) for as many draws as there are sources.

    Args:
        values: 0 or 1 per sample; at least one.
        sources: For each sample, the name of what it was made of.
        seed: Of the bootstrap.
    """
    return estimate_clusters_share(_clusters(values, sources), seed)


def estimate_clusters_share(found: Clusters, seed: int = 0) -> Estimate:
    """The share of ones among zeros and ones that were added up by their sources; as `estimate_share`."""
    made = estimate_clusters(found, seed)
    if np.ptp(made.draws) > 0:
        return made
    return replace(made, interval=_wilson(made.mean, len(found.counts)))


def _wilson(share: float, n: int) -> tuple[float, float]:
    middle = share + _Z95**2 / (2 * n)
    half = _Z95 * math.sqrt(share * (1 - share) / n + (_Z95 / (2 * n)) ** 2)
    low, high = ((middle + way * half) / (1 + _Z95**2 / n) for way in (-1, 1))
    return max(0.0, low), min(1.0, high)


def average(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of independent estimates, as the paper averages over scenarios.

    Its interval is made of theirs, whichever they are: what they leave on either side of their means adds up as the
    errors of independent estimates do, as a root of squares (MOVER; Zou and Donner, 2008).
    """
    mean = float(np.mean([one.mean for one in estimates]))
    errors = [one.se for one in estimates]
    se = None
    if all(error is not None for error in errors):
        se = math.hypot(*(error for error in errors if error is not None)) / len(estimates)
    below = math.hypot(*(one.mean - one.interval[0] for one in estimates)) / len(estimates)
    above = math.hypot(*(one.interval[1] - one.mean for one in estimates)) / len(estimates)
    return Estimate(mean, se, (mean - below, mean + above), np.mean([one.draws for one in estimates], axis=0))
