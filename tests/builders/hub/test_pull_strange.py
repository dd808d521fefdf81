"""What a repository of a stranger may hold: none of it leaves the folder, nor takes the place of what was there."""

from __future__ import annotations

import json
import stat
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pytest

from builders.hub.client import HubError
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.samples import SampleError
from raw_sources.base import SourceError
from tests.support.example_benchmark import build_examples
from tests.support.hub_store import Blob, LocalHub, Repo
from tests.support.publishing import REPO
from tests.support.pulling import ARCHIVE, SAMPLES, content, downloads, get
from tests.support.small_benchmark import build_small


@dataclass(frozen=True)
class OtherBlob(Blob):
    """A file whose checksums are those of another one."""

    @property
    def git_id(self) -> str:
        return "0" * 40

    @property
    def sha256(self) -> str:
        return "0" * 64


@pytest.mark.parametrize("path", [SAMPLES, ARCHIVE])
def test_a_file_that_is_not_what_the_hub_says_is_not_taken(mirror: LocalHub, tmp_path: Path, path: str) -> None:
    blob = mirror.repos[REPO].files[path]
    mirror.repos[REPO].files[path] = OtherBlob(blob.data, blob.large)
    with pytest.raises(HubError, match=rf"{path} did not arrive"):
        get(mirror, tmp_path, "qd")
    mirror.repos[REPO].files[path] = blob
    assert get(mirror, tmp_path, "qd").fetched == ["QD"]


# Strangers.


def archive_of(name: str, kind: int = stat.S_IFREG) -> bytes:
    packed = BytesIO()
    member = zipfile.ZipInfo(name)
    member.external_attr = (kind | 0o777) << 16
    with zipfile.ZipFile(packed, "w") as container:
        container.writestr(member, b"/etc/passwd")
    return packed.getvalue()


@pytest.mark.parametrize(
    "archive",
    [
        archive_of("../../escaped.png"),
        archive_of("/escaped.png"),
        archive_of("QuickDraw/link.png", stat.S_IFLNK),
        b"PK\x03\x04 torn",
    ],
)
def test_a_hostile_archive_leaves_everything_as_it_was(mirror: LocalHub, tmp_path: Path, archive: bytes) -> None:
    out = tmp_path / "deep" / "down"
    get(mirror, out, "qd")
    before = content(out / "test")
    mirror.repos[REPO].put(ARCHIVE, archive)
    with pytest.raises(SourceError, match=r"QuickDraw\.zip"):
        get(mirror, out, "qd")
    assert content(out / "test") == before
    assert not list(tmp_path.rglob("escaped.png"))


def test_samples_that_lead_outside_are_refused(mirror: LocalHub, tmp_path: Path) -> None:
    samples = mirror.repos[REPO].files[SAMPLES].data
    mirror.repos[REPO].put(SAMPLES, samples.replace(b"QuickDraw/cat", b"../../../home", 1))
    with pytest.raises(SampleError, match="stays inside the data folder"):
        get(mirror, tmp_path, "qd")
    assert not (tmp_path / SAMPLES).exists()


def test_an_archive_that_lacks_a_frame_is_refused(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.repos[REPO].put(ARCHIVE, archive_of("QuickDraw/cat/other.png"))
    with pytest.raises(HubError, match=r"does not hold what its manifest\.json lists"):
        get(mirror, tmp_path, "qd")


def lead_outside(entry: dict[str, object]) -> object:
    return {"files": {"test/QuickDraw/../../../etc/passwd": {"bytes": 1}}}


@pytest.mark.parametrize("spoil", [lead_outside, lambda _: [], lambda _: {"files": {"test/QuickDraw/x": 7}}])
def test_a_manifest_that_makes_no_sense_is_refused(
    mirror: LocalHub, tmp_path: Path, spoil: Callable[[dict[str, object]], object]
) -> None:
    manifest = json.loads(mirror.repos[REPO].files["manifest.json"].data)
    manifest["scenarios"]["QD"] = spoil(manifest["scenarios"]["QD"])
    mirror.repos[REPO].put("manifest.json", json.dumps(manifest).encode())
    with pytest.raises(ProactiveBenchError, match=r"manifest\.json"):
        get(mirror, tmp_path, "qd")
    assert not (tmp_path / SAMPLES).exists()


@pytest.mark.parametrize("place", [b"test/../../aaa/", b"test/coco2014x/", b"data/QuickDraw/"])
def test_a_table_that_lists_files_of_others_is_refused(mirror: LocalHub, tmp_path: Path, place: bytes) -> None:
    table = mirror.repos[REPO].files["manifest/QuickDraw.jsonl"].data
    mirror.repos[REPO].put("manifest/QuickDraw.jsonl", table.replace(b"test/QuickDraw/", place, 1))
    with pytest.raises(HubError, match=r"does not hold what its manifest\.json lists"):
        get(mirror, tmp_path, "qd")
    assert not (tmp_path / SAMPLES).exists()


def test_a_manifest_of_another_time_is_refused(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.repos[REPO].put("manifest.json", b'{"format": 99}')
    with pytest.raises(HubError, match=r"manifest\.json cannot be read by this version"):
        get(mirror, tmp_path, "qd")


def test_files_elsewhere_in_the_repository_are_never_taken(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.repos[REPO].put("data/train-/../../../escaped.parquet", b"rows")
    mirror.repos[REPO].put("test/secrets.zip", b"PK")
    get(mirror, tmp_path / "deep" / "down", "qd", "train")
    assert not list(tmp_path.rglob("escaped.parquet"))
    assert "test/secrets.zip" not in downloads(mirror)


def test_a_repository_without_a_benchmark(mirror: LocalHub, tmp_path: Path) -> None:
    mirror.repos["ann/other"] = Repo("ann/other")
    mirror.repos["ann/other"].commit("photos", {"cat.jpg": Blob(b"", large=False)})
    with pytest.raises(HubError, match="is not a benchmark"):
        get(mirror, tmp_path, repo="ann/other")


def test_what_was_not_pulled_is_not_replaced(mirror: LocalHub, tmp_path: Path) -> None:
    built = build_small(tmp_path / "built")
    before = content(built)
    for part in ("qd", "coco"):
        with pytest.raises(UsageError, match="was not pulled"):
            get(mirror, built, part)
    assert content(built) == before
    get(mirror, tmp_path / "out", "qd")
    with pytest.raises(UsageError, match="pulled from ann/small"):
        get(mirror, tmp_path / "out", repo="ann/original")
    build_examples(tmp_path / "out", "COCO")
    with pytest.raises(UsageError, match=r"coco2014_preprocessed\.jsonl is there, but was not pulled"):
        get(mirror, tmp_path / "out", "coco")
    (tmp_path / "out" / "pulled.json").write_text("[]")
    with pytest.raises(UsageError, match="is not a record of a pull"):
        get(mirror, tmp_path / "out", "qd")
