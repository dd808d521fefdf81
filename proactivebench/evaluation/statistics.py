"""Means that say how sure they are: clustered standard errors and bootstrap intervals.

Samples made of the same source (one video, one object) are not independent, so both treat a source as one draw: the
standard error is the cluster-robust one of a mean, the interval the percentile interval of a bootstrap over sources.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BOOTSTRAP_DRAWS = 2000
_DRAWS_AT_ONCE = 100


@dataclass(frozen=True)
class Estimate:
    """A mean with its uncertainty.

    Attributes:
        mean: The mean over samples.
        se: Cluster-robust standard error; None with fewer than two sources.
        draws: Means of the bootstrap samples, shape (2000,), float64.
    """

    mean: float
    se: float | None
    draws: NDArray[np.float64]

    @property
    def interval(self) -> tuple[float, float]:
        """The 95% percentile interval."""
        low, high = np.percentile(self.draws, [2.5, 97.5])
        return float(low), float(high)


def estimate(values: Sequence[float], sources: Sequence[str], seed: int = 0) -> Estimate:
    """The mean of some values.

    Args:
        values: One number per sample; at least one.
        sources: For each sample, the name of what it was made of.
        seed: Of the bootstrap.
    """
    numbers = np.asarray(values, dtype=np.float64)
    _, cluster = np.unique(np.asarray(sources), return_inverse=True)
    sums, counts = np.bincount(cluster, numbers), np.bincount(cluster)
    mean = float(numbers.mean())
    clusters = len(counts)
    se = None
    if clusters > 1:
        residuals = sums - mean * counts
        se = float(np.sqrt((residuals**2).sum() * clusters / (clusters - 1)) / len(numbers))
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(BOOTSTRAP_DRAWS // _DRAWS_AT_ONCE):
        picks = rng.integers(clusters, size=(_DRAWS_AT_ONCE, clusters))
        draws.append(sums[picks].sum(axis=1) / counts[picks].sum(axis=1))
    return Estimate(mean, se, np.concatenate(draws))


def average(estimates: Sequence[Estimate]) -> Estimate:
    """The unweighted mean of independent estimates, as the paper averages over scenarios."""
    errors = [one.se for one in estimates]
    se = None
    if all(error is not None for error in errors):
        se = float(np.sqrt(sum(error**2 for error in errors if error is not None)) / len(estimates))
    return Estimate(
        float(np.mean([one.mean for one in estimates])), se, np.mean([one.draws for one in estimates], axis=0)
    )
