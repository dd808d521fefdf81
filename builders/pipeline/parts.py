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
from pathlib import Path
from typing import Any

import orjson

from builders.base import Skip
from builders.pipeline.journal import Journal
from builders.pipeline.storage import all_stored
from proactivebench import __version__
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.manifest import Counts, Entry, FileEntry, Skipped, add_to_manifest, read_manifest
from proactivebench.work.files import writing
from proactivebench.work.folder import changes, locked
from raw_sources.base import Problem


class NothingBuiltError(ProactiveBenchError):
    """Raw data without a single usable record."""


def nothing_built(what: str, problems: Sequence[Problem], skipped: Sequence[Skip], shown: int = 3) -> NothingBuiltError:
    """The error for a part that came out empty, in one line with the first reasons.

    Args:
        what: What there is none of.
        problems: Raw data that is broken or missing.
        skipped: Records that were left out, and why.
        shown: Number of reasons.
    """
    skips = Counter(skip.reason for skip in skipped).most_common()
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
        if not all_stored(self.out, ((path, file.bytes) for path, file in entry.files.items())):
            return None
        skipped = [Skip(skip.key, skip.reason) for skip in entry.skipped]
        return BuildReport(self.name, entry.counts.samples, entry.counts.frames, skipped, up_to_date=True)

    def beside(self) -> dict[str, Mapping[str, Any]]:
        """Name -> settings of the parts in the folder, this one among them."""
        there = {
            name: entry.settings
            for name, entry in read_manifest(self.out).items()
            if any((self.out / path).exists() for path in entry.files)
        }
        return {**there, self.name: self.settings}

    @contextmanager
    def under_way(self, versions: Mapping[str, str]) -> Iterator[Journal]:
        """The journal of this very build, begun or continued.

        Raises:
            UsageError: It is that of another build, of which something is finished.
        """
        header = {"settings": _as_json(self.settings), "versions": _all_versions(versions)}
        with Journal(self._journal) as journal:
            if not any(done.files for done in journal.finished.values()):
                journal.start(header)
            for kind, here in header.items():
                if changed := changes(journal.header[kind], here):
                    raise UsageError(
                        f"{self.out} holds an unfinished build of {self.name} with other {kind}: {'; '.join(changed)}. "
                        + self._delete(journal.path, self.frames)
                    )
            yield journal

    def finish(self, report: BuildReport, versions: Mapping[str, str], files: Mapping[str, FileEntry]) -> None:
        """Writes the manifest entry; the part is finished.

        Args:
            report: What it gave.
            versions: Name -> version of the libraries that decide its bytes.
            files: Path -> file.
        """
        entry = Entry(
            dataset=self.dataset,
            sources=list(self.sources),
            settings=dict(self.settings),
            versions=_all_versions(versions),
            counts=Counts(samples=report.samples, frames=report.frames, problems=len(report.problems)),
            skipped=[Skipped(key=skip.key, reason=skip.reason) for skip in report.skipped],
            files=dict(files),
        )
        add_to_manifest(self.out, self.name, entry)
        self._journal.unlink()


def _all_versions(versions: Mapping[str, str]) -> dict[str, str]:
    """With those of Python and of this toolkit."""
    return {**versions, "python": platform.python_version(), "proactivebench-toolkit": __version__}


def _as_json(settings: Mapping[str, Any]) -> Any:
    return orjson.loads(orjson.dumps(settings))
