"""The scores of many episodes, kept on disk until all are there and added up by their sources.

Estimates need them in the order of their keys, whatever the order in which they were played, so that the same episodes
give the same last digit.
"""

from __future__ import annotations

from array import array
from fractions import Fraction

import numpy as np

from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.statistics import Clusters
from proactivebench.work.aside import Table

SCORES = ("acc", "psr", "cost")
"""The names of what an episode can have."""


class Mean:
    """The mean of numbers, the same in any order.

    Attributes:
        count: How many there are.
    """

    def __init__(self) -> None:
        self.count = 0
        self._sum = Fraction()

    def add(self, value: float | None) -> None:
        """Adds a number, where it is known."""
        if value is not None:
            self.count += 1
            self._sum += Fraction(value)

    @property
    def value(self) -> float:
        """The mean of at least one."""
        return float(self._sum) / self.count


class Scores:
    """What is needed of the episodes of a run that have scores."""

    def __init__(self) -> None:
        columns = ", ".join(SCORES)
        key = "scenario TEXT, source TEXT, id INTEGER, repeat INTEGER, number INTEGER"
        self._table = Table(f"{key}, lost INTEGER, {columns}, PRIMARY KEY (scenario, source, id, repeat, number)")
        self._added = 0

    def add(self, episode: Episode) -> None:
        """Adds an episode, if it has scores, or would have in the published reading."""
        scores = episode.published_scores
        if scores is None or (episode.turns and episode.turns[0].kind == "open_ended"):
            return
        self._added += 1
        key = episode.scenario, episode.source, episode.id, episode.repeat, self._added
        values = map(scores.get, SCORES)
        self._table.run(
            "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*key, episode.error is not None, *values)
        )

    def clusters(self, score: str, scenario: str, *, lost: bool) -> Clusters | None:
        """One of `SCORES` of the episodes of a scenario; None where they do not have it.

        Args:
            score: Its name.
            scenario: The short name of the scenario.
            lost: Whether episodes that have scores in the published reading alone count too.
        """
        which = f"FROM rows WHERE scenario = ? AND lost <= ? AND {score} IS NOT NULL"
        values = scenario, lost
        [(count,)] = self._table.read(f"SELECT COUNT(*) {which}", values)
        if not count:
            return None
        ordered = (value for (value,) in self._table.read(f"SELECT {score} {which} ORDER BY id, repeat", values))
        mean = float(np.fromiter(ordered, np.float64, count).mean())
        sums, counts, last = array("d"), array("I"), None
        for source, value in self._table.read(f"SELECT source, {score} {which} ORDER BY source, id, repeat", values):
            if source != last:
                sums.append(0.0)
                counts.append(0)
                last = source
            sums[-1] += value
            counts[-1] += 1
        return Clusters(mean, np.frombuffer(sums), np.frombuffer(counts, np.uintc))
