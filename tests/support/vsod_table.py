"""The table of VSOD as a person fills it in, for made-up videos."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from builders.vsod_labels import JUDGEMENT, PLACE

ROWS = (
    ("test/video_000", "12", "2", "people", "", "2", "", "yes"),
    ("test/video_000", "12", "2", "speaker", "Who has the microphone?", "Red shirt", "Blue shirt|Nobody", "yes"),
    ("test/video_001", "12", "2", "people", "", "3", "4|5|6|7", "TRUE"),
    ("test/video_001", "11", "2", "speaker", "", "Green shirt", "", "1"),
    ("test/video_002", "12", "2", "people", "", "4", "", "no"),
    ("test/video_002", "12", "2", "speaker", "", "Yellow shirt", "", "yes"),
    ("test/video_002", "12", "23", "event", "", "Interview", "Race | Concert | Wedding", "yes"),
    ("test/video_003", "12", "2", "people", "", "five", "", "yes"),
    ("test/video_003", "12", "2", "speaker", "", "Purple shirt", "", "yes"),
    ("test/video_003", "10", "3", "", "", "", "", ""),
)  # fmt: skip


def write_labels(path: Path, rows: Sequence[Sequence[str]] = ROWS, encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file).writerows([PLACE + JUDGEMENT, *rows])
    return path
