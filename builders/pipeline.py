"""Runs a builder: plans, renders, and leaves a folder whose bytes depend on the settings alone.

Samples are numbered in the order of the plan, and every step hands its results back in that order, so the result shows
neither the number of workers nor an interruption. Frames come first, each noted in a journal; the samples file appears
when all frames are there, the manifest after it, and then the journal goes. A folder holds one build per scenario: the
same command continues or confirms it, other settings are refused.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import filelock
import orjson
from rich.progress import Progress

from builders.base import Builder, Plan, PlannedSample, Skip
from builders.journal import Finished, Journal
from builders.manifest import add_to_manifest, differences, read_manifest
from builders.storage import all_stored, describe_file, store_frame
from builders.workers import Workers
from proactivebench import __version__
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.samples import Sample, sample_class, write_samples
from proactivebench.scenarios import Scenario
from raw_sources.base import Problem, SourceError


class BuildError(ProactiveBenchError):
    """A build that could not be completed; what is finished is kept."""


@dataclass(slots=True)
class BuildReport:
    """What a build gave.

    Attributes:
        scenario: Short name of the scenario.
        samples: Number of samples.
        frames: Number of frames.
        skipped: Records that were left out, and why.
        problems: Raw data that is broken or missing; empty where nothing had to be done.
        up_to_date: Whether the build was there already, and nothing had to be done.
    """

    scenario: str
    samples: int
    frames: int
    skipped: list[Skip] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    up_to_date: bool = False

    @property
    def skip_reasons(self) -> Counter[str]:
        """Reason -> number of records that were left out for it."""
        return Counter(skip.reason for skip in self.skipped)


class _Job(NamedTuple):
    """What every worker holds."""

    builder: Builder[Any, Any]
    out: Path
    strict: bool


_Numbered = tuple[Sample, PlannedSample[Any]]


class _Planned(NamedTuple):
    samples: list[_Numbered]
    skipped: list[Skip]
    problems: list[Problem]


def build(
    builder: Builder[Any, Any],
    out: Path,
    *,
    workers: int = 1,
    strict: bool = False,
    progress: Progress | None = None,
) -> BuildReport:
    """Builds one scenario into a folder, or continues a build that was interrupted.

    Writes `test/<dataset>/...`, `test/<dataset>_preprocessed.jsonl` and `manifest.json`; other scenarios in the folder
    stay as they are.

    Args:
        builder: What to build.
        out: Folder of the benchmark; made where it is missing.
        workers: Number of processes.
        strict: Makes the first broken raw record an error instead of leaving it out.
        progress: Shows how far it is.

    Raises:
        UsageError: The folder holds another build, or another process is building there.
        SourceError: `strict`, and a raw record is broken.
        BuildError: Not a single sample, or the disk is full or not writable; the same command continues.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(out / ".build.lock", timeout=0):
            return _build(_Job(builder, out, strict), workers, progress or Progress(disable=True))
    except filelock.Timeout:
        raise UsageError(f"Another process is building into {out}. Wait for it, or choose another folder.") from None
    except OSError as error:
        raise BuildError(
            f"{error.filename or out}: {error.strerror or error}. What is finished is kept: once that is mended, the "
            "same command continues."
        ) from error


def _build(job: _Job, workers: int, progress: Progress) -> BuildReport:
    scenario, out = job.builder.scenario, job.out
    settings: dict[str, Any] = orjson.loads(orjson.dumps(job.builder.settings()))
    samples_path = out / "test" / f"{scenario.dataset}_preprocessed.jsonl"
    journal_path = out / f".{scenario.dataset}.journal"
    finished = samples_path.exists() and not journal_path.exists()
    if finished and (report := _existing(out, scenario, settings, samples_path)):
        return report
    versions = job.builder.versions() | {"python": platform.python_version(), "proactivebench-toolkit": __version__}
    with Journal(journal_path) as journal:
        _claim(journal, {"settings": settings, "versions": versions}, out, scenario)
        samples_path.unlink(missing_ok=True)
        with Workers(workers, job) as pool:
            planned = _plan(job, pool, progress)
            kept, unusable = _render(job, pool, planned.samples, journal, progress)
    if not kept:
        raise _nothing_built(scenario, planned, unusable)
    write_samples(samples_path, (sample for sample, _ in kept))
    report = BuildReport(
        scenario=scenario.name,
        samples=len(kept),
        frames=sum(len(journal.finished[key].files) for key in {plan.frames_key for _, plan in kept}),
        skipped=planned.skipped + unusable,
        problems=planned.problems,
    )
    entry = {
        "dataset": scenario.dataset,
        "settings": settings,
        "versions": versions,
        "counts": {"samples": report.samples, "frames": report.frames, "problems": len(report.problems)},
        "skipped": [skip._asdict() for skip in report.skipped],
        "files": _describe_files(out, samples_path, kept, journal),
    }
    add_to_manifest(out, scenario.name, entry)
    journal_path.unlink()
    return report


