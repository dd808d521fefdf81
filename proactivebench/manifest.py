"""`manifest.json`: how a benchmark that this toolkit built came about.

One entry per scenario, and one for the train split, side by side, each with settings, library versions, counts, how
many records were left out and why, and the checksums of its samples and of its table (`record_table`), which goes into
every record and frame. So this file stays small, however large the benchmark. To build a scenario anew, one deletes its
samples file and its frames; its entry is then replaced. A manifest may come from a stranger with a benchmark from the
Hub, so its form is checked whenever it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from proactivebench.errors import UsageError
from proactivebench.layout import MANIFEST, TABLES, TEST, samples_path, table_path
from proactivebench.record_table import RecordEntry, StoredFile, read_table
from proactivebench.scenarios import SCENARIOS
from proactivebench.work.files import write_whole


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] not in (TEST, TABLES) or ".." in parts or {"\\", "\0"} & {*path}:
        raise ValueError(f"expected a path below {TEST}/ or {TABLES}/")
    return path


class _Form(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="allow")


class FileEntry(_Form):
    """A file of a build: its size, and its SHA-256 in hex."""

    bytes: NonNegativeInt
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Counts(_Form):
    """How much a build gave: samples or rows, frames, and broken raw records (older builds do not say)."""

    samples: NonNegativeInt
    frames: NonNegativeInt
    problems: NonNegativeInt = 0


class Entry(_Form):
    """How a scenario, or the train split, came about.

    Attributes:
        dataset: Name of its files.
        sources: Names of the raw sources; older builds do not say.
        settings: Everything that decides its bytes, as JSON values.
        versions: Name -> version of the libraries that decide them, too.
        counts: How much there is.
        left_out: Reason -> number of records that were left out for it.
        files: Path below the benchmark's folder -> file: the samples, and the table of the records.
    """

    dataset: str
    sources: list[str] = []
    settings: dict[str, Any]
    versions: dict[str, str]
    counts: Counts
    left_out: dict[str, NonNegativeInt]
    files: dict[Annotated[str, AfterValidator(_inside)], FileEntry]

    @model_validator(mode="after")
    def _check_table(self) -> Entry:
        if table_path(self.dataset) not in self.files:
            raise ValueError(f"expected {table_path(self.dataset)} among the files")
        return self

    @property
    def table(self) -> FileEntry:
        """The table of its records."""
        return self.files[table_path(self.dataset)]

    def records(self, folder: Path) -> Iterator[RecordEntry]:
        """What became of each record, in the order of the build.

        Args:
            folder: The benchmark.

        Raises:
            UsageError: The table is missing or damaged.
        """
        return read_table(folder / table_path(self.dataset))

    def stored(self, folder: Path) -> Iterator[StoredFile]:
        """The files that the records gave, in the same order; errors are those of `records`."""
        return (file for record in self.records(folder) for file in record.files)


class _Manifest(_Form):
    format: Literal[2] = 2
    scenarios: dict[str, Entry]

    @model_validator(mode="after")
    def _check_datasets(self) -> _Manifest:
        for name, scenario in SCENARIOS.items():
            entry, samples = self.scenarios.get(name), samples_path(scenario.dataset)
            if entry and (entry.dataset != scenario.dataset or samples not in entry.files):
                raise ValueError(f"{name}: expected the files of {scenario.dataset}")
        return self


def read_manifest(folder: Path) -> dict[str, Entry]:
    """The entries of a benchmark's manifest by short scenario name, or `train`; empty where there is none.

    Raises:
        UsageError: The file is there, but is not a manifest.
    """
    path = folder / MANIFEST
    try:
        return _Manifest.model_validate_json(path.read_bytes()).scenarios
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise UsageError(
            f"{path} is not a manifest that this version can read ({place}{first['msg']}). Choose another folder."
        ) from None


def add_to_manifest(folder: Path, part: str, entry: Entry) -> None:
    """Adds or replaces the entry of a scenario or of the train split; the others stay as they are."""
    manifest = {"format": 2, "scenarios": dict(sorted({**read_manifest(folder), part: entry}.items()))}
    text = orjson.dumps(manifest, _plain, orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    write_whole(folder / MANIFEST, [text])


def _plain(value: object) -> Mapping[str, Any]:
    """What was said of a part of the manifest, in the order of its form; what it does not know comes last."""
    if not isinstance(value, _Form):
        raise TypeError(f"{value!r} has no place in {MANIFEST}")
    names = (*type(value).model_fields, *(value.model_extra or {}))
    return {name: getattr(value, name) for name in names if name in value.model_fields_set}
