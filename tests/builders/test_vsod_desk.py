"""VSOD's labels at work: frames, what is kept in the table, what is still wrong, and how far two people agree."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from builders.vsod_desk import VsodDesk, agreement, cohens_kappa
from builders.vsod_labels import read_labels
from builders.vsod_proposals import propose
from proactivebench.errors import UsageError
from raw_sources import fakes
from raw_sources.vsod import Vsod
from tests.support.vsod_table import ROWS, write_labels

FILLED = {"kind": "people", "answer": "Two", "wrong_answers": "One|Three|Four", "strong_occlusions": "yes"}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Vsod:
    return Vsod.locate(fakes.make_vsod(tmp_path_factory.mktemp("vsod"), videos=2))


@pytest.fixture
def table(source: Vsod, tmp_path: Path) -> Path:
    propose(source, tmp_path / "labels.csv")
    return tmp_path / "labels.csv"


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_what_is_filled_in_is_kept_at_once_and_builds(source: Vsod, table: Path) -> None:
    before = rows_of(table)
    desk = VsodDesk(source, table)
    desk.save(0, {"kind": "people"})
    assert rows_of(table)[0]["kind"] == "people"
    saved = desk.save(0, FILLED | {"first_image": "11"})
    assert saved["row"]["wrong"] == {}
    after = rows_of(table)
    assert after[1] == before[1]
    assert after[0] == before[0] | FILLED | {"first_image": "11"}, "the other columns stay as they were"
    [label] = read_labels(table)
    assert (label.first_image, label.answer) == (11, "Two")


def test_what_was_changed_in_a_spreadsheet_meanwhile_stays(source: Vsod, table: Path) -> None:
    desk = VsodDesk(source, table)
    desk.save(0, {"kind": "people"})
    table.write_text(table.read_text().replace("people", "sleep").replace("video_001,", "video_001,7", 1))
    assert desk.save(0, {"answer": "Two"})["row"]["kind"] == "sleep"
    assert [row["kind"] for row in rows_of(table)] == ["sleep", ""]
    assert rows_of(table)[1]["first_image"].startswith("7")
    head, first, second = table.read_text().splitlines()
    table.write_text("\n".join([head, second, first]))
    with pytest.raises(UsageError, match=r"labels\.csv has other rows than this page"):
        desk.save(0, {"answer": "Three"})
    assert desk.describe()["rows"][1]["answer"] == "Two"
    assert desk.save(1, {"answer": "Three"})["row"]["answer"] == "Three"


def test_no_cell_of_a_table_is_lost(source: Vsod, table: Path) -> None:
    head, first, *others = table.read_text().splitlines()
    table.write_text("\n".join([head, f"{first},left over", *others]))
    with pytest.raises(UsageError, match=r"labels\.csv, line 2: it has more cells than the first line"):
        VsodDesk(source, table)


def test_what_is_missing_is_told_by_column(source: Vsod, table: Path) -> None:
    desk = VsodDesk(source, table)
    assert all(row["wrong"] == {} for row in desk.describe()["rows"]), "a row that nobody has begun is not wrong"
    wrong = desk.save(0, {"kind": "people"})["row"]["wrong"]
    assert set(wrong) == {"answer", "strong_occlusions"}
    wrong = desk.save(0, FILLED | {"first_image": "99"})["row"]["wrong"]
    assert wrong == {"first_image": "the video's frames are 0 to 23"}


def test_every_frame_can_be_seen_and_no_other(source: Vsod, table: Path) -> None:
    desk = VsodDesk(source, table)
    [first, *_] = desk.describe()["rows"]
    assert first["frames"] == len(first["covered"]) == 24
    assert max(first["covered"]) > 0
    with Image.open(io.BytesIO(desk.frame(0, 23) or b"")) as shown:
        assert shown.format == "JPEG"
    assert [desk.frame(0, 24), desk.frame(99, 0), desk.frame(-1, 0)] == [None] * 3


@pytest.mark.parametrize(("row", "filled"), [(99, {}), (-1, {}), (0, {"video": "test/x"}), (0, {"answer": "x" * 5000})])
def test_only_what_a_person_fills_in_is_taken(source: Vsod, table: Path, row: int, filled: dict[str, str]) -> None:
    before = table.read_bytes()
    with pytest.raises(ValueError, match=r"there is no such|expected texts"):
        VsodDesk(source, table).save(row, filled)
    assert table.read_bytes() == before


def test_a_second_persons_row_is_shown_when_both_have_filled_it_in(source: Vsod, table: Path, tmp_path: Path) -> None:
    other = Path(shutil.copy(table, tmp_path / "other.csv"))
    VsodDesk(source, other).save(0, FILLED | {"answer": "two.", "strong_occlusions": "no"})
    desk = VsodDesk(source, table, other)
    assert desk.describe()["rows"][0]["beside"] is None
    saved = desk.save(0, FILLED)
    assert saved["row"]["beside"]["answer"] == "two."
    assert saved["agreement"] == {"rows": 1, "kind": 1, "answer": 1, "strong_occlusions": 0, "kappa": 0.0}
    with pytest.raises(UsageError, match="other videos"):
        VsodDesk(source, table, write_labels(tmp_path / "strange.csv", ROWS))


def test_kappa_is_cohens() -> None:
    # Table 1 of a textbook example: 20 and 15 agreements of 50, 5 and 10 disagreements; kappa = 0.4.
    one = ["yes"] * 25 + ["no"] * 25
    other = ["yes"] * 20 + ["no"] * 5 + ["yes"] * 10 + ["no"] * 15
    assert cohens_kappa(one, other) == pytest.approx(0.4)
    assert cohens_kappa(["yes"], ["yes"]) is None
    assert agreement([], []) is None