def _describe_files(
    out: Path, samples_path: Path, kept: Sequence[_Numbered], journal: Journal
) -> dict[str, dict[str, Any]]:
    """Path -> what the manifest says of that file."""
    licences = ", ".join(sorted({plan.licence for _, plan in kept}))
    files = [(describe_file(out, samples_path), "proactivebench-toolkit", licences)]
    files += [(file, plan.origin, plan.licence) for _, plan in kept for file in journal.finished[plan.frames_key].files]
    return {
        file.path: {"bytes": file.bytes, "sha256": file.sha256, "origin": origin, "licence": licence}
        for file, origin, licence in files
    }


def _existing(out: Path, scenario: Scenario, settings: Mapping[str, Any], samples_path: Path) -> BuildReport | None:
    """The report of a build that is there and complete; None where it is ours and files are missing."""
    frames = samples_path.with_name(scenario.dataset)
    entry = read_manifest(out).get(scenario.name)
    if entry is None:
        raise UsageError(f"{samples_path} is there, but was not built here. Choose another folder.")
    if difference := differences(entry["settings"], settings):
        raise UsageError(
            f"{out} holds {scenario.name} with other settings: {difference}. Choose another folder, or delete "
            f"{samples_path} and {frames}."
        )
    if not all_stored(out, ((path, file["bytes"]) for path, file in entry["files"].items())):
        return None
    counts = entry["counts"]
    skipped = [Skip(**skip) for skip in entry["skipped"]]
    return BuildReport(scenario.name, counts["samples"], counts["frames"], skipped, up_to_date=True)


def _claim(journal: Journal, header: Mapping[str, Any], out: Path, scenario: Scenario) -> None:
    """Makes sure that the journal is that of this very build."""
    if journal.header is None:
        journal.start(header)
        return
    for part in ("settings", "versions"):
        if difference := differences(journal.header[part], header[part]):
            raise UsageError(
                f"{out} holds an unfinished build of {scenario.name} with other {part}: {difference}. Choose another "
                f"folder, or delete {journal.path} and {out / 'test' / scenario.dataset}."
            )


def _plan(job: _Job, pool: Workers[_Job], progress: Progress) -> _Planned:
    planned = _Planned([], [], [])
    schema = sample_class(job.builder.scenario)
    units = job.builder.units()
    task = progress.add_task(f"{job.builder.scenario.name}: planning", total=len(units))
    for plan in pool.map(_plan_unit, units):
        for sample in plan.samples:
            planned.samples.append((schema(id=len(planned.samples), **sample.fields), sample))
        planned.skipped.extend(plan.skipped)
        planned.problems.extend(plan.problems)
        if job.strict and planned.problems:
            raise SourceError(str(planned.problems[0]))
        progress.advance(task)
    return planned


def _plan_unit(job: _Job, unit: object) -> Plan[Any]:
    return job.builder.plan(unit)


def _render(
    job: _Job, pool: Workers[_Job], samples: Sequence[_Numbered], journal: Journal, progress: Progress
) -> tuple[list[_Numbered], list[Skip]]:
    """Renders what is not finished; returns the samples that have their frames, and those that are unusable."""
    plans = {plan.frames_key: plan for _, plan in samples}
    owed = [plan for key, plan in plans.items() if not _is_finished(job, journal.finished.get(key))]
    task = progress.add_task(
        f"{job.builder.scenario.name}: rendering", total=len(plans), completed=len(plans) - len(owed)
    )
    for plan, finished in zip(owed, pool.map(_render_sample, owed), strict=True):
        journal.add(plan.frames_key, finished)
        progress.advance(task)
    unusable = [Skip(plan.key, reason) for _, plan in samples if (reason := journal.finished[plan.frames_key].skipped)]
    return [sample for sample in samples if not journal.finished[sample[1].frames_key].skipped], unusable


def _is_finished(job: _Job, finished: Finished | None) -> bool:
    if finished is None or (job.strict and finished.skipped):
        return False
    return all_stored(job.out, ((file.path, file.bytes) for file in finished.files))


def _render_sample(job: _Job, plan: PlannedSample[Any]) -> Finished:
    try:
        frames = list(job.builder.render(plan))
        return Finished([store_frame(job.out, job.builder.scenario.dataset, frame) for frame in frames])
    except SourceError as error:
        if job.strict:
            raise
        return Finished(skipped=str(error))


def _nothing_built(scenario: Scenario, planned: _Planned, unusable: Sequence[Skip]) -> BuildError:
    reasons = [str(problem) for problem in planned.problems]
    reasons += [f"{skip.key}: {skip.reason}" for skip in (*unusable, *planned.skipped)]
    return BuildError(f"No sample of {scenario.name} could be built. " + ("; ".join(reasons[:5]) or "No raw records."))
