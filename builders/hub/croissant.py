"""`croissant.json`: the files of a published benchmark, their checksums and columns, and where all of it comes from.

Follows Croissant 1.1 (docs.mlcommons.org/croissant), provenance in the terms of PROV-O as section "Provenance
Representation" recommends. What is written is read back with MLCommons' own library before anybody else sees it.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from builders.hub.build import Build
from builders.hub.card import CITATION
from builders.hub.package import fingerprint
from builders.hub.rights import sources_of
from builders.hub.viewer import COLUMNS, viewer_path
from proactivebench.errors import ProactiveBenchError
from proactivebench.layout import DATA, TRAIN
from proactivebench.manifest import Entry
from proactivebench.record_table import StoredFile
from proactivebench.scenarios import SCENARIOS
from proactivebench.work.files import parse_json, write_whole
from raw_sources.catalog import CatalogEntry

NAME = "croissant.json"

_CONTEXT = Path(__file__).with_name("croissant_context.json")
"""The context of Croissant 1.1 (appendix 1 of its specification), and the prefix of PROV-O."""

_ENCODINGS = {
    ".zip": "application/zip",
    ".jsonl": "application/jsonlines",
    ".parquet": "application/x-parquet",
    ".json": "application/json",
}
_TYPES = {"id": "sc:Integer", "frames": "sc:ImageObject", "kept": "sc:Boolean"}
_LISTS = frozenset({"frames", "options", "categories", "solution"})


class CroissantError(ProactiveBenchError):
    """The description does not pass the validation of MLCommons' library."""


def write_croissant(build: Build, repo: str, page: str, files: Iterable[StoredFile]) -> None:
    """Writes the description, or leaves it alone where nothing changed but the date.

    Args:
        build: The benchmark.
        repo: USER/NAME on the Hub.
        page: Address of the repository's page.
        files: The published files.

    Raises:
        CroissantError: The description is not valid.
    """
    description = _describe(repo, page, build.parts, list(files))
    target = build.folder / NAME
    there = _read(target)
    if there == description | {"datePublished": there.get("datePublished")}:
        return
    description["datePublished"] = datetime.datetime.now(datetime.UTC).date().isoformat()
    validate(description)
    write_whole(target, [orjson.dumps(description, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])


def _read(path: Path) -> dict[str, Any]:
    """The description that is there; nothing of one that is damaged."""
    try:
        return dict(parse_json(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return {}


def validate(description: Mapping[str, Any]) -> None:
    """Reads a description with MLCommons' library.

    Raises:
        CroissantError: The library finds errors; the text has all of them.
    """
    import mlcroissant

    try:
        mlcroissant.Dataset(jsonld=orjson.loads(orjson.dumps(description)))  # a copy, since it writes to its argument
    except mlcroissant.ValidationError as error:
        raise CroissantError(f"{NAME} is not a valid Croissant description: {error}") from error


def listed_files(description: bytes) -> list[str]:
    """The files that a description lists; none where it is not one of ours."""
    try:
        return [str(file["@id"]) for file in parse_json(description)["distribution"]]
    except (ValueError, KeyError, TypeError):
        return []


def _describe(repo: str, page: str, entries: Mapping[str, Entry], files: Sequence[StoredFile]) -> dict[str, Any]:
    owner, _, name = repo.partition("/")
    sources = sources_of(entries)
    content = fingerprint({file.path: file.sha256 for file in files})
    toolkits = sorted({entry.versions["proactivebench-toolkit"] for entry in entries.values()})
    return {
        "@context": orjson.loads(_CONTEXT.read_bytes()),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.1",
        "name": name,
        "description": (
            "Questions about pictures that cannot be answered yet: a model may ask for what would help. Scenarios: "
            + ", ".join(f"{SCENARIOS[part].dataset} ({SCENARIOS[part].title})" for part in entries if part != TRAIN)
        ),
        "url": page,
        "creator": {"@type": "sc:Person", "name": owner},
        "license": sorted({f"{entry.title}: {entry.licence}" for entry in sources.values()}),
        "citeAs": CITATION,
        "version": f"1.0.0+{content[:8]}",
        "keywords": ["multimodal", "vision-language", "proactivity", "benchmark"],
        "isLiveDataset": False,
        "prov:wasDerivedFrom": [_source(entry) for entry in sources.values()],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "prov:label": f"proactivebench build, with proactivebench-toolkit {', '.join(toolkits)}",
        },
        "distribution": [_file(file, page, entries) for file in files],
        "recordSet": [_records(SCENARIOS[part].dataset) for part in entries if part != TRAIN],
    }


def _source(entry: CatalogEntry) -> dict[str, Any]:
    return {"@id": entry.home, "@type": "prov:Entity", "prov:label": entry.title, "license": entry.licence}


def _file(file: StoredFile, page: str, entries: Mapping[str, Entry]) -> dict[str, Any]:
    parts = [part for part in entries if part != TRAIN and SCENARIOS[part].dataset in file.path]
    parts = parts or ([TRAIN] if file.path.startswith(f"{DATA}/") else [])
    described: dict[str, Any] = {
        "@type": "cr:FileObject",
        "@id": file.path,
        "name": file.path,
        "contentUrl": f"{page}/resolve/main/{file.path}",
        "contentSize": f"{file.bytes} B",
        "encodingFormat": _ENCODINGS[Path(file.path).suffix],
        "sha256": file.sha256,
    }
    if parts:
        described["prov:wasDerivedFrom"] = [
            {"@id": entry.home} for entry in sources_of({part: entries[part] for part in parts}).values()
        ]
    return described


def _records(dataset: str) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": dataset,
        "name": dataset,
        "key": {"@id": f"{dataset}/id"},
        "field": [_field(dataset, name, about) for name, about in COLUMNS.items()],
    }


def _field(dataset: str, name: str, about: str) -> dict[str, Any]:
    source: dict[str, Any] = {"fileObject": {"@id": viewer_path(dataset)}, "extract": {"column": name}}
    if name == "frames":
        source["transform"] = {"jsonPath": "bytes"}
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{dataset}/{name}",
        "name": name,
        "description": about,
        "dataType": _TYPES.get(name, "sc:Text"),
        "source": source,
    }
    if name in _LISTS:
        field |= {"isArray": True, "arrayShape": "-1"}
    if name == "frames":
        field["repeated"] = True  # the older word for isArray: without it mlcroissant 1.1 reads no array of images
    return field
