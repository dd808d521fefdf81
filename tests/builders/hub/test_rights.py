from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.hub.rights import require_rights
from proactivebench.errors import UsageError
from proactivebench.layout import table_path
from proactivebench.manifest import Counts, Entry, FileEntry
from proactivebench.record_table import RecordEntry, StoredFile, table_lines
from proactivebench.work.files import write_whole
from raw_sources.catalog import UnknownNameError


@pytest.fixture
def entry(tmp_path: Path) -> Callable[..., Entry]:
    """Makes an entry whose records have some licences, one file each."""

    def make(*licences: str, **changed: Any) -> Entry:
        stored = [StoredFile(f"test/x/{number}.jpg", "0" * 64, 1) for number in range(len(licences))]
        entries = [
            RecordEntry(number=file.bytes, key=file.path, licence=licence, files=(file,))
            for file, licence in zip(stored, licences, strict=True)
        ]
        dataset = f"x{len(list(tmp_path.rglob('*')))}"
        write_whole(tmp_path / table_path(dataset), table_lines(entries))
        files = {table_path(dataset): FileEntry(bytes=0, sha256="0" * 64)}
        counts = Counts(samples=1, frames=1)
        said: dict[str, Any] = {
            "settings": {},
            "versions": {},
            "counts": counts,
            "left_out": {},
            "files": files,
        } | changed
        return Entry(dataset=dataset, **said)

    return make


@pytest.mark.parametrize(
    ("scenario", "source", "said"),
    [
        ("ROD", "rod", "does not allow redistributing its pictures"),
        ("VSOD", "vsod", "does not allow redistributing its pictures"),
        ("MVP-N", "mvpn", "does not allow redistributing its pictures"),
        ("IN-C", "imagenet-c", "forbids redistributing its pictures"),
        ("CIT", "changeit", "forbids redistributing its pictures"),
    ],
)
def test_what_may_not_be_shared_is_refused_unless_the_rights_are_there(
    scenario: str, source: str, said: str, entry: Callable[..., Entry], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=rf"(?s){said}.*--i-have-the-rights {source}$"):
        require_rights(tmp_path, {scenario: entry("whatever")}, [])
    require_rights(tmp_path, {scenario: entry("whatever")}, [source])


def test_coco_goes_by_the_licence_of_every_picture(entry: Callable[..., Entry], tmp_path: Path) -> None:
    free = ["Attribution License", "CC BY-SA 2.0", "No known copyright restrictions", "United States Government Work"]
    require_rights(tmp_path, {"COCO": entry(*free), "QD": entry("CC BY 4.0")}, [])
    require_rights(tmp_path, {"train": entry("Attribution License, CC BY 4.0", sources=["quickdraw", "coco"])}, [])
    for closed in (
        "CC BY-NC 2.0",
        "CC BY 4.0, Attribution-NonCommercial License",
        "Attribution-NonCommercial License",
        "Attribution-NoDerivs License",
        "",
        "unknown",
    ):
        with pytest.raises(UsageError, match=r"1 of 5 files have a licence"):
            require_rights(tmp_path, {"COCO": entry(closed, *free)}, [])
        require_rights(tmp_path, {"COCO": entry(closed, *free)}, ["coco"])


def test_all_that_is_refused_is_said_at_once(entry: Callable[..., Entry], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--i-have-the-rights rod --i-have-the-rights imagenet-c"):
        require_rights(tmp_path, {"ROD": entry(), "IN-C": entry(), "CIT": entry()}, ["changeit"])


def test_rights_to_a_source_that_does_not_exist(entry: Callable[..., Entry], tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="imagenet"):
        require_rights(tmp_path, {"QD": entry()}, ["imagnet"])


def test_generated_pictures_have_the_licence_of_what_they_are_made_from(
    entry: Callable[..., Entry], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"--i-have-the-rights imagenet$"):
        require_rights(tmp_path, {"IN-C": entry("whatever", sources=["imagenet"])}, ["imagenet-c"])


@pytest.mark.parametrize(
    ("part", "sources"), [("train", []), ("STRANGE", []), ("STRANGE", ["nowhere"]), ("QD", ["quickdraw", "nowhere"])]
)
def test_what_nobody_knows_the_terms_of_is_refused(
    part: str, sources: list[str], entry: Callable[..., Entry], tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="cannot be published"):
        require_rights(tmp_path, {part: entry("CC BY 4.0", sources=sources)}, ["quickdraw"])
