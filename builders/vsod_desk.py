"""The labels of VSOD at work: one row after the other, with every frame of its video, kept in the table as they grow.

The table is the CSV file of `vsod_proposals`, and stays that: in a spreadsheet it has the same columns. It is read anew
whenever it is shown or written, so that what was changed in a spreadsheet meanwhile stays. A row is written as soon as
it is sent, complete or not; what is still wrong with it is told beside it. A second person labels a copy of the table,
and where both have filled in a row they are told how far they agree.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

from pydantic import ValidationError

from builders.pictures import encode_jpeg, read_picture
from builders.vsod_labels import EXPECTED, JUDGEMENT, PLACE, QUESTIONS, TOO_MANY_CELLS, VsodLabel
from proactivebench.desk import Desk
from proactivebench.errors import UsageError
from proactivebench.work.files import write_whole
from raw_sources.base import Problem
from raw_sources.vsod import Vsod, VsodRecord

LONG_EDGE = 960
"""Pixels of the long edge of a frame as it is shown."""

FILLED_IN = (*PLACE[1:], *JUDGEMENT)
"""Columns that a person may change."""


class VsodDesk(Desk):
    """A table at work.

    Args:
        source: The videos.
        table: The CSV file.
        beside: The table of a second person, made of the same proposals.

    Raises:
        UsageError: A table cannot be read, or the second is one of other videos.
    """

    def __init__(self, source: Vsod, table: Path, beside: Path | None = None):
        self._source = source
        self._table = table
        self._columns, self._rows = _read(table)
        self._beside = [] if beside is None else _read(beside)[1]
        if beside is not None and [row["video"] for row in self._beside] != [row["video"] for row in self._rows]:
            raise UsageError(f"{beside} has other videos than {table}: two people label copies of the same table.")
        self._lock = Lock()
        self._record = lru_cache(maxsize=4)(self._read_record)

    def describe(self) -> dict[str, Any]:
        """Everything but the frames; see `Desk`.

        A row has `video`, the columns that a person fills in, its number of `frames`, the share that is `covered` of
        each, and `wrong`: what is still to be mended, by column. It has `beside` once both have filled it in.
        """
        with self._lock:
            self._columns, self._rows = _read(self._table)
            return {
                "rows": [self._described(number) for number in range(len(self._rows))],
                "questions": {kind: pool[0] for kind, pool in QUESTIONS.items()},
                "agreement": agreement(self._rows, self._beside),
            }

    def _described(self, number: int) -> dict[str, Any]:
        row = self._rows[number]
        record = self._record(row["video"])
        covered = [round(frame.covered, 3) for frame in record.frames] if record else []
        other = self._beside[number] if self._beside and _complete(row) and _complete(self._beside[number]) else None
        return {
            **{name: row[name] for name in ("video", *FILLED_IN)},
            "frames": len(covered),
            "covered": covered,
            "wrong": _wrong(row, len(covered)),
            "beside": other and {name: other[name] for name in FILLED_IN},
        }

    def frame(self, row: int, number: int) -> bytes | None:
        record = self._record(self._rows[row]["video"]) if 0 <= row < len(self._rows) else None
        if record is None or not 0 <= number < len(record.frames):
            return None
        shown = read_picture(record.frames[number].picture)
        shown.thumbnail((LONG_EDGE, LONG_EDGE))
        return encode_jpeg(shown)

    def save(self, row: int, filled: Mapping[str, str]) -> dict[str, Any]:
        if not 0 <= row < len(self._rows) or set(filled) - set(FILLED_IN):
            raise ValueError("there is no such row or column")
        if not all(isinstance(value, str) and len(value) < 2000 for value in filled.values()):
            raise ValueError("expected texts")
        with self._lock:
            columns, rows = _read(self._table)
            if [one["video"] for one in rows] != [one["video"] for one in self._rows]:
                raise UsageError(f"{self._table} has other rows than this page, which must be loaded again")
            self._columns, self._rows = columns, rows
            self._rows[row].update(filled)
            table = io.StringIO(newline="")
            writer = csv.DictWriter(table, self._columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self._rows)
            write_whole(self._table, [table.getvalue().encode()])
            return {"row": self._described(row), "agreement": agreement(self._rows, self._beside)}

    def _read_record(self, video: str) -> VsodRecord | None:
        problems: list[Problem] = []
        split, _, name = video.partition("/")
        known = (split, name) in self._source.videos()
        return self._source.read_video(split, name, problems) if known else None


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, restval="", strict=True)
            rows: list[dict[str, str]] = []
            for row in reader:
                if None in row:
                    raise UsageError(f"{path}, line {reader.line_num}: {TOO_MANY_CELLS}.")
                rows.append(dict(row))
    except (OSError, UnicodeError, csv.Error) as error:
        raise UsageError(f"{path}: not readable as CSV in UTF-8 ({error}).") from error
    columns = list(reader.fieldnames or ())
    if missing := [name for name in PLACE + JUDGEMENT if name not in columns]:
        raise UsageError(f"{path}, line 1: there is no column {' and no column '.join(missing)}.")
    return columns, rows


def _begun(row: Mapping[str, str]) -> bool:
    return any(row[name].strip() for name in JUDGEMENT)


def _complete(row: Mapping[str, str]) -> bool:
    """Whether a person has said all that must be said; before, what another said would only tempt them."""
    return all(row[name].strip() for name in ("kind", "answer", "strong_occlusions"))


def _wrong(row: Mapping[str, str], frames: int) -> dict[str, str]:
    """What is still to be mended in a row, by column; nothing in one that has not been begun."""
    wrong = {} if frames else {"video": "the raw data has no such video, or it cannot be used"}
    if not _begun(row):
        return wrong
    try:
        label = VsodLabel.model_validate({**row, "where": ""})
    except ValidationError as error:
        return wrong | {str(one["loc"][0]): f"expected {EXPECTED[str(one['loc'][0])]}" for one in error.errors()}
    if label.first_image == label.reference_image:
        wrong["reference_image"] = "it is the first image too, which hides the answer"
    for name, number in (("first_image", label.first_image), ("reference_image", label.reference_image)):
        if frames and number >= frames:
            wrong[name] = f"the video's frames are 0 to {frames - 1}"
    return wrong


def agreement(one: Sequence[Mapping[str, str]], other: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
    """How far two people agree on the rows that both have filled in; None where there is no second.

    Returns:
        `rows`, and how many of these have the same `kind`, `answer` (case and the period aside) and
        `strong_occlusions`; `kappa` of the latter (Cohen, 1960), None where both always say the same one thing.
    """
    if not other:
        return None
    pairs = [(a, b) for a, b in zip(one, other, strict=True) if _complete(a) and _complete(b)]
    strong = [tuple(row["strong_occlusions"].strip().lower() for row in pair) for pair in pairs]
    return {
        "rows": len(pairs),
        "kind": sum(a["kind"].strip() == b["kind"].strip() for a, b in pairs),
        "answer": sum(_same_answer(a["answer"], b["answer"]) for a, b in pairs),
        "strong_occlusions": sum(a == b for a, b in strong),
        "kappa": cohens_kappa([a for a, _ in strong], [b for _, b in strong]),
    }


def _same_answer(one: str, other: str) -> bool:
    return one.strip().removesuffix(".").lower() == other.strip().removesuffix(".").lower()


def cohens_kappa(one: Sequence[str], other: Sequence[str]) -> float | None:
    """Agreement of two people beyond chance, at most 1; None where chance alone would make them agree."""
    if not one:
        return None
    same = sum(a == b for a, b in zip(one, other, strict=True)) / len(one)
    often, others = Counter(one), Counter(other)
    by_chance = sum(often[value] * others[value] for value in often) / len(one) ** 2
    return None if by_chance == 1 else (same - by_chance) / (1 - by_chance)
