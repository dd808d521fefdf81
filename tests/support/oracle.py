"""Playing what was built: sound in every respect, and won by anyone who asks until the answer is in view."""

from __future__ import annotations

from pathlib import Path

from rich.progress import Progress

from proactivebench.benchmark import Benchmark
from proactivebench.checking import check_benchmark
from proactivebench.scenarios import Sample, Scenario, make_environment
from proactivebench.scenarios.check import way_to_reference


def oracle_wins(sample: Sample) -> bool:
    environment = make_environment(sample)
    while not environment.done:
        way = way_to_reference(environment)
        environment.step(way[0] if way else sample.answer)
    return environment.correct


def sound_samples(folder: Path, scenario: Scenario) -> list[Sample]:
    """The samples of a build, each checked with all its frames and played."""
    assert check_benchmark(folder, Progress(disable=True)).problems == []
    samples = list(Benchmark.open(folder).samples(scenario))
    assert samples
    assert all(map(oracle_wins, samples))
    return samples
