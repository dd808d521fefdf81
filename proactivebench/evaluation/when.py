"""Does a model know when to ask? Its run beside its own forced answers.

A model gains accuracy and suggestions also by asking at a rate, or by guessing better. So its run is held against what
others would make of its own answers on every frame (mode `forced`), who ask exactly as often as it did:

- the coin asks with the same probability in every turn, whatever it sees;
- foresight knows on which frames the forced answer is right, asks exactly until the first of them, and spends its
  suggestions on the episodes that need the fewest;
- the threshold asks while the forced answer's confidence is below a number, where the model gives one.

`when` = (acc - coin) / (foresight - coin): 0 is a coin, 1 knows when. All are expectations, computed exactly and not
simulated; `curves` has the formulas. Intervals are those of a bootstrap over sources, in which run and curves are drawn
together. docs/when.md tells what this means where the way to the reference is not a line.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from proactivebench.errors import UsageError
from proactivebench.evaluation.curves import Answers, Forced
from proactivebench.evaluation.forced import right
from proactivebench.evaluation.measured import require_same
from proactivebench.evaluation.records import Episode, Key
from proactivebench.evaluation.run_log import read_episodes, read_run
from proactivebench.evaluation.settings import derive_seed
from proactivebench.evaluation.statistics import Estimate, resampled
from proactivebench.scenarios import SCENARIOS
from proactivebench.work.files import write_json
from proactivebench.work.folder import locked

Numbers = NDArray[np.float64]

WHEN = "when.json"
"""File beside the run's scores that has these."""

COSTS = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
"""What a suggestion may cost, in accuracy, in the table of utilities."""

ASKERS = ("run", "guessing", "coin", "threshold", "foresight")
"""Whose utility it has: the run's, that of naming a category at first sight, and of others who ask as often."""

KNOWN = 1e-9
"""Foresight above the coin, from which `when` is defined."""


@dataclass(frozen=True)
class Beside:
    """The episodes of a run in one scenario, each with the forced answers to its sample.

    Attributes:
        played: Episodes of the run, ordered by key.
        forced: The forced episode of the same sample, for each.
    """

    played: Sequence[Episode]
    forced: Sequence[Episode]

    def only(self, keys: Collection[Key]) -> Beside:
        """Those of some keys."""
        kept = [pair for pair in zip(self.played, self.forced, strict=True) if pair[0].key in keys]
        return Beside([played for played, _ in kept], [forced for _, forced in kept])

    @property
    def answers(self) -> Answers:
        """The forced answers as numbers."""
        return Answers(
            [
                Forced(
                    tuple(right(turn) for turn in one.turns),
                    tuple(turn.confidence for turn in one.turns),
                    one.asks_left,
                )
                for one in self.forced
            ]
        )


def pair(episodes: Sequence[Episode], forced: Sequence[Episode]) -> dict[str, Beside]:
    """Puts forced answers beside the episodes of a run, by scenario; those without, or with an error, are left out."""
    answers: dict[Key, Episode] = {one.key: one for one in forced if one.error is None}
    found: dict[str, tuple[list[Episode], list[Episode]]] = {}
    for one in sorted(episodes, key=lambda one: one.key):
        beside = answers.get(one.key) or answers.get((one.scenario, one.id, 0))
        if one.error is None and beside is not None:
            played, forced_ones = found.setdefault(one.scenario, ([], []))
            played.append(one)
            forced_ones.append(beside)
    return {name: Beside(*found[name]) for name in SCENARIOS if name in found}


