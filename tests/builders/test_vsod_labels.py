"""VSOD: the table that a person fills in is read, and every bad row is named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.vsod_labels import JUDGEMENT, PLACE, VsodLabel, read_labels
from proactivebench.errors import UsageError
from tests.support.vsod_table import ROWS, write_labels


class TestLabels:
    def test_rows_that_are_filled_in_are_read(self, labels: list[VsodLabel]) -> None:
        assert len(labels) == len(ROWS) - 1
        assert labels[1].wrong_answers == ("Blue shirt", "Nobody")
        assert labels[6].wrong_answers == ("Race", "Concert", "Wedding")
        assert [label.strong_occlusions for label in labels[2:5]] == [True, True, False]
        assert labels[0].where.endswith("labels.csv, line 2")

    def test_every_bad_row_is_named_with_line_and_column(self, tmp_path: Path) -> None:
        rows = [list(row) for row in ROWS]
        rows[0][0] = "video_000"
        rows[1][1] = "twelve"
        rows[2][2] = "-1"
        rows[3][3] = "who"
        rows[4][5] = " "
        rows[5][7] = "perhaps"
        with pytest.raises(UsageError) as error:
            read_labels(write_labels(tmp_path / "labels.csv", rows))
        said = str(error.value).splitlines()
        for line, (column, found) in enumerate(
            [
                ("video", "'video_000'"),
                ("first_image", "'twelve'"),
                ("reference_image", "'-1'"),
                ("kind", "'who'"),
                ("answer", "' '"),
                ("strong_occlusions", "'perhaps'"),
            ],
            start=2,
        ):
            [message] = [text for text in said if f"labels.csv, line {line}, {column}: expected " in text]
            assert message.endswith(f"found {found}")

    def test_a_text_with_commas_needs_quotes(self, tmp_path: Path) -> None:
        path = write_labels(tmp_path / "labels.csv", ROWS)
        head, first, *others = path.read_text().splitlines()
        path.write_text("\n".join([head, f"{first},and more", *others]))
        with pytest.raises(UsageError, match=r"labels\.csv, line 2: it has more cells than the first"):
            read_labels(path)

    @pytest.mark.parametrize(
        ("answer", "wrong", "column"),
        [
            ("A dinner\nfor two", "", "answer"),
            ("rewind the video", "", "answer"),
            ("B", "", "answer"),
            ("Race", "Duel|I do not know the answer|Parade", "wrong_answers"),
        ],
    )
    def test_answers_that_cannot_be_options_are_named(
        self, tmp_path: Path, answer: str, wrong: str, column: str
    ) -> None:
        row = ("test/v", "3", "4", "event", "", answer, wrong, "yes")
        with pytest.raises(UsageError, match=rf"labels\.csv, line \d+, {column}: expected .*answer"):
            read_labels(write_labels(tmp_path / "labels.csv", [*ROWS, row]))

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (("test/v", "3", "3", "event", "", "Interview", "A ball|Race|Wedding", "yes"),
             "reference_image: it is the first image too"),
            (("test/video_000", "12", "4", "people", "", "2", "", "yes"),
             r"kind: .*labels\.csv, line 2 asks the same"),
            (("test/v", "3", "4", "event", "", "Duel", "duel|A race", "yes"),
             "wrong_answers: 'Duel.' needs 3 wrong categories that can be told apart, there are 2. Add some"),
        ],
    )  # fmt: skip
    def test_contradictions_are_named(self, tmp_path: Path, row: Sequence[str], said: str) -> None:
        with pytest.raises(UsageError, match=rf"labels\.csv, line 12, {said}"):
            read_labels(write_labels(tmp_path / "labels.csv", [*ROWS, row]))

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            (b"", "line 1: there is no column video and no column first_image"),
            (b"video;first_image\n", "separated by commas"),
            (",".join(PLACE + JUDGEMENT[1:]).encode(), "there is no column kind"),
            (b"\xff\xfe\x00", "not readable as CSV in UTF-8"),
            (",".join(PLACE + JUDGEMENT).encode() + b'\ntest/v,"1', "not readable as CSV"),
        ],
    )
    def test_a_file_that_is_no_table_is_an_error(self, tmp_path: Path, text: bytes, said: str) -> None:
        (tmp_path / "labels.csv").write_bytes(text)
        with pytest.raises(UsageError, match=said):
            read_labels(tmp_path / "labels.csv")

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match=r"labels\.csv: not readable"):
            read_labels(tmp_path / "labels.csv")

    def test_spreadsheets_put_a_mark_in_front(self, tmp_path: Path) -> None:
        plain = read_labels(write_labels(tmp_path / "labels.csv"))
        marked = read_labels(write_labels(tmp_path / "labels.csv", encoding="utf-8-sig"))
        assert marked == plain

    @given(st.binary(max_size=300))
    def test_whatever_else_stands_in_the_table_ends_in_an_error_that_names_it(
        self, tmp_path_factory: pytest.TempPathFactory, data: bytes
    ) -> None:
        path = tmp_path_factory.getbasetemp() / "labels.csv"
        path.write_bytes(",".join(PLACE + JUDGEMENT).encode() + b"\n" + data)
        with pytest.raises(UsageError, match=r"labels\.csv"):
            read_labels(path)
