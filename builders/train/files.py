"""`data/train-*.parquet`: the rows of the train split in the published columns.

Rows are rendered by several processes and written as they come, a file at a time, so memory does not grow with their
number; files that are finished stay when a build is stopped. The same split gives the same bytes. A shard draws
everything and makes some of the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import islice
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from rich.progress import Progress, TaskID

from builders.base import Skip, sample_random
from builders.pictures import picture_versions
from builders.pipeline.foreign import require_ours
from builders.pipeline.journal import Finished, Journal
from builders.pipeline.parts import Part, working_in
from builders.pipeline.report import BuildReport
from builders.pipeline.storage import all_intact, describe_file
from builders.pipeline.workers import Workers
from builders.train.draws import Draws, Item
from builders.train.rows import Row, make_row
from builders.train.split import TrainSplit
from proactivebench.errors import require_extra
from proactivebench.layout import DATA, TRAIN
from proactivebench.work.files import whole
from proactivebench.work.quiet import QUIET
from proactivebench.work.shards import Shard
from raw_sources.base import SourceError

ROWS_PER_FILE = 1000
_ROWS_PER_GROUP = 100


def build_train(
    split: TrainSplit,
    out: Path,
    *,
    workers: int = 1,
    strict: bool = False,
    shard: Shard | None = None,
    progress: Progress = QUIET,
) -> BuildReport:
    """Builds the train split into a folder, or continues a build that was stopped.

    Writes `data/train-00000-of-0000N.parquet` and so on, and an entry in `manifest.json`. A shard of it is written to
    `shards/train/<number>-of-<of>/`, for `merge`.

    Args:
        split: What to build.
        out: Folder of the benchmark; created if missing.
        workers: Number of processes.
        strict: Makes the first broken raw record an error instead of leaving it out.
        shard: Which shard to build; None builds everything.
        progress: Shows how far it is.

    Raises:
        UsageError: The folder holds something else, another train split, or a test split that may share drawings with
            this one; another process is building there; or a library is not installed.
        SourceError: A raw source cannot be read at all, or `strict`, and a raw record is broken.
        NothingBuiltError: Not a single row.
        ResumableError: The disk is full or not writable.
    """
    versions = _versions(split)
    part = Part(out, TRAIN, TRAIN, split.settings(), split.sources, shard)
    require_ours(out)
    with working_in(part.folder):
        return _Build(split, part, versions, strict, progress).run(workers)


class _Made(NamedTuple):
    """A row, and what its file says of it."""

    row: Row
    dataset: str
    licence: str


class _File(NamedTuple):
    """A file of rows: its place among all of the split, and its name."""

    place: int
    name: str


class _Build:
    def __init__(self, split: TrainSplit, part: Part, versions: Mapping[str, str], strict: bool, progress: Progress):
        self.split = split
        self.part = part
        self.out = part.folder
        self.versions = versions
        self.strict = strict
        self.progress = progress

    def run(self, workers: int) -> BuildReport:
        if report := self.part.existing():
            return report
        for portion in self.split.portions:
            portion.builder.check_folder(self.part.beside())
        with (
            self.part.under_way(self.versions) as journal,
            Draws(self.out) as draws,
            Workers(workers, self.split) as pool,
        ):
            self.split.draw(pool, draws, self.progress)
            if self.strict and draws.problems:
                raise SourceError(str(draws.problems[0]))
            rows = self._write_files(draws, journal, pool)
            for place, skip in enumerate(draws.skipped):
                if self._owns(f"left out {place}"):
                    self._note(journal, _place(ceil(draws.count / ROWS_PER_FILE), place), skip)
            return self.part.finish(self.part.header(self.versions, draws.problems, rows), journal.all_finished)

    def _owns(self, key: str) -> bool:
        return self.part.shard is None or self.part.shard.owns(key)

    def _write_files(self, draws: Draws, journal: Journal, pool: Workers[TrainSplit]) -> int:
        """Writes the files that are not there yet; returns how many rows they all have."""
        count = ceil(draws.count / ROWS_PER_FILE)
        files = [_File(place, f"{TRAIN}-{place:05}-of-{count:05}.parquet") for place in range(count)]
        own = [file for file in files if self._owns(file.name)]
        planned = [min(ROWS_PER_FILE, draws.count - file.place * ROWS_PER_FILE) for file in own]
        done = self._done(journal, own)
        journal.keep(done.lines)
        task = self.progress.add_task("train: rows", total=sum(planned), completed=sum(planned[: done.files]))
        unusable = done.skipped
        items, place = iter(draws), 0
        for file in own[done.files :]:
            others, place = (file.place - place) * ROWS_PER_FILE, file.place + 1
            next(islice(items, others, others), None)  # passes over them
            about = _About()
            _write(self.out / DATA / file.name, self._rows(islice(items, ROWS_PER_FILE), about, pool, task))
            for number, skip in enumerate(about.skipped):
                self._note(journal, _place(file.place, number), skip)
            unusable += len(about.skipped)
            finished = Finished(
                number=_place(file.place, len(about.skipped)),
                key=file.name,
                origin=f"{', '.join(sorted(about.datasets))}; images.path names each picture",
                licence=", ".join(sorted(about.licences)),
                files=(describe_file(self.out, self.out / DATA / file.name),),
            )
            journal.add(msgspec.json.encode(finished))
        return sum(planned) - unusable

    def _done(self, journal: Journal, files: Sequence[_File]) -> _Done:
        """The first files, as far as they are there and whole."""
        done, skipped = _Done(0, 0, 0), 0
        for number, finished in enumerate(journal.finished(), start=1):
            if finished.skipped is not None and not self.strict:
                skipped += 1
                continue
            names = [file.name for file in files[done.files : done.files + 1]]
            if finished.key not in names or not all_intact(self.out, finished.files):
                break
            done = _Done(done.files + 1, skipped, number)
        return done

    def _rows(self, items: Iterator[Item], about: _About, pool: Workers[TrainSplit], task: TaskID) -> Iterator[Row]:
        for made in pool.map(_row, items):
            self.progress.advance(task)
            if not isinstance(made, Skip):
                about.datasets.add(made.dataset)
                about.licences.add(made.licence)
                yield made.row
            elif self.strict:
                raise SourceError(made.reason)
            else:
                about.skipped.append(made)

    def _note(self, journal: Journal, number: int, skip: Skip) -> None:
        journal.add(msgspec.json.encode(Finished(number=number, key=skip.key, skipped=skip.reason)))


def _place(file: int, number: int) -> int:
    """Where a line about a file of rows stands among those of all shards: more than its rows, it cannot say."""
    return file * (ROWS_PER_FILE + 1) + number


class _Done(NamedTuple):
    """Files that are there, rows that they lack, and lines of the journal that say so."""

    files: int
    skipped: int
    lines: int


@dataclass
class _About:
    """What is said of a file of rows."""

    datasets: set[str] = field(default_factory=set)
    licences: set[str] = field(default_factory=set)
    skipped: list[Skip] = field(default_factory=list)


def _versions(split: TrainSplit) -> dict[str, str]:
    with require_extra("The train split", "hub"):
        versions = picture_versions() | {name: version(name) for name in ("datasets", "pyarrow")}
    for portion in split.portions:
        versions |= portion.builder.versions()
    return versions


def _row(split: TrainSplit, item: Item) -> _Made | Skip:
    builder, planned = split.plan(item)
    random = sample_random(split.seed, builder.scenario, f"{TRAIN}/frame/{planned.key}")
    try:
        return _Made(make_row(builder, planned, random), builder.scenario.dataset, planned.licence)
    except SourceError as error:
        return Skip(planned.key, str(error))


def _write(path: Path, rows: Iterator[Row]) -> None:
    """Writes a Parquet file that appears complete or not at all."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    with whole(path) as part, pq.ParquetWriter(part, schema) as writer:
        while group := list(islice(rows, _ROWS_PER_GROUP)):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _schema() -> Any:
    """The published columns; `datasets` reads from the metadata which of them is a picture."""
    from datasets import Features, Image, List, Value

    block = {"type": Value("string"), "text": Value("string")}
    features = Features(
        {
            "prompt": List({"role": Value("string"), "content": List(block)}),
            "ground_truth": Value("string"),
            "proactive_actions": List(Value("string")),
            "options": List(Value("string")),
            "images": List(Image()),
        }
    )
    return features.arrow_schema
