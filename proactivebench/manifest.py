"""`manifest.json`: how the files of a benchmark that this toolkit built came about.

One entry per scenario, and one for the train split, side by side, each with settings, library versions, counts, what
was left out and why, and for every file its size, SHA-256, origin and licence. A manifest may come from a stranger with
a benchmark from the Hub, so its form is checked whenever it is read.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError, model_validator

from proactivebench.errors import UsageError
from proactivebench.layout import MANIFEST
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
    sources: list[str] = []
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


def read_manifest(folder: Path) -> dict[str, Any]:
    """The entries of a benchmark's manifest by short scenario name, or `train`; empty where there is none.

    Raises:
        UsageError: The file is there and no manifest of ours.
    """
    path = folder / MANIFEST
    try:
        data = path.read_bytes()
        _Manifest.model_validate_json(data)
    except FileNotFoundError:
        return {}
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"])
        raise UsageError(
            f"{path} is not a manifest that this version can read ({place}{first['msg']}). Choose another folder."
        ) from None
    entries: dict[str, Any] = json.loads(data)["scenarios"]
    return entries
