"""A part of a build, a scenario or the train split, as it lies in the folder.

A folder holds one build of each part, and one process at a time works in it. While a part is under way it has a journal
that says which build it belongs to; when its result is there and its journal gone, its manifest entry says what it is.
The same command therefore continues or confirms a part, and other settings are refused. A shard of a part is made in a
folder of its own, where its finished journal takes the place of samples, table and manifest (`shard_file`, `merge`).
"""

from __future__ import annotations

import platform
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from msgspec import Raw, structs

from builders.pipeline.journal import Finished, Journal
from builders.pipeline.report import BuildReport, nothing_built
from builders.pipeline.shard_file import SHARD_FILE, ShardHeader, read_finished, read_header, write_shard
from builders.pipeline.storage import all_stored, describe_file
from builders.pipeline.stores import WORDS, Storage, all_there, found_storage
from proactivebench import __version__
from proactivebench.errors import UsageError
from proactivebench.frame_bytes import is_frame
from proactivebench.layout import DATA, TABLES, TRAIN, frames_folder, samples_path, table_path
from proactivebench.manifest import Counts, Entry, FileEntry, add_to_manifest, read_manifest
from proactivebench.record_table import RecordEntry, StoredFile, table_lines
from proactivebench.work.files import write_whole, writing
from proactivebench.work.folder import changes, locked
from proactivebench.work.shards import SHARDS, Shard
from raw_sources.base import Problem


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
        settings: Everything that decides its bytes, as JSON values.
        sources: Names of the raw sources that it is made from.
        shard: Which shard of it is meant; None for all of it.
        storage: How its frames are kept.
    """

    out: Path
    name: str
    dataset: str
    settings: Mapping[str, Any]
    sources: Sequence[str]
    shard: Shard | None = None
    storage: Storage = "files"

    @property
    def folder(self) -> Path:
        """Where its files are made."""
        return self.shard.below(self.out / SHARDS / self.name) if self.shard else self.out

    @property
    def _result(self) -> Path:
        """What is there when everything else is."""
        if self.shard:
            return self.folder / SHARD_FILE
        return self.out / (DATA if self.name == TRAIN else samples_path(self.dataset))

    @property
    def _journal(self) -> Path:
        return self.folder / f".{self.dataset}.journal"

    def _delete(self, *paths: Path) -> str:
        frames = self.out / (DATA if self.name == TRAIN else frames_folder(self.dataset))
        all_of_it = [self.folder] if self.shard else dict.fromkeys((*paths, frames))
        return "Choose another folder, or delete " + " and ".join(map(str, all_of_it)) + "."

    def existing(self) -> BuildReport | None:
        """The report of the part if it is there and complete; of a shard also where all of the part is.

        Raises:
            UsageError: It is there with other settings or its frames in another storage, or was not built here.
        """
        self._refuse_other_storage()
        if self.shard and (report := replace(self, shard=None).existing()):
            return report
        if not self._result.exists() or self._journal.exists():
            return None
        return self._existing_shard() if self.shard else self._existing_whole()

    def _refuse_other_storage(self) -> None:
        frames = self.folder / frames_folder(self.dataset)
        if (found := found_storage(frames)) not in (None, self.storage):
            raise UsageError(
                f"{frames} keeps its frames {WORDS[found]}. Repeat the command with --storage {found}, or choose "
                "another folder."
            )

    def _existing_shard(self) -> BuildReport | None:
        header = read_header(self.folder)
        self._refuse_other(header.settings)
        stored = (file for done in read_finished(self.folder) for file in done.files)
        if not all_there(self.folder, self.dataset, stored):
            return None
        report = BuildReport(self.name, header.rows or 0, header.rows or 0, up_to_date=True)
        deque(_counted(read_finished(self.folder), report, is_scenario=header.rows is None), maxlen=0)
        return report

    def _refuse_other(self, settings: Mapping[str, Any]) -> None:
        if changed := changes(settings, _as_json(self.settings)):
            raise UsageError(
                f"{self.folder} holds {self.name} with other settings: {'; '.join(changed)}. "
                + self._delete(self._result)
            )

    def _existing_whole(self) -> BuildReport | None:
        entry = read_manifest(self.out).get(self.name)
        if entry is None:
            raise UsageError(f"{self._result} is there, but was not built here. Choose another folder.")
        self._refuse_other(entry.settings)
        listed = ((path, file.bytes) for path, file in entry.files.items())
        if not all_stored(self.out, listed) or not all_there(self.out, self.dataset, entry.stored(self.out)):
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
        return any(is_frame(self.out / path) for path in files if not path.startswith(f"{TABLES}/"))

    @contextmanager
    def under_way(self, versions: Mapping[str, str]) -> Iterator[Journal]:
        """The journal of this very build, begun or continued.

        Raises:
            UsageError: It is that of another build, of which something is finished.
        """
        header = {"settings": _as_json(self.settings), "versions": _all_versions(versions)}
        with Journal(self._journal) as journal:
            if journal.header.keys() != header.keys() or not any(done.files for done in journal.finished()):
                journal.start(header)
            for kind, here in header.items():
                if changed := changes(journal.header[kind], here):
                    raise UsageError(
                        f"{self.folder} holds an unfinished build of {self.name} with other {kind}: "
                        f"{'; '.join(changed)}. " + self._delete(journal.path)
                    )
            if self._result.is_file():
                self._result.unlink()
            yield journal

    def header(self, versions: Mapping[str, str], problems: Sequence[Problem], rows: int | None = None) -> ShardHeader:
        """What decides the part, and what all of its records have in common.

        Args:
            versions: Name -> version of the libraries that decide its bytes.
            problems: Raw data that is broken or missing.
            rows: Number of rows; None for a scenario.
        """
        return ShardHeader(
            name=self.name,
            dataset=self.dataset,
            sources=self.sources,
            settings=_as_json(self.settings),
            versions=_all_versions(versions),
            problems=problems,
            rows=rows,
        )

    def finish(self, header: ShardHeader, finished: Callable[[], Iterable[Finished]]) -> BuildReport:
        """Writes the table, the samples and the manifest entry, or the file of a shard; the part is finished.

        Args:
            header: What decides it.
            finished: Begins to give what became of every record, in the order of the plan.

        Raises:
            NothingBuiltError: Not a single sample, or row; a shard may be without.
        """
        report = BuildReport(self.name, header.rows or 0, header.rows or 0, problems=list(header.problems))
        is_scenario = header.rows is None
        if self.shard:
            lines = sum(1 for _ in _counted(finished(), report, is_scenario=is_scenario))
            write_shard(self.folder, structs.replace(header, lines=lines), finished())
        else:
            self._write_whole(header, finished, report, is_scenario)
        self._journal.unlink(missing_ok=True)
        return report

    def _write_whole(
        self, header: ShardHeader, finished: Callable[[], Iterable[Finished]], report: BuildReport, is_scenario: bool
    ) -> None:
        table = self.out / table_path(self.dataset)
        write_whole(table, table_lines(_counted(finished(), report, is_scenario=is_scenario)))
        if not report.samples:
            table.unlink()
            what = f"sample of {self.name}" if is_scenario else "row of the train split"
            raise nothing_built(what, report.problems, report.left_out)
        written = [table]
        if is_scenario:
            write_whole(self._result, _sample_lines(finished()))
            written.append(self._result)
        entry = Entry(
            dataset=self.dataset,
            sources=list(self.sources),
            settings=dict(self.settings),
            versions=dict(header.versions),
            counts=Counts(samples=report.samples, frames=report.frames, problems=len(report.problems)),
            left_out=dict(sorted(report.left_out.items())),
            files={file.path: _described(file) for file in (describe_file(self.out, path) for path in written)},
        )
        add_to_manifest(self.out, self.name, entry)


def _counted(finished: Iterable[Finished], report: BuildReport, *, is_scenario: bool) -> Iterator[RecordEntry]:
    """What the table says of each record; adds it to the report."""
    for number, done in enumerate(finished):
        if done.skipped is not None:
            report.left_out[done.skipped] += 1
        elif is_scenario:
            report.samples += 1
            report.frames += len(done.files)
        yield done.entry(number)


def _sample_lines(finished: Iterable[Finished]) -> Iterator[bytes]:
    return (bytes(done.sample) + b"\n" for done in finished if isinstance(done.sample, Raw))


def _described(file: StoredFile) -> FileEntry:
    return FileEntry(bytes=file.bytes, sha256=file.sha256)


_OURS = {"python": platform.python_version(), "proactivebench-toolkit": __version__}


def _all_versions(versions: Mapping[str, str]) -> dict[str, str]:
    """With those of Python and of this toolkit, where it does not name them."""
    return {**versions, **{name: version for name, version in _OURS.items() if name not in versions}}


def _as_json(settings: Mapping[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(settings))
