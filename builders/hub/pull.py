"""Getting a published benchmark, ours or the original, from the Hugging Face Hub.

Only what is asked for is downloaded, all of it from one commit, into a hidden folder. Samples are read there, and
archives unpacked, as the work of strangers; what passes takes its place at the end, the samples file last, since a
scenario counts as present by it. `pulled.json` remembers commit and checksums, so that a later call fetches what has
changed and nothing else. Everything in a folder is brought to that commit, also what was not asked for this time.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
from rich.progress import Progress

from builders.hub.client import HubError, require_name
from builders.hub.remote import Snapshot
from builders.pipeline.storage import all_stored
from proactivebench.errors import UsageError
from proactivebench.layout import (
    DATA,
    KEPT_IDS,
    MANIFEST,
    TEST,
    TRAIN,
    archive_path,
    frames_folder,
    samples_path,
    table_path,
)
from proactivebench.manifest import Entry, add_to_manifest, read_manifest
from proactivebench.provenance import RECORD, Record, read_record
from proactivebench.samples import read_samples
from proactivebench.scenarios import SCENARIOS, Scenario, get_scenario
from proactivebench.work.files import write_whole, writing
from proactivebench.work.folder import locked
from proactivebench.work.quiet import QUIET
from raw_sources.archives import unpack

if TYPE_CHECKING:
    from huggingface_hub import HfApi

_TRAIN_FILE = re.compile(rf"{DATA}/{TRAIN}-[\w-]+\.parquet")


@dataclass(frozen=True, slots=True)
class Pulled:
    """What a pull did.

    Attributes:
        commit: The commit that the files are from.
        fetched: What was downloaded: short scenario names and `train`.
        up_to_date: What was there already.
    """

    commit: str
    fetched: list[str] = field(default_factory=list)
    up_to_date: list[str] = field(default_factory=list)


def pull(
    api: HfApi,
    repo: str,
    out: Path,
    *,
    parts: Sequence[str] = (),
    revision: str | None = None,
    progress: Progress = QUIET,
) -> Pulled:
    """Gets a published benchmark, or the rest of it.

    Args:
        api: Client of the Hub.
        repo: USER/NAME on the Hub.
        out: Folder of the benchmark; created if missing.
        parts: Names of scenarios, and `train` for the training split; by default all scenarios.
        revision: Branch, tag or commit; by default the newest commit.
        progress: Shows how far it is.

    Raises:
        UsageError: A scenario or revision does not exist, or the folder holds something else.
        ResumableError: The disk is full or not writable.
        HubError: The repository cannot be read, or is not a benchmark.
        SourceError: A download failed, or an archive is damaged or unsafe. What has arrived stays, for the next call.
        SampleError: A line of a samples file is not a sample.
    """
    require_name(repo)
    parts = [TRAIN if name.lower() == TRAIN else get_scenario(name).name for name in parts]
    snapshot = Snapshot.open(api, repo, revision)
    return pull_snapshot(snapshot, out, parts, progress)


def pull_snapshot(snapshot: Snapshot, out: Path, parts: Sequence[str], progress: Progress) -> Pulled:
    """Gets the parts of one commit; arguments and errors are those of `pull`, names those of scenarios or `TRAIN`."""
    there = parts_of(snapshot)
    for part in parts:
        if part not in there:
            raise UsageError(f"{snapshot.repo} does not contain {part}; it has {', '.join(there)}.")
    wanted = [part for part in there if part in (parts or SCENARIOS)]
    waiting = progress.add_task("Waiting until no other process writes there", total=None)
    with locked(out, waits=True), writing(out):
        progress.remove_task(waiting)
        return _Pull(snapshot, out, progress).run(there, wanted)


def parts_of(snapshot: Snapshot) -> dict[str, list[str]]:
    """What a repository holds: part -> its files.

    Raises:
        HubError: It is not a benchmark.
    """
    there: dict[str, list[str]] = {}
    for name, scenario in SCENARIOS.items():
        files = [samples_path(scenario.dataset), archive_path(scenario.dataset)]
        if snapshot.files.keys() >= set(files):
            there[name] = files + _table(snapshot, scenario.dataset)
    if train := sorted(filter(_TRAIN_FILE.fullmatch, snapshot.files)):
        there[TRAIN] = train + _table(snapshot, TRAIN)
    if not there:
        raise HubError(
            f"{snapshot.repo} is not a benchmark: expected files like test/QuickDraw.zip and "
            "test/QuickDraw_preprocessed.jsonl."
        )
    return there


def _table(snapshot: Snapshot, dataset: str) -> list[str]:
    """The table of a part's records, which the original has not."""
    return [path for path in [table_path(dataset)] if path in snapshot.files]


