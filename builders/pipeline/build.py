"""Runs a builder: plans, renders, and leaves a folder whose bytes depend on the settings alone.

Samples are numbered in the order of the plan, and every step hands its results back in that order, so the result shows
neither the number of workers nor an interruption. First all is planned (`plans`). Then the frames come, and what became
of each record is noted in a journal. When all are there, table and samples file are copied from it, the manifest comes
after them, and then the journal goes (`parts`). Nothing is held that grows with the number of samples, but for the
names of frames that several of them show.

Every shard plans everything, for the number of a sample follows from all before it, and what one category lacks another
may not; it makes its own frames alone, which is where the work is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.progress import Progress

from builders.base import Builder, Frame, Skip
from builders.pipeline.foreign import require_ours
from builders.pipeline.journal import Finished, Journal
from builders.pipeline.parts import Part, working_in
from builders.pipeline.plans import Item, Plans
from builders.pipeline.report import BuildReport
from builders.pipeline.spool import Batch, batches
from builders.pipeline.storage import describe_frame, write_frame
from builders.pipeline.stores import Storage, Store, open_store
from builders.pipeline.workers import Workers
from proactivebench.work.quiet import QUIET
from proactivebench.work.shards import Shard
from raw_sources.base import Problem, SourceError


class _Job(NamedTuple):
    """What every worker holds."""

    builder: Builder[Any, Any]
    out: Path
    strict: bool
    storage: Storage


class _Unit(NamedTuple):
    """What a unit gave."""

    batches: list[Batch]
    problems: list[Problem]


class _Task(NamedTuple):
    """A piece of the plan, and whether its frames are made with an earlier one."""

    item: Item
    follows: bool


class _Made(NamedTuple):
    """What became of a piece of the plan.

    Attributes:
        line: Its line for the journal.
        shared: The name of shared frames.
        skipped: Why it gave nothing.
        frames: Those that are still to be stored.
    """

    line: bytes
    shared: str | None
    skipped: str | None
    frames: Sequence[Frame] = ()


def build(
    builder: Builder[Any, Any],
    out: Path,
    *,
    workers: int = 1,
    strict: bool = False,
    shard: Shard | None = None,
    storage: Storage = "files",
    progress: Progress = QUIET,
) -> BuildReport:
    """Builds one scenario into a folder, or continues a build that was interrupted.

    Writes `test/<dataset>/...`, `test/<dataset>_preprocessed.jsonl` and `manifest.json`; other scenarios in the folder
    stay as they are. A shard of it is written to `shards/<scenario>/<number>-of-<of>/`, for `merge`.

    Args:
        builder: What to build.
        out: Folder of the benchmark; created if missing.
        workers: Number of processes.
        strict: Makes the first broken raw record an error instead of leaving it out.
        shard: Which shard to build; None builds everything.
        storage: Whether frames become files or go into tars.
        progress: Shows how far it is.

    Raises:
        UsageError: The folder holds something else, another build, or one that does not go with this; or another
            process is building there.
        SourceError: `strict`, and a raw record is broken.
        NothingBuiltError: Not a single sample.
        ResumableError: The disk is full or not writable.
    """
    scenario = builder.scenario
    part = Part(out, scenario.name, scenario.dataset, builder.settings(), builder.sources, shard, storage)
    require_ours(out)
    with working_in(part.folder):
        return _build(_Job(builder, part.folder, strict, storage), part, workers, progress)


def _build(job: _Job, part: Part, workers: int, progress: Progress) -> BuildReport:
    if report := part.existing():
        return report
    job.builder.check_folder(part.beside())
    versions = job.builder.versions()
    with part.under_way(versions) as journal, Plans(job.out, part.shard) as plans:
        store = open_store(job.storage, job.out, part.dataset)
        with store, Workers(workers, job) as pool:
            problems = _plan(job, pool, plans, progress)
            _render(job, pool, plans, journal, store, progress)
        store.finish(file for done in journal.all_finished() for file in done.files)
        return part.finish(part.header(versions, problems), journal.all_finished)


def _plan(job: _Job, pool: Workers[_Job], plans: Plans, progress: Progress) -> list[Problem]:
    """Plans everything; returns what is wrong with the raw data."""
    problems: list[Problem] = []
    units = job.builder.units()
    task = progress.add_task(f"{job.builder.scenario.name}: planning", total=len(units))
    for unit in pool.map(_plan_unit, units):
        for batch in unit.batches:
            plans.add(batch)
        problems.extend(unit.problems)
        if job.strict and problems:
            raise SourceError(str(problems[0]))
        progress.advance(task)
    return problems


def _plan_unit(job: _Job, unit: object) -> _Unit:
    plan = job.builder.plan(unit)
    return _Unit([*batches(plan.samples), *batches(plan.skipped)], list(plan.problems))


def _render(job: _Job, pool: Workers[_Job], plans: Plans, journal: Journal, store: Store, progress: Progress) -> None:
    """Makes what is not finished, and notes it."""
    shared: dict[str, str | None] = {}  # frames that several samples show -> why they cannot be shown
    done = 0
    for finished, item in zip(journal.finished(), plans, strict=False):
        if not (_is_of(job, item, finished) and (store.keeps(finished.files) or _mended(job, item, finished, store))):
            break
        if name := _shared(item):
            shared[name] = finished.skipped
        done += 1
    store.cut()
    journal.keep(done)
    task = progress.add_task(f"{job.builder.scenario.name}: rendering", total=plans.share, completed=done)
    for made in pool.map(_make, _tasks(islice(plans, done, None), set(shared))):
        reason = shared.setdefault(made.shared, made.skipped) if made.shared else made.skipped
        store.add(made.frames)
        journal.add(_left_out(made.line, reason) if reason else made.line)
        progress.advance(task)


def _shared(item: Item) -> str | None:
    return None if isinstance(item.planned, Skip) else item.planned.shared_frames


def _is_of(job: _Job, item: Item, finished: Finished) -> bool:
    """Whether a line of the journal says what became of a piece of the plan, in a way that is good enough."""
    is_unusable = finished.skipped is not None and not isinstance(item.planned, Skip)
    return (finished.number, finished.key) == (item.number, item.planned.key) and not (job.strict and is_unusable)


def _mended(job: _Job, item: Item, finished: Finished, store: Store) -> bool:
    """Makes frames anew that are not as they were noted; returns whether they are now."""
    made = _make(job, _Task(item, follows=False))
    if made.line != msgspec.json.encode(finished):
        return False
    store.add(made.frames)
    return True


def _tasks(items: Iterable[Item], known: set[str]) -> Iterator[_Task]:
    for item in items:
        name = _shared(item)
        yield _Task(item, name in known)
        if name:
            known.add(name)


def _left_out(line: bytes, reason: str) -> bytes:
    """The line of a record whose frames cannot be shown."""
    made = msgspec.json.decode(line, type=Finished)
    return msgspec.json.encode(Finished(number=made.number, key=made.key, skipped=reason))


def _make(job: _Job, task: _Task) -> _Made:
    number, sample_id, planned = task.item
    if isinstance(planned, Skip):
        finished = Finished(number=number, key=planned.key, skipped=planned.reason)
        return _Made(msgspec.json.encode(finished), None, planned.reason)
    scenario = job.builder.scenario
    sample = scenario.sample(id=sample_id, **planned.fields).model_dump_json().encode()
    try:
        frames = [] if task.follows else list(job.builder.render(planned))
        files = [describe_frame(scenario.dataset, frame) for frame in frames]
    except SourceError as error:
        if job.strict:
            raise
        finished = Finished(number=number, key=planned.key, skipped=str(error))
        return _Made(msgspec.json.encode(finished), planned.shared_frames, str(error))
    if job.storage == "files":
        for frame in frames:
            write_frame(job.out, frame)
        frames = []
    finished = Finished(
        number=number,
        key=planned.key,
        id=sample_id,
        origin=planned.origin,
        licence=planned.licence,
        files=tuple(files),
        sample=msgspec.Raw(sample),
    )
    return _Made(msgspec.json.encode(finished), planned.shared_frames, None, frames)
