"""What a policy reaches on drawings whose every stage is known, beside the rules that see no pictures.

The numbers are those of `proactivebench when`, by its own curves and its own bootstrap over drawings; only the episodes
are not played one by one, as all that a model would say at every stage is known. One rule is added: a threshold on the
confidence of the guesser, which was never trained to ask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from experiments.learn_to_ask.last_layer import LastLayer
from experiments.learn_to_ask.stages import Stages
from proactivebench.evaluation.curves import Answers, Forced
from proactivebench.evaluation.statistics import resampled

Numbers = NDArray[np.float64]

MOST_SUGGESTIONS = 4
"""Per episode, where curves end."""


class Played(NamedTuple):
    """Every drawing played by one model.

    Attributes:
        correct: Whether the episode ends with the right name.
        asked: Its suggestions, as psr counts them.
        forced: What the model says where it must name a category.
    """

    correct: Numbers
    asked: Numbers
    forced: list[Forced]


def play(model: LastLayer, stages: Stages) -> Played:
    """Plays all drawings: in every turn the model says what is most probable."""
    asked, named = (table.numpy() for table in model.probabilities(stages))
    correct, suggestions, forced = [], [], []
    starts = stages.starts
    for start, end, right in zip(starts, starts[1:], stages.right, strict=False):
        says = asked[start:end, :5] >= asked[start:end, 5:]  # of the suggestion and the names: is it said?
        stops = [turn for turn, asks in enumerate(says[:, 0]) if not asks]
        turn = stops[0] if stops else end - start - 1
        correct.append(float(bool(stops) and bool(says[turn, 1 + right])))
        suggestions.append(float(turn))
        names = named[start:end, 1:5]
        forced.append(Forced(tuple((names.argmax(1) == right).tolist()), tuple(names.max(1).tolist())))
    return Played(np.array(correct), np.array(suggestions), forced)


def scores(played: Played, guesser: Played, kept: Sequence[bool]) -> dict[str, Numbers]:
    """What was measured and, behind it, the same of 2000 bootstrap draws, of the drawings that are kept."""
    chosen = np.flatnonzero(kept)
    own, others = (Answers([one.forced[place] for place in chosen]) for one in (played, guesser))
    parts: list[dict[str, Numbers]] = []
    for weights in resampled([str(place) for place in chosen]):
        weights = weights / weights.sum(axis=1, keepdims=True)
        acc, psr = weights @ played.correct[chosen], weights @ played.asked[chosen]
        coin, foresight = own.coin(weights, psr), own.foresight(weights, psr)
        parts.append(
            {
                "acc": acc,
                "psr": psr,
                "coin": coin,
                "threshold": own.threshold(weights, psr),
                "guesser's threshold": others.threshold(weights, psr),
                "foresight": foresight,
                "when": (acc - coin) / np.where(foresight > coin, foresight - coin, np.nan),
                "guessing": own.guessing(weights),
            }
        )
    found = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    over = {f"over {rule}": found["acc"] - found[rule] for rule in ("coin", "threshold", "guesser's threshold")}
    return found | over


def curves(seeds: Sequence[Played], guesser: Played, kept: Sequence[bool]) -> dict[str, list[float]]:
    """Accuracy by number of suggestions of who sees no pictures; the mean over the models' own answers."""
    chosen = np.flatnonzero(kept)
    psr = np.linspace(0, MOST_SUGGESTIONS, 41)
    weights = np.full((len(psr), len(chosen)), 1 / len(chosen))
    owns = [Answers([one.forced[place] for place in chosen]) for one in seeds]
    others = Answers([guesser.forced[place] for place in chosen])
    found = {
        "psr": psr,
        "coin": np.mean([own.coin(weights, psr) for own in owns], axis=0),
        "threshold": np.mean([own.threshold(weights, psr) for own in owns], axis=0),
        "guesser's threshold": others.threshold(weights, psr),
        "foresight": np.mean([own.foresight(weights, psr) for own in owns], axis=0),
    }
    return {name: [round(float(value), 4) for value in values] for name, values in found.items()}


def described(seeds: Sequence[Mapping[str, Numbers]]) -> dict[str, Any]:
    """The mean over seeds of every number, with its 95% interval, as JSON values."""
    described: dict[str, Any] = {}
    for name in seeds[0]:
        draws = np.mean([one[name] for one in seeds], axis=0)
        known = draws[1:][np.isfinite(draws[1:])]
        low_high = [round(float(end), 4) for end in np.percentile(known, [2.5, 97.5])] if len(known) else None
        described[name] = round(float(draws[0]), 4) if np.isfinite(draws[0]) else None
        described[f"{name}_ci95"] = low_high
    return described
