"""`data/train-*.parquet`: the rows of the train split in the published columns.

Rows are rendered by several processes and written as they come, a file at a time, so memory does not grow with their
number; files that are finished stay when a build is stopped. The same split gives the same bytes.
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
from builders.pipeline.journal import Finished, Journal
from builders.pipeline.parts import BuildReport, Part, working_in
from builders.pipeline.storage import all_intact, describe_file
from builders.pipeline.workers import Workers
from builders.train.draws import Draws, Item
from builders.train.rows import Row, make_row
from builders.train.split import TrainSplit
from proactivebench.errors import require_extra
from proactivebench.layout import DATA, TRAIN
from proactivebench.work.files import whole
from proactivebench.work.quiet import QUIET
from raw_sources.base import SourceError

ROWS_PER_FILE = 1000
_ROWS_PER_GROUP = 100


def build_train(
    split: TrainSplit,
    out: Path,
    *,
    workers: int = 1,
    strict: bool = False,
    progress: Progress = QUIET,
) -> BuildReport:
    """Builds the train split into a folder, or continues a build that was stopped.

    Writes `data/train-00000-of-0000N.parquet` and so on, and an entry in `manifest.json`.

    Args:
        split: What to build.
        out: Folder of the benchmark; created if missing.
        workers: Number of processes.
        strict: Makes the first broken raw record an error instead of leaving it out.
        progress: Shows how far it is.

    Raises:
        UsageError: The folder holds another train split, or a test split that may share drawings with this one;
            another process is building there; or a library is not installed.
        SourceError: A raw source cannot be read at all, or `strict`, and a raw record is broken.
        NothingBuiltError: Not a single row.
        ResumableError: The disk is full or not writable.
    """
    versions = _versions(split)
    with working_in(out):
        return _Build(split, out, versions, strict, progress).run(workers)


class _Made(NamedTuple):
    """A row, and what its file says of it."""

    row: Row
    dataset: str
    licence: str


class _Build:
    def __init__(self, split: TrainSplit, out: Path, versions: Mapping[str, str], strict: bool, progress: Progress):
        self.split = split
        self.out = out
        self.versions = versions
        self.strict = strict
        self.progress = progress
        self.noted = 0

    def run(self, workers: int) -> BuildReport:
        folder = self.out / DATA
        part = Part(self.out, TRAIN, TRAIN, folder, folder, self.split.settings(), self.split.sources)
        if report := part.existing():
            return report
        for portion in self.split.portions:
            portion.builder.check_folder(part.beside())
        with (
            part.under_way(self.versions) as journal,
            Draws(self.out) as draws,
            Workers(workers, self.split) as pool,
        ):
            self.split.draw(pool, draws, self.progress)
            if self.strict and draws.problems:
                raise SourceError(str(draws.problems[0]))
            rows = draws.count - self._write_files(draws, journal, pool)
            for skip in draws.skipped:
                self._note(journal, key=skip.key, skipped=skip.reason)
            return part.finish("row of the train split", journal, self.versions, draws.problems, rows)

    def _write_files(self, draws: Draws, journal: Journal, pool: Workers[TrainSplit]) -> int:
        """Writes the files that are not there yet; returns how many rows turned out to be unusable."""
        count = ceil(draws.count / ROWS_PER_FILE)
        names = [f"{TRAIN}-{number:05}-of-{count:05}.parquet" for number in range(count)]
        done = self._done(journal, names)
        journal.keep(self.noted)
        task = self.progress.add_task("train: rows", total=draws.count, completed=done.files * ROWS_PER_FILE)
        items, unusable = islice(draws, done.files * ROWS_PER_FILE, None), done.skipped
        for name in names[done.files :]:
            about = _About()
            _write(self.out / DATA / name, self._rows(islice(items, ROWS_PER_FILE), about, pool, task))
            for skip in about.skipped:
                self._note(journal, key=skip.key, skipped=skip.reason)
            unusable += len(about.skipped)
            self._note(
                journal,
                key=name,
                origin=f"{', '.join(sorted(about.datasets))}; images.path names each picture",
                licence=", ".join(sorted(about.licences)),
                files=(describe_file(self.out, self.out / DATA / name),),
            )
        return unusable

    def _done(self, journal: Journal, names: Sequence[str]) -> _Done:
        """The first files, as far as they are there and whole."""
        done, skipped = _Done(0, 0), 0
        for number, finished in enumerate(journal.finished()):
            if finished.skipped is not None and not self.strict:
                skipped += 1
                continue
            if finished.key not in names[done.files : done.files + 1] or not all_intact(self.out, finished.files):
                break
            done, self.noted = _Done(done.files + 1, skipped), number + 1
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

    def _note(self, journal: Journal, **entry: Any) -> None:
        journal.add(msgspec.json.encode(Finished(number=self.noted, **entry)))
        self.noted += 1


class _Done(NamedTuple):
    """Files that are there, and rows that they lack."""

    files: int
    skipped: int


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