def scores_of(beside: Beside, seed: int) -> dict[str, Numbers]:
    """Every number of one scenario: first the measured one, then those of the bootstrap, shape (1 + 2000,)."""
    acc = np.array([one.correct for one in beside.played], dtype=np.float64)
    psr = np.array([len(one.turns) - 1.0 for one in beside.played])
    answers = beside.answers
    asked = _asked(beside)
    parts: list[dict[str, Numbers]] = []
    for weights in resampled([one.source for one in beside.played], seed):
        weights = weights / weights.sum(axis=1, keepdims=True)
        at = weights @ psr
        asks = weights @ asked
        with np.errstate(invalid="ignore"):
            parts.append(
                {
                    "acc": weights @ acc,
                    "psr": at,
                    "coin": answers.coin(weights, at),
                    "foresight": answers.foresight(weights, at),
                    "guessing": answers.guessing(weights),
                    "asks_where_right": asks[:, 0] / asks[:, 1],
                    "asks_where_wrong": asks[:, 2] / asks[:, 3],
                }
                | ({"threshold": answers.threshold(weights, at)} if answers.confident else {})
            )
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _asked(beside: Beside) -> Numbers:
    """Per episode: turns that asked where the forced answer is right, all such turns; the same where it is wrong."""
    counts = np.zeros((len(beside.played), 4))
    for row, one, forced in zip(counts, beside.played, beside.forced, strict=True):
        known = {(turn.frame_path, turn.crop): right(turn) for turn in forced.turns}
        for turn in one.turns:
            is_right = known.get((turn.frame_path, turn.crop))
            if is_right is not None and not turn.grey:
                row[0 if is_right else 2] += turn.kind == "suggestion"
                row[1 if is_right else 3] += 1
    return counts


def derived(scores: Mapping[str, Numbers]) -> dict[str, Numbers]:
    """Scores with what follows from them: `when`, what is gained over the others, and the cost up to which it pays."""
    room = scores["foresight"] - scores["coin"]
    with np.errstate(divide="ignore", invalid="ignore"):
        more = {
            "when": np.where(room > KNOWN, (scores["acc"] - scores["coin"]) / room, np.nan),
            "over_coin": scores["acc"] - scores["coin"],
            "break_even": np.where(scores["psr"] > 0, (scores["acc"] - scores["guessing"]) / scores["psr"], np.nan),
        }
    if "threshold" in scores:
        more["over_threshold"] = scores["acc"] - scores["threshold"]
    return {**scores, **more}


def measure(besides: Mapping[str, Beside], seed: int = 0) -> dict[str, Any]:
    """What a run knows about when to ask, as JSON values.

    Args:
        besides: Of each scenario, as `pair` gives them.
        seed: Of the bootstrap.

    Returns:
        `scenarios`: for each short name `n` and, each with `_ci95`: `acc`, `psr`, `coin`, `foresight`, `threshold`
        (where the model gives confidences), `when`, `over_coin`, `over_threshold` (accuracy beyond theirs), `guessing`
        (accuracy of the forced answer to the first frame), `break_even` (what a suggestion may cost, in accuracy, for
        the run to beat guessing: utility is acc - cost * psr), `asks_where_right` and `asks_where_wrong` (share of
        turns with a suggestion, where the forced answer to the same frame is right or wrong); and `utility`: for some
        values of `cost` acc - cost * psr of all `ASKERS`. `average`: the same over scenarios, unweighted, and `when` of
        these averages. What is not defined is None.
    """
    all_scores = {name: scores_of(one, derive_seed(seed, name)) for name, one in besides.items()}
    scenarios = {
        name: {"n": len(besides[name].played)} | _described(derived(scores)) for name, scores in all_scores.items()
    }
    shared = set.intersection(*(set(scores) for scores in all_scores.values()))
    average = {name: np.mean([scores[name] for scores in all_scores.values()], axis=0) for name in sorted(shared)}
    return {"scenarios": scenarios, "average": _described(derived(average))}


