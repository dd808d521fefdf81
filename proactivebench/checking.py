"""Checking a benchmark on disk, built or downloaded.

Every sample is read and played through, every frame that an episode can show is decoded, the rows of a train split are
read, and the files of a benchmark built here are compared with its manifest. Problems are collected, not raised: a
person wants all of them at once.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import chain, islice
from pathlib import Path

from rich.progress import Progress

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.frame_bytes import find_frame
from proactivebench.images import Picture, PictureError, load_picture
from proactivebench.layout import MANIFEST, samples_name
from proactivebench.manifest import read_manifest
from proactivebench.row_checking import check_rows
from proactivebench.samples import read_samples
from proactivebench.scenarios import SCENARIOS, Sample, Scenario
from proactivebench.scenarios.check import check_environment
from proactivebench.scenarios.reach import observations
from proactivebench.seen_frames import SeenFrames
from proactivebench.views import Crop

_TOGETHER = 64
"""Samples whose frames are decoded at once."""


@dataclass
class CheckReport:
    """What a check found.

    Attributes:
        counts: Short scenario name -> plain name (`samples`, `frames`, `categories`) -> number.
        problems: One sentence each, starting with where it is.
    """

    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def check_benchmark(folder: Path, progress: Progress) -> CheckReport:
    """Checks the benchmark in a folder.

    Args:
        folder: The benchmark, or the folder `test` inside it; also a train split alone.
        progress: Shows how far the check is.

    Raises:
        UsageError: The folder is not a benchmark.
    """
    benchmark = Benchmark.open_build(folder)
    report = CheckReport()
    for scenario in benchmark.scenarios:
        _check_scenario(benchmark, scenario, report, progress)
    report.problems += _misnamed(benchmark.root)
    report.problems += check_rows(benchmark.folder)
    if benchmark.is_ours:
        _check_manifest(benchmark.folder, report, progress)
    return report


def _misnamed(root: Path) -> Iterator[str]:
    """What is wrong with files that look like samples and that nothing reads."""
    names = {name.lower(): name for name in (samples_name(scenario.dataset) for scenario in SCENARIOS.values())}
    for found in sorted(path.name for path in root.glob(samples_name("*"))):
        if found not in names.values():
            meant = names.get(found.lower())
            hint = f" Is it meant to be {meant}?" if meant else ""
            yield f"{found}: no scenario has a file of this name, so its samples are never played.{hint}"


def _check_scenario(benchmark: Benchmark, scenario: Scenario, report: CheckReport, progress: Progress) -> None:
    problems = report.problems
    path = benchmark.path(scenario)
    samples = read_samples(path, scenario, on_error=lambda error: problems.append(str(error)))
    if not path.stat().st_size:
        problems.append(f"{path.name}: there is no sample in it")
    count, categories = 0, set[str]()
    bar = progress.add_task(f"{scenario.name}: samples", total=None)
    with SeenFrames() as seen, ThreadPoolExecutor(os.cpu_count()) as pool:
        while some := list(islice(samples, _TOGETHER)):
            for sample in some:
                found = check_environment(sample)
                problems += [f"{path.name}, sample {sample.id}: {problem}" for problem in found]
                categories.add(sample.answer)
            problems += _check_frames(benchmark, some, seen, pool)
            count += len(some)
            progress.advance(bar, len(some))
        report.counts[scenario.name] = {"samples": count, "frames": seen.count, "categories": len(categories)}


def _check_frames(benchmark: Benchmark, samples: Iterable[Sample], seen: SeenFrames, pool: Executor) -> Iterator[str]:
    """What is wrong with the frames that samples show, each of which is decoded once."""
    views: dict[str, set[Crop | None]] = {}
    for sample in samples:
        for observation in observations(sample):
            crop = observation.view if isinstance(observation.view, Crop) else None
            views.setdefault(observation.frame_path, set()).add(crop)
    new = [frame_path for frame_path in views if frame_path not in seen]
    for frame_path, found in zip(new, pool.map(partial(_size, benchmark), new), strict=True):
        if isinstance(found, str):
            yield found
        seen.add(frame_path, None if isinstance(found, str) else found)
    for frame_path, crops in views.items():
        if size := seen[frame_path]:
            yield from (
                f"{frame_path}: {crop} lies outside the picture of {size}"
                for crop in crops
                if crop and not _inside(crop, size)
            )


def _size(benchmark: Benchmark, frame_path: str) -> tuple[int, int] | str:
    """The size of a frame in pixels, or why it cannot be shown."""
    try:
        return load_picture(Picture(benchmark.frame(frame_path))).size
    except (PictureError, UsageError) as error:
        return str(error)


def _inside(crop: Crop, size: tuple[int, int]) -> bool:
    left, top, right, bottom = map(round, (crop.left, crop.top, crop.right, crop.bottom))
    return 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]


def _check_manifest(folder: Path, report: CheckReport, progress: Progress) -> None:
    try:
        entries = read_manifest(folder)
    except UsageError as error:
        report.problems.append(str(error))
        return
    for name, entry in entries.items():
        bar = progress.add_task(f"{name}: files of the manifest", total=entry.counts.frames + len(entry.files))
        listed = ((path, file.sha256) for path, file in entry.files.items())
        stored = ((file.path, file.sha256) for file in entry.stored(folder))
        try:
            for path, digest in chain(listed, stored):
                report.problems += _compare(folder, path, digest)
                progress.advance(bar)
        except UsageError as error:
            report.problems.append(str(error))


def _compare(folder: Path, path: str, digest: str) -> Iterator[str]:
    """What is wrong with a file of the manifest."""
    try:
        found = find_frame(folder / path).sha256()
    except UsageError as error:
        yield str(error)
        return
    except OSError:
        yield f"{path}: listed in {MANIFEST}, but missing"
        return
    if found != digest:
        yield f"{path}: differs from what {MANIFEST} says; was it changed after the build?"
