"""Puts the shards of a build together: what comes out is byte for byte what one machine would have built.

A shard says what became of its records in the places that they have in the whole build, so all that is left is to lay
the files in one folder and to go through the shards side by side. Files are moved, not copied. A merge that was stopped
is continued by the next one.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

import msgspec

from builders.pipeline.journal import Finished
from builders.pipeline.parts import BuildReport, Part, working_in
from builders.pipeline.shard_file import SHARD_FILE, ShardHeader, read_finished, read_header
from builders.registry import builders
from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
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
        part = Part(out, header.name, header.dataset, header.settings, header.sources)
        report = part.existing()
        if report is None:
            for scenario, builder in builders().items():
                if scenario == name or (name == TRAIN and builder.TRAIN_ROWS):
                    builder.check_folder(part.beside())
            with part.under_way(header.versions):
                for folder in folders:
                    _move_files(folder, out)
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


def _in_order(folders: Sequence[Path]) -> Iterator[Finished]:
    return heapq.merge(*map(read_finished, folders), key=attrgetter("number"))


def _move_files(folder: Path, out: Path) -> None:
    """Moves the files of a shard to the benchmark, where they may be already."""
    for finished in read_finished(folder):
        for file in finished.files:
            here, there = folder / file.path, out / file.path
            if here.is_file():
                there.parent.mkdir(parents=True, exist_ok=True)
                here.replace(there)
            if not there.is_file() or there.stat().st_size != file.bytes:
                raise UsageError(
                    f"{here} is missing or not as the shard left it. Delete {folder}, and build that shard again."
                )
