from __future__ import annotations

import pytest

from builders.hub.rights import require_rights
from proactivebench.errors import UsageError
from proactivebench.manifest import Counts, Entry, FileEntry
from raw_sources.catalog import UnknownNameError


def entry(*licences: str) -> Entry:
    files = {
        f"test/x/{number}.jpg": FileEntry(bytes=1, sha256="0" * 64, origin="", licence=licence)
        for number, licence in enumerate(licences)
    }
    return Entry(dataset="x", settings={}, versions={}, counts=Counts(samples=1, frames=1), skipped=[], files=files)


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
def test_what_may_not_be_shared_is_refused_unless_the_rights_are_there(scenario: str, source: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf"(?s){said}.*--i-have-the-rights {source}$"):
        require_rights({scenario: entry("whatever")}, [])
    require_rights({scenario: entry("whatever")}, [source])


def test_coco_goes_by_the_licence_of_every_picture() -> None:
    free = ["Attribution License", "CC BY-SA 2.0", "No known copyright restrictions", "United States Government Work"]
    require_rights({"COCO": entry(*free), "QD": entry("CC BY 4.0")}, [])
    require_rights(
        {"train": entry("Attribution License, CC BY 4.0").model_copy(update={"sources": ["quickdraw", "coco"]})}, []
    )
    for closed in (
        "CC BY-NC 2.0",
        "CC BY 4.0, Attribution-NonCommercial License",
        "Attribution-NonCommercial License",
        "Attribution-NoDerivs License",
        "",
        "unknown",
    ):
        with pytest.raises(UsageError, match=r"1 of 5 files have a licence"):
            require_rights({"COCO": entry(closed, *free)}, [])
        require_rights({"COCO": entry(closed, *free)}, ["coco"])


def test_all_that_is_refused_is_said_at_once() -> None:
    with pytest.raises(UsageError, match="--i-have-the-rights rod --i-have-the-rights imagenet-c"):
        require_rights({"ROD": entry(), "IN-C": entry(), "CIT": entry()}, ["changeit"])


def test_rights_to_a_source_that_does_not_exist() -> None:
    with pytest.raises(UnknownNameError, match="imagenet"):
        require_rights({"QD": entry()}, ["imagnet"])


def test_generated_pictures_have_the_licence_of_what_they_are_made_from() -> None:
    with pytest.raises(UsageError, match=r"--i-have-the-rights imagenet$"):
        require_rights({"IN-C": entry("whatever").model_copy(update={"sources": ["imagenet"]})}, ["imagenet-c"])


@pytest.mark.parametrize(
    ("part", "sources"), [("train", []), ("STRANGE", []), ("STRANGE", ["nowhere"]), ("QD", ["quickdraw", "nowhere"])]
)
def test_what_nobody_knows_the_terms_of_is_refused(part: str, sources: list[str]) -> None:
    with pytest.raises(UsageError, match="cannot be published"):
        require_rights({part: entry("CC BY 4.0").model_copy(update={"sources": sources})}, ["quickdraw"])
