"""`data/train-*.parquet`: the rows of the train split in the published columns.

Rows are rendered by several processes and written as they come, a file at a time, so memory does not grow with their
number; files that are finished stay when a build is stopped. The same split gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from rich.progress import Progress, TaskID

from builders.base import Skip, sample_random
from builders.pictures import picture_versions
from builders.pipeline.journal import Finished, Journal
from builders.pipeline.parts import BuildReport, Part, nothing_built, working_in
from builders.pipeline.storage import StoredFile, all_intact, describe_file
from builders.pipeline.workers import Workers
from builders.train.rows import Row, make_row
from builders.train.split import Item, TrainSplit
from proactivebench.errors import require_extra
from proactivebench.layout import DATA, TRAIN
from proactivebench.manifest import FileEntry
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


class _Build:
    def __init__(self, split: TrainSplit, out: Path, versions: Mapping[str, str], strict: bool, progress: Progress):
        self.split = split
        self.out = out
        self.versions = versions
        self.strict = strict
        self.progress = progress

    def run(self, workers: int) -> BuildReport:
        folder = self.out / DATA
        part = Part(self.out, TRAIN, TRAIN, folder, folder, self.split.settings(), self.split.sources)
        if report := part.existing():
            return report
        for portion in self.split.portions:
            portion.builder.check_folder(part.beside())
        with part.under_way(self.versions) as journal, Workers(workers, self.split) as pool:
            drawn = self.split.draw(pool, self.progress)
            if self.strict and drawn.problems:
                raise SourceError(str(drawn.problems[0]))
            files = dict(self._files(folder, drawn.records, journal, pool))
            unusable = [Skip(key, done.skipped) for key, done in journal.finished.items() if done.skipped]
        rows = len(drawn.records) - len(unusable)
        if not rows:
            raise nothing_built("row of the train split", drawn.problems, unusable + drawn.skipped)
        report = BuildReport(TRAIN, rows, rows, drawn.skipped + unusable, drawn.problems)
        part.finish(report, self.versions, files)
        return report

    def _files(
        self, folder: Path, items: list[Item], journal: Journal, pool: Workers[TrainSplit]
    ) -> Iterator[tuple[str, FileEntry]]:
        """Writes what is not there yet; yields the path of every file and what the manifest says of it."""
        task = self.progress.add_task("train: rows", total=len(items))
        starts = range(0, len(items), ROWS_PER_FILE)
        for number, start in enumerate(starts):
            name = f"{TRAIN}-{number:05}-of-{len(starts):05}.parquet"
            here = items[start : start + ROWS_PER_FILE]
            done = journal.finished.get(name, Finished())
            if not done.files or not all_intact(self.out, done.files):
                _write(folder / name, self._rows(here, journal, pool, task))
                done = Finished([describe_file(self.out, folder / name)])
                journal.add(name, done)
            self.progress.update(task, completed=start + len(here))
            yield from ((file.path, self._described(file, here)) for file in done.files)

    def _rows(self, items: list[Item], journal: Journal, pool: Workers[TrainSplit], task: TaskID) -> Iterator[Row]:
        for made in pool.map(_row, items):
            self.progress.advance(task)
            if not isinstance(made, Skip):
                yield made
            elif self.strict:
                raise SourceError(made.reason)
            else:
                journal.add(made.key, Finished(skipped=made.reason))

    def _described(self, file: StoredFile, items: list[Item]) -> FileEntry:
        planned = [self.split.plan(item) for item in items]
        datasets = ", ".join(sorted({builder.scenario.dataset for builder, _ in planned}))
        return FileEntry(
            bytes=file.bytes,
            sha256=file.sha256,
            origin=f"{datasets}; images.path names each picture",
            licence=", ".join(sorted({sample.licence for _, sample in planned})),
        )


def _versions(split: TrainSplit) -> dict[str, str]:
    with require_extra("The train split", "hub"):
        versions = picture_versions() | {name: version(name) for name in ("datasets", "pyarrow")}
    for portion in split.portions:
        versions |= portion.builder.versions()
    return versions


def _row(split: TrainSplit, item: Item) -> Row | Skip:
    builder, planned = split.plan(item)
    try:
        return make_row(builder, planned, sample_random(split.seed, builder.scenario, f"{TRAIN}/frame/{planned.key}"))
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
