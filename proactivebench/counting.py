"""How large a benchmark is, beside the one of the paper (figure 2 and appendix A of arXiv:2603.19466, unfiltered).

An image is a view that an episode of its sample can show, so the crops of one photo count one by one, and a
picture that two samples share counts twice. The paper rounds its numbers of images to hundreds. `docs/counts.md` says
why a full build counts otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

from rich.progress import Progress

from proactivebench.benchmark import Benchmark
from proactivebench.layout import TRAIN
from proactivebench.manifest import read_manifest
from proactivebench.scenarios import SCENARIOS, Sample, Scenario, is_abstention, make_environment
from proactivebench.scenarios.reach import reachable
from proactivebench.views import Crop
from proactivebench.work.quiet import QUIET


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


PAPER_ROWS = Counts(26_879)
"""The train split of the paper."""


@dataclass(frozen=True, slots=True)
class FirstViews:
    """How much of the object's box the first views of a scenario show.

    Attributes:
        none: Share of the samples that show none of it.
        median: Half of the samples show at most this share of it; the others in the same way.
        ninth_decile: Nine of ten samples show at most this share of it.
        most: The largest share of it that a sample shows.
    """

    none: float
    median: float
    ninth_decile: float
    most: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One part of a benchmark beside the paper's.

    Attributes:
        part: Short scenario name, or `train`.
        built: What the benchmark has; None where it lacks this part.
        paper: What the paper has; None for a scenario that the paper does not have.
        first_views: What the first views show of the object; None where the samples do not say where it is.
    """

    part: str
    built: Counts | None
    paper: Counts | None
    first_views: FirstViews | None = None


def compare_with_paper(folder: Path, progress: Progress = QUIET) -> list[Comparison]:
    """Counts a benchmark, built or downloaded, before its leak filter.

    Args:
        folder: The benchmark; also a train split alone.
        progress: Shows how far it is.

    Returns:
        One comparison for each scenario of the paper and each other one that is there, and one for the train split.

    Raises:
        UsageError: The folder is not a benchmark.
        SampleError: A line is not a sample.
    """
    benchmark = Benchmark.open_build(folder)
    built = {scenario.name: _count(benchmark, scenario, progress) for scenario in benchmark.scenarios}
    if train := read_manifest(benchmark.folder).get(TRAIN):
        built[TRAIN] = Counts(train.counts.samples)
    rows = [
        Comparison(
            name,
            built.get(name),
            Counts(**asdict(scenario.paper)) if scenario.paper else None,
            _first_views(benchmark.samples(scenario, filtered=False)) if name in built else None,
        )
        for name, scenario in SCENARIOS.items()
        if scenario.paper or name in built
    ]
    return [*rows, Comparison(TRAIN, built.get(TRAIN), PAPER_ROWS)]


def _first_views(samples: Iterable[Sample]) -> FirstViews | None:
    shares = sorted(
        _share_shown(make_environment(sample).crop(), sample.object_box) for sample in samples if sample.object_box
    )
    if not shares:
        return None
    median, ninth_decile, most = (shares[ceil(share * len(shares)) - 1] for share in (0.5, 0.9, 1.0))
    return FirstViews(sum(share == 0 for share in shares) / len(shares), median, ninth_decile, most)


def _share_shown(crop: Crop | None, box: Crop) -> float:
    """Share of the box's area that a view shows."""
    if crop is None:
        return 1.0
    width = min(crop.right, box.right) - max(crop.left, box.left)
    height = min(crop.bottom, box.bottom) - max(crop.top, box.top)
    return max(width, 0.0) * max(height, 0.0) / ((box.right - box.left) * (box.bottom - box.top))


def _count(benchmark: Benchmark, scenario: Scenario, progress: Progress) -> Counts:
    samples = images = 0
    categories, suggestions = set[str](), set[str]()
    task = progress.add_task(f"{scenario.name}: counting", total=None)
    for sample in benchmark.samples(scenario, filtered=False):
        samples += 1
        images += sum(1 for _ in reachable(make_environment(sample)))
        categories.add(sample.answer)
        suggestions.update(option for option in sample.options if not is_abstention(option))
        progress.advance(task)
    return Counts(
        samples=samples,
        images=images,
        categories=len(categories),
        actions=len({scenario.action_of(suggestion) for suggestion in suggestions} - {None}),
    )
