"""How large a benchmark is, beside the one of the paper (figure 2 and appendix A of arXiv:2603.19466, unfiltered).

An image is a view that an episode of its sample can show, so the crops of one COCO photo count one by one, and a
picture that two samples share counts twice. The paper rounds its numbers of images to hundreds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.progress import Progress

from builders.base import TRAIN
from proactivebench.benchmark import Benchmark
from proactivebench.checking import reachable
from proactivebench.environments import make_environment
from proactivebench.manifest import read_manifest
from proactivebench.scenarios import Scenario, is_abstention


@dataclass(frozen=True, slots=True)
class Counts:
    """The size of one part of a benchmark.

    Attributes:
        samples: Number of samples, or of rows of the train split.
        images: Number of views that episodes can show; None for the train split, as the following ones.
        categories: Number of different answers.
        actions: Number of different proactive behaviours that are suggested.
    """

    samples: int
    images: int | None = None
    categories: int | None = None
    actions: int | None = None


PAPER: Mapping[str, Counts] = {
    "ROD": Counts(88, 1_200, 16, 2),
    "VSOD": Counts(63, 14_400, 94, 2),
    "MVP-N": Counts(4_197, 16_800, 42, 1),
    "IN-C": Counts(4_856, 25_000, 1_000, 8),
    "QD": Counts(3_375, 16_900, 345, 1),
    "CIT": Counts(946, 22_800, 69, 2),
    "COCO": Counts(4_384, 13_800, 78, 5),
    TRAIN: Counts(26_879),
}
"""Short scenario name, or `train` -> what the paper and the published data have."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One part of a benchmark beside the paper's.

    Attributes:
        part: Short scenario name, or `train`.
        built: What the benchmark has; None where it lacks this part.
        paper: What the paper has.
    """

    part: str
    built: Counts | None
    paper: Counts


def compare_with_paper(folder: Path, progress: Progress | None = None) -> list[Comparison]:
    """Counts a benchmark, built or downloaded, before its leak filter.

    Args:
        folder: The benchmark; also a train split alone.
        progress: Shows how far it is.

    Returns:
        One comparison for each scenario in the order of the paper, and one for the train split.

    Raises:
        UsageError: The folder holds no benchmark.
        SampleError: A line is no sample.
    """
    progress = progress or Progress(disable=True)
    benchmark = Benchmark.open_build(folder)
    built = {scenario.name: _count(benchmark, scenario, progress) for scenario in benchmark.scenarios}
    if train := read_manifest(benchmark.folder).get(TRAIN):
        built[TRAIN] = Counts(train["counts"]["samples"])
    return [Comparison(part, built.get(part), paper) for part, paper in PAPER.items()]


def _count(benchmark: Benchmark, scenario: Scenario, progress: Progress) -> Counts:
    samples = list(benchmark.samples(scenario, filtered=False))
    suggestions = {option for sample in samples for option in sample.options if not is_abstention(option)}
    task = progress.add_task(f"{scenario.name}: counting", total=len(samples))
    images = 0
    for sample in samples:
        images += sum(1 for _ in reachable(make_environment(sample)))
        progress.advance(task)
    return Counts(
        samples=len(samples),
        images=images,
        categories=len({sample.answer for sample in samples}),
        actions=len({scenario.action_of(suggestion) for suggestion in suggestions} - {None}),
    )
