"""A part of a build, a scenario or the train split, as it lies in the folder.

A folder holds one build of each part, and one process at a time works in it. While a part is under way it has a journal
that says which build it belongs to; when its result is there and its journal gone, its manifest entry says what it is.
The same command therefore continues or confirms a part, and other settings are refused.
"""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from msgspec import Raw

from builders.pipeline.journal import Journal
from builders.pipeline.storage import all_stored, describe_file
from proactivebench import __version__
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.layout import TABLES, table_path
from proactivebench.manifest import Counts, Entry, FileEntry, add_to_manifest, read_manifest
from proactivebench.record_table import RecordEntry, StoredFile, table_lines
from proactivebench.work.files import write_whole, writing
from proactivebench.work.folder import changes, locked
from raw_sources.base import Problem


class NothingBuiltError(ProactiveBenchError):
    """Raw data without a single usable record."""


def nothing_built(
    what: str, problems: Sequence[Problem], left_out: Mapping[str, int], shown: int = 3
) -> NothingBuiltError:
    """The error for a part that came out empty, in one line with the first reasons.

    Args:
        what: What there is none of.
        problems: Raw data that is broken or missing.
        left_out: Reason -> number of records that were left out for it.
        shown: Number of reasons.
    """
    skips = Counter(left_out).most_common()
    reasons = [*map(str, problems), *(f"{count:,} x {reason}" for reason, count in skips)]
    more = f"; and {len(reasons) - shown:,} more" if len(reasons) > shown else ""
    return NothingBuiltError(
        f"No {what} could be built: " + ("; ".join(reasons[:shown]) + more if reasons else "there are no raw records.")
    )


@dataclass(slots=True)
class BuildReport:
    """What a build gave.

    Attributes:
        scenario: Short name of the scenario, or `train`.
        samples: Number of samples, or rows.
        frames: Number of frames.
        left_out: Reason -> number of records that were left out for it.
        problems: Raw data that is broken or missing; empty where nothing had to be done.
        up_to_date: Whether the build was there already, and nothing had to be done.
    """

    scenario: str
    samples: int
    frames: int
    left_out: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)
    up_to_date: bool = False


@contextmanager
def working_in(out: Path) -> Iterator[None]:
    """Makes the folder, and keeps other processes out of it.

    Raises:
        UsageError: Another process works there.
        ResumableError: The disk is full or not writable.
    """
    with locked(out), writing(out):
        yield