def change(
    first: Mapping[str, Beside], second: Mapping[str, Beside], seed: int = 0
) -> dict[str, tuple[float, float, Estimate, float]]:
    """How `when` differs between two runs, over the samples that both played.

    Both are drawn together, so that chance in the choice of samples cancels out.

    Args:
        first: One run beside its forced answers, as `pair` gives it.
        second: The other.
        seed: Of the bootstrap.

    Returns:
        For each scenario that both have, and `all` for the averages of several: `when` of the first and of the second;
        the second minus the first with its interval; and the two-sided p of the bootstrap, twice the share of draws on
        the other side of 0. What is not defined is left out.
    """
    scores: dict[str, list[Mapping[str, Numbers]]] = {}
    for name in first.keys() & second.keys():
        keys = {one.key for one in first[name].played} & {one.key for one in second[name].played}
        if keys:
            own_seed = derive_seed(seed, name)
            scores[name] = [scores_of(beside[name].only(keys), own_seed) for beside in (first, second)]
    found = {name: scores[name] for name in SCENARIOS if name in scores}
    if len(found) > 1:
        used = ("acc", "psr", "coin", "foresight", "guessing")
        sides = zip(*found.values(), strict=True)
        found["all"] = [{name: np.mean([one[name] for one in side], axis=0) for name in used} for side in sides]
    changes = {}
    for name, pair_of_scores in found.items():
        before, after = (derived(one)["when"] for one in pair_of_scores)
        moved = after - before
        draws = moved[1:][np.isfinite(moved[1:])]
        if np.isfinite(moved[0]) and len(draws):
            low, high = (float(end) for end in np.percentile(draws, [2.5, 97.5]))
            beyond = min((draws <= 0).sum(), (draws >= 0).sum())
            p = min(1.0, 2 * (int(beyond) + 1) / (len(draws) + 1))
            changes[name] = float(before[0]), float(after[0]), Estimate(float(moved[0]), None, (low, high), draws), p
    return changes


def _described(scores: Mapping[str, Numbers]) -> dict[str, Any]:
    described: dict[str, Any] = {"utility": _utility({name: values[0] for name, values in scores.items()})}
    for name, values in scores.items():
        known = values[1:][np.isfinite(values[1:])]
        is_known = bool(np.isfinite(values[0])) and len(known) > 0
        described[name] = float(values[0]) if is_known else None
        described[f"{name}_ci95"] = [float(end) for end in np.percentile(known, [2.5, 97.5])] if is_known else None
    return described


def _utility(scores: Mapping[str, float]) -> list[dict[str, float]]:
    """For each cost of a suggestion accuracy less what the suggestions cost, of everyone who is compared."""
    acc = {name: scores["acc" if name == "run" else name] for name in ASKERS if name in scores or name == "run"}
    asked = {name: 0.0 if name == "guessing" else scores["psr"] for name in acc}
    return [{"cost": cost} | {name: float(acc[name] - cost * asked[name]) for name in acc} for cost in COSTS]


def measure_run(run: Path, forced: Path, seed: int = 0) -> dict[str, Any]:
    """Holds a run against forced answers, and writes `when.json` beside its scores.

    Raises:
        UsageError: One of them is not a run, or of another mode; they played different benchmarks, or share
            no samples; or another process works in the run's folder.
    """
    read_run(run)  # nothing is locked in a folder that is not one
    with locked(run):
        found = measure(pair_runs(run, forced), seed) | {"forced": str(forced)}
        write_json(run / WHEN, found)
    return found


def pair_runs(run: Path, forced: Path) -> dict[str, Beside]:
    """Puts the forced answers of one run beside the episodes of another, by scenario.

    Raises:
        UsageError: As for `measure_run`.
    """
    described = read_run(run), read_run(forced)
    if described[0].settings.mode != "mcqa" or described[0].settings.random_options:
        raise UsageError(
            f"{run} is not a run that can ask in earnest: play it with --mode mcqa, without --random-options."
        )
    if described[1].settings.mode != "forced":
        raise UsageError(f"{forced} is not a forced run: play it with evaluate --mode forced.")
    require_same((run, described[0].data), (forced, described[1].data), kept=False)
    besides = pair(list(read_episodes(run)), list(read_episodes(forced)))
    if not besides:
        raise UsageError(f"{run} and {forced} share no samples that both played to an end.")
    return besides
