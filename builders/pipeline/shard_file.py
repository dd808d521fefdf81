"""`shard.jsonl`: what a shard of a build hands on, its journal with all that the whole build needs to know.

It appears when everything else of a shard is there. Its first line says which build it belongs to, what is wrong with
the raw data, and how many lines follow, so that a copy that was cut short is noticed; every other line is what became
of a record, in the order of the plan of the whole build.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec

from builders.pipeline.journal import Finished
from proactivebench.errors import UsageError
from proactivebench.record_table import parse_line
from proactivebench.work.files import write_whole
from proactivebench.work.lines import complete_lines
from raw_sources.base import Problem

SHARD_FILE = "shard.jsonl"


class ShardHeader(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a build that a shard belongs to.

    Attributes:
        name: Short name of the scenario, or `train`.
        dataset: Name of its files.
        sources: Names of the raw sources.
        settings: Everything that decides its bytes, as JSON values.
        versions: Name -> version of the libraries that decide them, too.
        problems: Raw data that is broken or missing, wherever it is.
        rows: Number of rows; None for a scenario.
        lines: Number of records whose fate the shard says.
    """

    name: str
    dataset: str
    sources: Sequence[str]
    settings: Mapping[str, Any]
    versions: Mapping[str, str]
    problems: Sequence[Problem]
    rows: int | None = None
    lines: int = 0


def write_shard(folder: Path, header: ShardHeader, finished: Iterable[Finished]) -> None:
    """Writes the file of a shard, which appears complete or not at all."""
    lines: Iterable[msgspec.Struct] = chain([header], finished)
    write_whole(folder / SHARD_FILE, (msgspec.json.encode(line) + b"\n" for line in lines))


def read_header(folder: Path) -> ShardHeader:
    """The first line of a shard's file.

    Raises:
        UsageError: It is not one.
    """
    try:
        return msgspec.json.decode(next(complete_lines(folder / SHARD_FILE), b""), type=ShardHeader)
    except (ValueError, RecursionError) as error:
        raise _damaged(folder, error) from None


def read_finished(folder: Path) -> Iterator[Finished]:
    """Yields what became of the records of a shard.

    Raises:
        UsageError: A line does not say that, or there are more or fewer than the first one says.
    """
    expected, found = read_header(folder).lines, 0
    for line in islice(complete_lines(folder / SHARD_FILE), 1, None):
        try:
            yield parse_line(line, Finished)
        except ValueError as error:
            raise _damaged(folder, error) from None
        found += 1
    if found != expected:
        raise _damaged(folder, f"it has {found:,} of {expected:,} lines")


def _damaged(folder: Path, why: object) -> UsageError:
    return UsageError(f"{folder / SHARD_FILE} is damaged ({why}). Copy or build that shard again, without {folder}.")