@dataclass(frozen=True)
class Part:
    """Where one part of a build lies, and what decides it.

    Attributes:
        out: Folder of the benchmark.
        name: Key of its manifest entry.
        dataset: Name of its files.
        result: What is there when everything else is.
        frames: Folder of its frames.
        settings: Everything that decides its bytes, as JSON values.
        sources: Names of the raw sources that it is made from.
    """

    out: Path
    name: str
    dataset: str
    result: Path
    frames: Path
    settings: Mapping[str, Any]
    sources: Sequence[str]

    @property
    def _journal(self) -> Path:
        return self.out / f".{self.dataset}.journal"

    def _delete(self, *paths: Path) -> str:
        return "Choose another folder, or delete " + " and ".join(map(str, dict.fromkeys(paths))) + "."

    def existing(self) -> BuildReport | None:
        """The report of the part if it is there and complete.

        Raises:
            UsageError: It is there with other settings, or was not built here.
        """
        if not self.result.exists() or self._journal.exists():
            return None
        entry = read_manifest(self.out).get(self.name)
        if entry is None:
            raise UsageError(f"{self.result} is there, but was not built here. Choose another folder.")
        if changed := changes(entry.settings, _as_json(self.settings)):
            raise UsageError(
                f"{self.out} holds {self.name} with other settings: {'; '.join(changed)}. "
                + self._delete(self.result, self.frames)
            )
        stored = ((file.path, file.bytes) for file in entry.stored(self.out))
        listed = ((path, file.bytes) for path, file in entry.files.items())
        if not all_stored(self.out, chain(listed, stored)):
            return None
        counts = entry.counts
        return BuildReport(self.name, counts.samples, counts.frames, Counter(entry.left_out), up_to_date=True)

    def beside(self) -> dict[str, Mapping[str, Any]]:
        """Name -> settings of the parts in the folder, this one among them."""
        there = {name: entry.settings for name, entry in read_manifest(self.out).items() if self._is_there(entry)}
        return {**there, self.name: self.settings}

    def _is_there(self, entry: Entry) -> bool:
        """Whether something of a part is left; of one that was deleted, only its table may be."""
        if not (self.out / table_path(entry.dataset)).is_file():
            return False
        files = chain(entry.files, (file.path for file in entry.stored(self.out)))
        return any((self.out / path).exists() for path in files if not path.startswith(f"{TABLES}/"))

    @contextmanager
    def under_way(self, versions: Mapping[str, str]) -> Iterator[Journal]:
        """The journal of this very build, begun or continued.

        Raises:
            UsageError: It is that of another build, of which something is finished.
        """
        header = {"settings": _as_json(self.settings), "versions": _all_versions(versions)}
        with Journal(self._journal) as journal:
            if not any(done.files for done in journal.finished()):
                journal.start(header)
            for kind, here in header.items():
                if changed := changes(journal.header[kind], here):
                    raise UsageError(
                        f"{self.out} holds an unfinished build of {self.name} with other {kind}: {'; '.join(changed)}. "
                        + self._delete(journal.path, self.frames)
                    )
            yield journal

    def finish(
        self,
        what: str,
        journal: Journal,
        versions: Mapping[str, str],
        problems: Sequence[Problem],
        rows: int | None = None,
    ) -> BuildReport:
        """Writes the table, the samples and the manifest entry; the part is finished.

        Args:
            what: What there is none of, should that be so.
            journal: What became of every record.
            versions: Name -> version of the libraries that decide its bytes.
            problems: Raw data that is broken or missing.
            rows: Number of rows; None for a scenario.

        Raises:
            NothingBuiltError: Not a single sample, or row.
        """
        report = BuildReport(self.name, rows or 0, rows or 0, problems=list(problems))
        table = self.out / table_path(self.dataset)
        write_whole(table, table_lines(_counted(journal, report, is_scenario=rows is None)))
        if not report.samples:
            table.unlink()
            raise nothing_built(what, problems, report.left_out)
        written = [table]
        if rows is None:
            write_whole(self.result, _sample_lines(journal))
            written.append(self.result)
        entry = Entry(
            dataset=self.dataset,
            sources=list(self.sources),
            settings=dict(self.settings),
            versions=_all_versions(versions),
            counts=Counts(samples=report.samples, frames=report.frames, problems=len(problems)),
            left_out=dict(sorted(report.left_out.items())),
            files={file.path: _described(file) for file in (describe_file(self.out, path) for path in written)},
        )
        add_to_manifest(self.out, self.name, entry)
        self._journal.unlink()
        return report


def _counted(journal: Journal, report: BuildReport, *, is_scenario: bool) -> Iterator[RecordEntry]:
    """What the table says of each record; adds it to the report."""
    for done in journal.finished():
        if done.skipped is not None:
            report.left_out[done.skipped] += 1
        elif is_scenario:
            report.samples += 1
            report.frames += len(done.files)
        yield done.entry()


def _sample_lines(journal: Journal) -> Iterator[bytes]:
    return (bytes(done.sample) + b"\n" for done in journal.finished() if isinstance(done.sample, Raw))


def _described(file: StoredFile) -> FileEntry:
    return FileEntry(bytes=file.bytes, sha256=file.sha256)


def _all_versions(versions: Mapping[str, str]) -> dict[str, str]:
    """With those of Python and of this toolkit."""
    return {**versions, "python": platform.python_version(), "proactivebench-toolkit": __version__}


def _as_json(settings: Mapping[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(settings))
