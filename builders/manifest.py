"""`manifest.json`: how the files of a build came about.

One entry per scenario, side by side, each with settings, library versions, counts, what was left out and why, and for
every file its size, SHA-256, origin and licence. An entry counts while the samples file it speaks of is there, so
deleting that file and its frames is all it takes to build a scenario anew. A manifest may come from a stranger with a
benchmark from the Hub, so its form is checked whenever it is read.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from builders.storage import write_file
from proactivebench.errors import UsageError
from proactivebench.scenarios import SCENARIOS

FORMAT = 1


def _inside(path: str) -> str:
    parts = PurePosixPath(path).parts
    if len(parts) < 2 or parts[0] not in ("test", "data") or ".." in parts or "\\" in path:
        raise ValueError("expected a path below test/ or data/")
    return path


class _Form(BaseModel):
    model_config = ConfigDict(strict=True)


class _File(_Form):
    bytes: NonNegativeInt
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    origin: str
    licence: str


class _Counts(_Form):
    samples: NonNegativeInt
    frames: NonNegativeInt


class _Skip(_Form):
    key: str
    reason: str


class _Entry(_Form):
    dataset: str
    settings: dict[str, Any]
    versions: dict[str, str]
    counts: _Counts
    skipped: list[_Skip]
    files: dict[Annotated[str, AfterValidator(_inside)], _File]


class _Manifest(_Form):
    format: Literal[1]
    scenarios: dict[str, _Entry]

    @model_validator(mode="after")
    def _check_datasets(self) -> _Manifest:
        for name, scenario in SCENARIOS.items():
            entry, samples = self.scenarios.get(name), f"test/{scenario.dataset}_preprocessed.jsonl"
            if entry and (entry.dataset != scenario.dataset or samples not in entry.files):
                raise ValueError(f"{name}: expected the files of {scenario.dataset}")
        return self


def read_manifest(out: Path) -> dict[str, Any]:
    """The entries of a build's manifest by short scenario name; empty where there is none.

    Raises:
        UsageError: The file is there and no manifest of ours.
    """
    path = out / "manifest.json"
    try:
        data = path.read_bytes()
        _Manifest.model_validate_json(data)
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise UsageError(
            f"{path} is no manifest that this version can read ({place}{first['msg']}). Choose another folder."
        ) from None
    entries: dict[str, Any] = orjson.loads(data)["scenarios"]
    return entries


def add_to_manifest(out: Path, scenario: str, entry: Mapping[str, Any]) -> None:
    """Adds or replaces the entry of one scenario."""
    entries = dict(sorted({**read_manifest(out), scenario: entry}.items()))
    manifest = {"format": FORMAT, "scenarios": entries}
    write_file(out / "manifest.json", orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Names the settings that differ, in words; empty where none does."""

    def shown(settings: Mapping[str, Any], name: str) -> str:
        return textwrap.shorten(str(settings.get(name)), 60, placeholder=" ...")

    names = sorted({*there, *here})
    return ", ".join(
        f"{name} is {shown(there, name)} there and {shown(here, name)} here"
        for name in names
        if there.get(name) != here.get(name)
    )
