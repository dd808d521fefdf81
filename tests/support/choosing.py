"""Which of some samples a run plays."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import compress

from proactivebench.evaluation.settings import Settings, chosen_places, named_samples
from proactivebench.scenarios import Sample, Scenario


def chosen_samples(scenario: Scenario, samples: Iterable[Sample], settings: Settings) -> list[Sample]:
    """The samples of one scenario that a run plays, as its plan takes them."""
    named = list(named_samples(scenario, samples, settings))
    return list(compress(named, chosen_places(len(named), settings.limit)))
