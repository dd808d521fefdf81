"""`viewer/<dataset>.parquet`: the samples with their frames, one row each, for the Hub's viewer and `load_dataset`.

The benchmark itself keeps frames in archives, where nobody sees them. A row shows what an ideal episode shows: the
frames from the first, which cannot be answered, on the shortest way to the one that shows the answer. Whole frames are
the stored files, byte by byte; only cropped views (COCO) are encoded anew. Rows are written in groups of bounded size,
so memory does not grow with the benchmark.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.progress import Progress

from builders.hub.build import Build
from builders.hub.package import PackageError, fingerprint
from proactivebench.benchmark import Benchmark
from proactivebench.frame_bytes import find_frame
from proactivebench.images import Picture, load_picture
from proactivebench.manifest import Entry
from proactivebench.scenarios import SCENARIOS, Observation, Sample, Scenario, make_environment
from proactivebench.scenarios.check import way_to_reference
from proactivebench.work.files import whole

COLUMNS = {
    "id": "Number of the sample within its scenario",
    "frames": "What an ideal episode shows, turn by turn; the last frame shows the answer",
    "question": "The question",
    "options": "Proactive suggestions and the abstention, in the order in which they are shown",
    "categories": "Possible answers, in the order in which they are shown",
    "answer": "The right category",
    "solution": "The ideal replies: a suggestion for every frame but the last, and the answer",
    "kept": "Whether the sample is played by default; false where the leak filter dropped it",
    "origin": "The record in the raw source",
    "licence": "Licence of the record",
}
"""Column -> what it holds."""

_GROUP_BYTES = 32 << 20
_GROUP_ROWS = 100
_JPEG_QUALITY = 95
_MARK = b"proactivebench"
_FORMAT = "viewer 1"


def viewer_path(dataset: str) -> str:
    """Path of a scenario's file below the benchmark's folder."""
    return f"viewer/{dataset}.parquet"


def write_viewer(build: Build, progress: Progress) -> None:
    """Writes the Parquet file of every scenario of a build; those that are up to date are left alone.

    Args:
        build: The benchmark; its frames are as the manifest says.
        progress: Shows how far it is.

    Raises:
        PictureError: A frame cannot be decoded.
        SampleError: A line is not a sample.
    """
    benchmark = build.benchmark
    for name, entry in build.scenarios.items():
        scenario = SCENARIOS[name]
        kept = benchmark.kept_digest(scenario) or "all"
        mark = fingerprint({path: file.sha256 for path, file in entry.files.items()}, kept, _FORMAT).encode()
        target = build.folder / viewer_path(scenario.dataset)
        if _mark(target) != mark:
            _write(target, mark, _rows(benchmark, scenario, entry, progress))


def _mark(path: Path) -> bytes | None:
    import pyarrow
    import pyarrow.parquet as pq

    try:
        return (pq.read_schema(path).metadata or {}).get(_MARK)
    except (OSError, pyarrow.ArrowInvalid):
        return None


def _write(target: Path, mark: bytes, rows: Iterator[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import Features, Image, List, Value

    text = Value("string")
    types = {"id": Value("int64"), "frames": List(Image()), "kept": Value("bool")}
    types |= dict.fromkeys(("options", "categories", "solution"), List(text))
    schema = Features({name: types.get(name, text) for name in COLUMNS}).arrow_schema
    schema = schema.with_metadata({**schema.metadata, _MARK: mark})
    indexed = {"write_page_index": True, "use_content_defined_chunking": True}
    with whole(target) as part, pq.ParquetWriter(part, schema, **indexed) as writer:
        for group in _groups(rows):
            writer.write_table(pa.Table.from_pylist(group, schema))


def _groups(rows: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    group, size = [], 0
    for row in rows:
        group.append(row)
        size += sum(len(frame["bytes"]) for frame in row["frames"])
        if len(group) >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _rows(benchmark: Benchmark, scenario: Scenario, entry: Entry, progress: Progress) -> Iterator[dict[str, Any]]:
    kept = benchmark.kept_ids(scenario)
    records = (record for record in entry.records(benchmark.folder) if record.id is not None)
    samples = benchmark.samples(scenario, filtered=False)
    track = progress.track(samples, entry.counts.samples, description=f"{scenario.name}: viewer")
    for sample, record in zip(track, records, strict=False):
        if sample.id != record.id:
            raise PackageError(f"{benchmark.path(scenario)} has sample {sample.id} where the manifest has {record.id}.")
        shown, suggestions = _ideal_episode(sample)
        yield {
            "id": sample.id,
            "frames": [_picture(benchmark.root, observation) for observation in shown],
            "question": sample.prompt,
            "options": sample.options,
            "categories": sample.categories,
            "answer": sample.answer,
            "solution": [*suggestions, sample.answer],
            "kept": sample.is_fair and (kept is None or sample.id in kept),
            "origin": record.origin,
            "licence": record.licence,
        }


def _ideal_episode(sample: Sample) -> tuple[list[Observation], list[str]]:
    environment = make_environment(sample)
    suggestions = way_to_reference(environment) or []
    shown = [environment.observe()]
    for suggestion in suggestions:
        environment.step(suggestion)
        shown.append(environment.observe())
    return shown, suggestions


def _picture(root: Path, shown: Observation) -> dict[str, Any]:
    """A frame as the feature `Image` of `datasets` stores it."""
    if shown.view is None:
        return {"bytes": find_frame(root / shown.frame_path).read(), "path": Path(shown.frame_path).name}
    encoded = io.BytesIO()
    load_picture(Picture(root / shown.frame_path, shown.view)).save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return {"bytes": encoded.getvalue(), "path": Path(shown.frame_path).name}
