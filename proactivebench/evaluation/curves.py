"""What others would make of a model's forced answers: accuracy at a number of suggestions per episode, exactly.

An episode has turns 0, 1, ... T - 1. On the way to the reference, turn k shows the k-th frame and r(k) says whether the
forced answer to it is right. Behind the reference as many turns follow as the episode still takes suggestions; the
answer there counts as at the reference. To ask in turn T - 1 ends the episode, and loses; where nothing is offered in
it, there is nothing to do but answer.

Coin: it asks with probability q, so that it comes to turn k with q**k, and

    acc(q) = mean of sum over k of q**k * (1 - q) * r(k),    psr(q) = mean of sum over k > 0 of q**k,

with 1 in place of 1 - q in a last turn that offers nothing. Both are polynomials in q, psr rises with it, and the q
that belongs to a psr is found by bisection. Foresight needs f suggestions where f is the first turn with r(f) = 1. Of
the episodes those that need few are bought first; where the suggestions run out, a part of those that need alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

HALVINGS = 60
"""Bisections of the coin's probability; the interval is smaller than rounding then."""

THRESHOLDS = 200
"""Confidences that are tried, at most: quantiles where there are more."""


class Forced(NamedTuple):
    """The forced answers to one sample.

    Attributes:
        right: Whether the answer is right, frame by frame on the way.
        confidence: How probable the model found it; None where it does not say.
        asks_left: Suggestions that it would take at the last frame before one ends it; None where none is offered.
    """

    right: tuple[bool, ...]
    confidence: tuple[float | None, ...]
    asks_left: int | None = 0


class Answers:
    """The forced answers to some samples; weights have shape (draws, samples), and every row sums up to 1.

    Args:
        samples: One per episode; at least one.
    """

    def __init__(self, samples: Sequence[Forced]):
        self._samples = samples
        self._turns = [len(one.right) + (one.asks_left or 0) for one in samples]
        acc, psr = np.zeros((2, len(samples), max(self._turns) + 1))
        first = np.zeros((len(samples), max(self._turns) + 1))
        for row, (one, turns) in enumerate(zip(samples, self._turns, strict=True)):
            held = np.array([*one.right, *[one.right[-1]] * (turns - len(one.right))], dtype=np.float64)
            acc[row, :turns] += held
            acc[row, 1 : turns + 1] -= held
            if one.asks_left is None:
                acc[row, turns] += held[-1]
            psr[row, 1:turns] = 1
            first[row, held.argmax()] = held.any()
        self._acc, self._psr, self._first = acc, psr, first

    @property
    def confident(self) -> bool:
        """Whether all answers come with a confidence."""
        return all(None not in one.confidence for one in self._samples)

    def guessing(self, weights: Numbers) -> Numbers:
        """Accuracy of naming a category at first sight."""
        found: Numbers = weights @ self._acc[:, 0]
        return found

    def most_suggestions(self, weights: Numbers) -> Numbers:
        """Suggestions per episode of who always asks."""
        found: Numbers = (weights @ self._psr).sum(axis=1)
        return found

    def coin(self, weights: Numbers, psr: Numbers) -> Numbers:
        """Accuracy of asking at random, `psr` times per episode; at most as often as the turns allow."""
        rises, acc = weights @ self._psr, weights @ self._acc
        low, high = np.zeros(len(psr)), np.ones(len(psr))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            below = _polynomial(rises, middle) < psr
            low, high = np.where(below, middle, low), np.where(below, high, middle)
        return _polynomial(acc, high)

    def foresight(self, weights: Numbers, psr: Numbers) -> Numbers:
        """Accuracy of who knows where the answer is right, with `psr` suggestions per episode to spend."""
        shares = weights @ self._first
        spent = np.cumsum(shares * np.arange(shares.shape[1]), axis=1)
        won = np.cumsum(shares, axis=1)
        return _read_off(psr, spent, won)

    def threshold(self, weights: Numbers, psr: Numbers) -> Numbers:
        """Accuracy of asking while the confidence is below a number, which is chosen so that psr is the same.

        Between two neighbouring numbers it is one of them at random, so that any psr can be met.
        """
        acc, asked = self._by_threshold
        return _read_off(psr, weights @ asked, weights @ acc)

    @cached_property
    def _by_threshold(self) -> tuple[Numbers, Numbers]:
        """Accuracy and suggestions of every sample by threshold, shape (samples, thresholds), ascending."""
        values = np.unique([value for one in self._samples for value in one.confidence if value is not None])
        if len(values) > THRESHOLDS:
            values = np.unique(np.quantile(values, np.linspace(0, 1, THRESHOLDS), method="nearest"))
        levels = np.append(values, np.inf)
        acc, asked = np.zeros((2, len(self._samples), len(levels)))
        for row, (one, turns) in enumerate(zip(self._samples, self._turns, strict=True)):
            sure = np.array(one.confidence, dtype=np.float64)[:, None] >= levels
            stops = sure.argmax(axis=0)
            never = ~sure.any(axis=0)
            answered = np.array(one.right, dtype=np.float64)[np.where(never, -1, stops)]
            acc[row] = np.where(never & (one.asks_left is not None), 0.0, answered)
            asked[row] = np.where(never, turns - 1, stops)
        return acc, asked


def _polynomial(coefficients: Numbers, at: Numbers) -> Numbers:
    """Values of polynomials, lowest power first: shapes (draws, powers) and (draws,)."""
    found = np.zeros(len(at))
    for column in coefficients.T[::-1]:
        found = found * at + column
    return found


def _read_off(at: Numbers, x: Numbers, y: Numbers) -> Numbers:
    """Reads every row's curve at one place: the best where several points lie there, the last beyond its end."""
    found = np.empty(len(at))
    for row, (place, xs, ys) in enumerate(zip(at, x, y, strict=True)):
        places, which = np.unique(xs.round(9), return_inverse=True)
        best = np.zeros(len(places))
        np.maximum.at(best, which, ys)
        found[row] = np.interp(place, places, best)
    return found
