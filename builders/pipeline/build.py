"""Runs a builder: plans, renders, and leaves a folder whose bytes depend on the settings alone.

Samples are numbered in the order of the plan, and every step hands its results back in that order, so the result shows
neither the number of workers nor an interruption. Frames come first, each noted in a journal; the samples file appears
when all frames are there, the manifest after it, and then the journal goes (`parts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.progress import Progress

from builders.base import Builder, Plan, PlannedSample, Skip
from builders.pipeline.journal import Finished, Journal
from builders.pipeline.parts import BuildReport, Part, nothing_built, working_in
from builders.pipeline.storage import all_intact, describe_file, store_frame
from builders.pipeline.workers import Workers
from proactivebench.layout import samples_path
from proactivebench.manifest import FileEntry
from proactivebench.samples import write_samples
from proactivebench.scenarios import Sample
from proactivebench.work.quiet import QUIET
from raw_sources.base import Problem, SourceError


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
    progress: Progress = QUIET,
) -> BuildReport:
    """Builds one scenario into a folder, or continues a build that was interrupted.

    Writes `test/<dataset>/...`, `test/<dataset>_preprocessed.jsonl` and `manifest.json`; other scenarios in the folder
    stay as they are.

    Args:
        builder: What to build.
        out: Folder of the benchmark; created if missing.
        workers: Number of processes.
        strict: Makes the first broken raw record an error instead of leaving it out.
        progress: Shows how far it is.

    Raises:
        UsageError: The folder holds another build, or one that does not go with this; or another process is building
            there.
        SourceError: `strict`, and a raw record is broken.
        NothingBuiltError: Not a single sample.
        ResumableError: The disk is full or not writable.
    """
    with working_in(out):
        return _build(_Job(builder, out, strict), workers, progress)


def _build(job: _Job, workers: int, progress: Progress) -> BuildReport:
    scenario, out = job.builder.scenario, job.out
    samples = out / samples_path(scenario.dataset)
    frames = samples.with_name(scenario.dataset)
    part = Part(out, scenario.name, scenario.dataset, samples, frames, job.builder.settings(), job.builder.sources)
    if report := part.existing():
        return report
    job.builder.check_folder(part.beside())
    versions = job.builder.versions()
    with part.under_way(versions) as journal:
        samples.unlink(missing_ok=True)
        with Workers(workers, job) as pool:
            planned = _plan(job, pool, progress)
            kept, unusable = _render(job, pool, planned.samples, journal, progress)
    if not kept:
        raise nothing_built(f"sample of {scenario.name}", planned.problems, unusable + planned.skipped)
    write_samples(samples, (sample for sample, _ in kept))
    report = BuildReport(
        scenario=scenario.name,
        samples=len(kept),
        frames=sum(len(journal.finished[key].files) for key in {plan.frames_key for _, plan in kept}),
        skipped=planned.skipped + unusable,
        problems=planned.problems,
    )
    part.finish(report, versions, _describe_files(out, samples, kept, journal))
    return report


def _describe_files(out: Path, samples: Path, kept: Sequence[_Numbered], journal: Journal) -> dict[str, FileEntry]:
    """Path -> what the manifest says of that file."""
    licences = ", ".join(sorted({plan.licence for _, plan in kept}))
    files = [(describe_file(out, samples), "proactivebench-toolkit", licences)]
    files += [(file, plan.origin, plan.licence) for _, plan in kept for file in journal.finished[plan.frames_key].files]
    return {
        file.path: FileEntry(bytes=file.bytes, sha256=file.sha256, origin=origin, licence=licence)
        for file, origin, licence in files
    }


def _plan(job: _Job, pool: Workers[_Job], progress: Progress) -> _Planned:
    planned = _Planned([], [], [])
    schema = job.builder.scenario.sample
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
    return all_intact(job.out, finished.files)


def _render_sample(job: _Job, plan: PlannedSample[Any]) -> Finished:
    try:
        frames = list(job.builder.render(plan))
        return Finished([store_frame(job.out, job.builder.scenario.dataset, frame) for frame in frames])
    except SourceError as error:
        if job.strict:
            raise
        return Finished(skipped=str(error))