class _Pull:
    """One pull into a folder that no other process writes to."""

    def __init__(self, snapshot: Snapshot, out: Path, progress: Progress) -> None:
        self.snapshot, self.out, self.progress = snapshot, out, progress
        self.staging = out / ".pull"
        record = self._recorded()
        self.known = dict(record.files) if record else {}
        """Path -> checksum of what was pulled into the folder."""
        self.is_of_one_commit = record is None or record.commit == snapshot.commit

    def run(self, there: Mapping[str, Sequence[str]], wanted: Sequence[str]) -> Pulled:
        """Takes what is wanted, and what is there already and has changed: a folder never mixes two commits."""
        done = Pulled(self.snapshot.commit)
        held = self._held()
        if lost := held - there.keys():
            raise UsageError(
                f"{self.out} holds {', '.join(sorted(lost))}, which {self.snapshot.repo} no longer has at commit "
                f"{self.snapshot.commit}. Choose another folder."
            )
        owed = {part: files for part, files in there.items() if part in {*held, *wanted} and not self._has(part, files)}
        done.up_to_date.extend(part for part in wanted if part not in owed)
        self._require_free(owed)
        self._record()
        manifest = self._manifest() if owed else {}
        for part, files in owed.items():
            entry = manifest.get(part)
            if part == TRAIN:
                self._take_train(files)
            else:
                self._take_scenario(SCENARIOS[part], files, entry)
            if entry is not None:
                add_to_manifest(self.out, part, entry)
            self.known |= {path: self.snapshot.files[path].checksum for path in files}
            self._record()
            done.fetched.append(part)
        self._take_kept_ids()
        self.is_of_one_commit = True
        self._record()
        shutil.rmtree(self.staging, ignore_errors=True)
        return done

    def _recorded(self) -> Record | None:
        record = read_record(self.out)
        if record is not None and record.repo != self.snapshot.repo:
            raise UsageError(
                f"{self.out} holds what was pulled from {record.repo}. Choose another folder for {self.snapshot.repo}."
            )
        return record

    def _held(self) -> set[str]:
        """The parts that were pulled into the folder before."""
        held = {name for name, scenario in SCENARIOS.items() if samples_path(scenario.dataset) in self.known}
        return held | ({TRAIN} if any(map(_TRAIN_FILE.fullmatch, self.known)) else set())

    def _record(self) -> None:
        commit = self.snapshot.commit if self.is_of_one_commit else ""
        noted = {"repo": self.snapshot.repo, "commit": commit, "files": dict(sorted(self.known.items()))}
        write_whole(self.out / RECORD, [orjson.dumps(noted, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])

    def _has(self, part: str, files: Sequence[str]) -> bool:
        places = files if part == TRAIN else [files[0], frames_folder(SCENARIOS[part].dataset)]
        same = all(self.known.get(path) == self.snapshot.files[path].checksum for path in files)
        return same and all((self.out / place).exists() for place in places)

    def _require_free(self, owed: Mapping[str, Sequence[str]]) -> None:
        """Makes sure that nothing is replaced that came from elsewhere."""
        places = [TEST, DATA, MANIFEST, KEPT_IDS]
        if (self.out / RECORD).exists():
            places = [path for files in owed.values() for path in files if path not in self.known]
        for place in places:
            if (self.out / place).exists():
                raise UsageError(f"{self.out / place} is there, but was not pulled. Choose another folder.")

    def _manifest(self) -> dict[str, Entry]:
        """The manifest entries of the repository; none where it has no manifest, like the original."""
        if MANIFEST not in self.snapshot.files:
            return {}
        self.snapshot.fetch(MANIFEST, self.staging, self.progress)
        try:
            return read_manifest(self.staging)
        except UsageError:
            raise HubError(f"{self.snapshot.repo}: its {MANIFEST} cannot be read by this version.") from None

    def _take_train(self, files: Sequence[str]) -> None:
        arrived = [self.snapshot.fetch(path, self.staging, self.progress) for path in files]
        for stale in [path for path in self.known if _TRAIN_FILE.fullmatch(path) and path not in files]:
            (self.out / stale).unlink(missing_ok=True)
            del self.known[stale]
        for path, file in zip(files, arrived, strict=True):
            self._place(file, path)

    def _place(self, file: Path, path: str) -> None:
        (self.out / path).parent.mkdir(exist_ok=True)
        file.replace(self.out / path)

    def _take_scenario(self, scenario: Scenario, files: Sequence[str], entry: Entry | None) -> None:
        tables = [path for path in files if path == table_path(scenario.dataset)]
        for path in tables:
            self.snapshot.fetch(path, self.staging, self.progress)
        samples = self.snapshot.fetch(samples_path(scenario.dataset), self.staging, self.progress)
        for _ in read_samples(samples, scenario):
            """Every line is looked at before anything is replaced."""
        archive = self.snapshot.fetch(archive_path(scenario.dataset), self.staging, self.progress)
        frames = self.staging / frames_folder(scenario.dataset)
        shutil.rmtree(frames, ignore_errors=True)
        task = self.progress.add_task(f"{scenario.dataset}: unpacking", total=None)
        unpack(archive, frames, report=lambda written: self.progress.update(task, completed=written))
        self.progress.remove_task(task)
        if entry is not None and not self._is_complete(scenario, entry):
            raise HubError(
                f"{self.snapshot.repo}: {archive_path(scenario.dataset)} does not hold what its {MANIFEST} lists. Ask "
                "its publisher to publish it again."
            )
        target = self.out / frames_folder(scenario.dataset)
        (self.out / samples_path(scenario.dataset)).unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        frames.rename(target)
        archive.unlink()
        for path in tables:
            self._place(self.staging / path, path)
        samples.replace(self.out / samples_path(scenario.dataset))

    def _is_complete(self, scenario: Scenario, entry: Entry) -> bool:
        """Whether every file of a manifest entry has arrived; the entry is the word of a stranger, too."""
        own = {samples_path(scenario.dataset), table_path(scenario.dataset)}
        if entry.files.keys() != own or not all_stored(
            self.staging, ((path, file.bytes) for path, file in entry.files.items())
        ):
            return False
        below = f"{frames_folder(scenario.dataset)}/"
        try:
            return all(file.path.startswith(below) for file in entry.stored(self.staging)) and all_stored(
                self.staging, ((file.path, file.bytes) for file in entry.stored(self.staging))
            )
        except UsageError:  # a table that makes no sense
            return False

    def _take_kept_ids(self) -> None:
        stored = self.snapshot.files.get(KEPT_IDS)
        if stored is None:
            if self.known.pop(KEPT_IDS, None):
                (self.out / KEPT_IDS).unlink(missing_ok=True)
        elif self.known.get(KEPT_IDS) != stored.checksum:
            self.snapshot.fetch(KEPT_IDS, self.staging, self.progress).replace(self.out / KEPT_IDS)
            self.known[KEPT_IDS] = stored.checksum
