"""Puts the shards of a build together: what comes out is byte for byte what one machine would have built.

A shard says what became of its records in the places that they have in the whole build, so all that is left is to lay
the frames in one folder and to go through the shards side by side. Files are moved, not copied; tars are written anew,
for in them frames stand in the order of the whole build, so there must be room for both. A merge that was stopped is
repeated.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import attrgetter, itemgetter
from pathlib import Path

import msgspec

from builders.base import Frame
from builders.pipeline.journal import Finished
from builders.pipeline.parts import Part, working_in
from builders.pipeline.report import BuildReport
from builders.pipeline.shard_file import SHARD_FILE, ShardHeader, read_finished, read_header
from builders.pipeline.stores import Storage, TarStore, found_storage, frames_in_tars
from builders.registry import builders
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN, frames_folder
from proactivebench.record_table import StoredFile
from proactivebench.work.folder import changes
from proactivebench.work.shards import SHARDS, all_shards, remove_shards


def sharded_parts(out: Path) -> list[str]:
    """Names of the parts of a build that lie there in shards."""
    folder = out / SHARDS
    return sorted({path.parent.parent.name for path in folder.glob(f"*/*/{SHARD_FILE}")})


def merge_part(out: Path, name: str) -> BuildReport:
    """Makes one part of a build from its shards, which are gone then.

    Args:
        out: Folder of the benchmark.
        name: Short scenario name, or `train`.

    Raises:
        UsageError: A shard is missing, not complete, damaged, or of another build than the others; the folder holds
            another build, or one that does not go with this; or another process is building there.
        NothingBuiltError: There is not a single sample in them.
        ResumableError: The disk is full or not writable.
    """
    with working_in(out):
        folders = all_shards(out / SHARDS / name, lambda folder: (folder / SHARD_FILE).is_file())
        header = _common(folders)
        storage = _common_storage(folders, header.dataset)
        part = Part(out, header.name, header.dataset, header.settings, header.sources, storage=storage)
        report = part.existing()
        if report is None:
            for scenario, builder in builders().items():
                if scenario == name or (name == TRAIN and builder.TRAIN_ROWS):
                    builder.check_folder(part.beside())
            with part.under_way(header.versions):
                if storage == "files":
                    _move_files(folders, out)
                else:
                    _write_tars(folders, out, header.dataset)
                report = part.finish(header, lambda: _in_order(folders))
        remove_shards(out / SHARDS / name)
        with suppress(OSError):  # others are still in there
            (out / SHARDS).rmdir()
    return report


def _common(folders: Sequence[Path]) -> ShardHeader:
    """What all shards say of their build, with the rows of all."""
    headers = [read_header(folder) for folder in folders]
    first, *others = [msgspec.to_builtins(msgspec.structs.replace(header, rows=None, lines=0)) for header in headers]
    for folder, other in zip(folders[1:], others, strict=True):
        if changed := changes(first, other):
            raise UsageError(
                f"{folders[0]} and {folder} are shards of different builds: {'; '.join(changed)}. Delete the one that "
                "is wrong, and build it again."
            )
    rows = [header.rows for header in headers if header.rows is not None]
    return msgspec.structs.replace(headers[0], rows=sum(rows) if rows else None)


def _common_storage(folders: Sequence[Path], dataset: str) -> Storage:
    """How all shards keep their frames."""
    found = {storage: folder for folder in folders if (storage := found_storage(folder / frames_folder(dataset)))}
    if len(found) > 1:
        raise UsageError(
            f"{found['files']} keeps its frames as files, {found['shards']} in tars. Delete the one that is wrong, and "
            "build it again with the other --storage."
        )
    return next(iter(found), "files")


def _in_order(folders: Sequence[Path]) -> Iterator[Finished]:
    return heapq.merge(*map(read_finished, folders), key=attrgetter("number"))


def _move_files(folders: Sequence[Path], out: Path) -> None:
    """Moves the files of shards to the benchmark, where they may be already."""
    for folder in folders:
        for file in _files(folder):
            here, there = folder / file.path, out / file.path
            if here.is_file():
                there.parent.mkdir(parents=True, exist_ok=True)
                here.replace(there)
            if not there.is_file() or there.stat().st_size != file.bytes:
                raise UsageError(
                    f"{here} is missing or not as the shard left it. Delete {folder}, and build that shard again."
                )


def _write_tars(folders: Sequence[Path], out: Path, dataset: str) -> None:
    """Writes the frames of shards to the tars of the benchmark, in the order of the whole build."""
    numbered = heapq.merge(*(_numbered(folder, dataset) for folder in folders), key=itemgetter(0))
    with TarStore(out, dataset) as store:
        store.cut()
        store.add(frame for _, frame in numbered)
        store.finish(file for finished in _in_order(folders) for file in finished.files)


def _numbered(folder: Path, dataset: str) -> Iterator[tuple[int, Frame]]:
    """The frames of a shard in tars, each with the number of its record."""
    numbers = (finished.number for finished in read_finished(folder) for _ in finished.files)
    try:
        yield from zip(numbers, frames_in_tars(folder, dataset, _files(folder)), strict=True)
    except (OSError, UsageError) as error:
        raise UsageError(f"{error} Delete {folder}, and build that shard again.") from None


def _files(folder: Path) -> Iterator[StoredFile]:
    """The frames of a shard, in order."""
    return (file for finished in read_finished(folder) for file in finished.files)
