"""`check`: data that the published package could not play are refused, sample by sample and row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet
from rich.progress import Progress

from proactivebench.checking import check_benchmark
from proactivebench.row_checking import check_rows
from proactivebench.scenarios.check import check_environment
from tests.support.example_samples import ENTRIES, example_sample
from tests.support.small_benchmark import build_small

WAIT, REWIND = "Wait for the object to appear.", "Rewind the video."
NOT_SURE = "I cannot tell."


@pytest.mark.parametrize("scenario", ENTRIES)
def test_examples_are_sound(scenario: str) -> None:
    assert check_environment(example_sample(scenario)) == []


@pytest.mark.parametrize(
    ("scenario", "changes", "complaint"),
    [
        ("CIT", {"options": ["Please rewind the video.", WAIT, NOT_SURE]}, "must be 'Rewind the video.'"),
        ("CIT", {"options": ["REWIND THE VIDEO.", WAIT, NOT_SURE]}, "must be 'Rewind the video.'"),
        ("CIT", {"options": [REWIND, "Please wait for the end.", NOT_SURE]}, "must hold 'Wait for the'"),
        ("CIT", {"options": [WAIT, NOT_SURE]}, "exactly one must be 'Rewind the video.'"),
        ("CIT", {"options": [REWIND, WAIT, "Wait for the end.", NOT_SURE]}, "exactly one must hold 'Wait for the'"),
        ("CIT", {"step_size": 30}, "neither rewinding nor waiting"),
        ("CIT", {"first_image": 3, "num_images": 2}, "frame 3, which is outside"),
        ("COCO", {"direction": "zoom", "options": ["Move farther away.", NOT_SURE]}, "'Move farther from the object.'"),
        ("COCO", {"direction": "up", "options": ["Move up.", NOT_SURE]}, "must be 'Move the camera up.'"),
        ("COCO", {"direction": "left"}, "the direction left must be 'Move the camera to the left.'"),
        (
            "COCO",
            {
                "direction": "zoom",
                "options": ["Move farther from the object.", NOT_SURE],
                "vertical_step": 27.271,
                "granularity": 5,
            },
            "use whole pixels",
        ),
        ("QD", {"options": ["Add more details to the drawing.", NOT_SURE]}, "by one keyword"),
        ("QD", {"first_image": 1}, "frame 4, which is outside"),
        ("IN-C", {"first_image": 9}, "frame 9, which is outside"),
        ("ROD", {"image_template": "ROD/{x}-s{image}.jpg"}, "no braces"),
        ("VSOD", {"categories": ["Banana.", "Plan B.", "iPhone 4S.", "Cat."]}, "reads like another one"),
        ("VSOD", {"categories": ["Banana.", "B.", "Cat."]}, "'B.' reads like another one or an empty answer"),
    ],
)
def test_what_the_published_package_fails_on_is_refused(scenario: str, changes: dict[str, Any], complaint: str) -> None:
    assert complaint in "\n".join(check_environment(example_sample(scenario, **changes)))


def test_several_keywords_of_a_rotation_are_fine() -> None:
    options = ["Rotate it to show a different view.", NOT_SURE]
    assert check_environment(example_sample("MVP-N", options=options)) == []


def row(folder: str, **changes: Any) -> dict[str, Any]:
    said = ["Move farther from the object."] if folder == "coco2014" else ["Make the sketch clearer."]
    content = {
        "ground_truth": "Cat.",
        "proactive_actions": said,
        "options": [*said, NOT_SURE, "Cat.", "Dog.", "Cup.", "Bed."],
        "images": [{"bytes": b"", "path": f"{folder}/a.jpg"}],
    }
    return content | changes


def write(folder: Path, rows: list[dict[str, Any]]) -> Path:
    (folder / "data").mkdir()
    parquet.write_table(pa.Table.from_pylist(rows), folder / "data" / "train-00000-of-00001.parquet")
    return folder


def test_sound_rows(tmp_path: Path) -> None:
    assert list(check_rows(write(tmp_path, [row("coco2014"), row("QuickDraw")] * 200))) == []


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (
            row("coco2014", proactive_actions=["Move farther away."], options=["Move farther away.", "Cat.", "Dog."]),
            "proactive_actions: 'Move farther away.' must be 'Move farther from the object.', letter by letter",
        ),
        (row("QuickDraw", ground_truth="Cow."), "ground_truth: 'Cow.' is not one of the options"),
        (row("QuickDraw", proactive_actions=["Rotate."]), "proactive_actions: 'Rotate.' is not one of the options"),
        (row("QuickDraw", options=["Make the sketch clearer.", "Cat.", "C at."]), "'C at.' reads like another one"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, bad: dict[str, Any], complaint: str) -> None:
    found = list(check_rows(write(tmp_path, [row("QuickDraw"), bad])))
    assert any(text.startswith("train-00000-of-00001.parquet, row 1: ") and complaint in text for text in found)


def test_files_that_cannot_be_rows_are_named(tmp_path: Path) -> None:
    write(tmp_path, [{"options": ["Cat."]}])
    (tmp_path / "data" / "train-00001-of-00002.parquet").write_bytes(b"no Parquet")
    missing, unreadable = check_rows(tmp_path)
    assert missing == "train-00000-of-00001.parquet: there is no column ground_truth"
    assert unreadable.startswith("train-00001-of-00002.parquet: not readable as Parquet")


def test_a_misnamed_sample_file_is_named(tmp_path: Path) -> None:
    data = build_small(tmp_path / "data")
    samples = data / "test" / "QuickDraw_preprocessed.jsonl"
    (data / "test" / "quickdraw_preprocessed.jsonl").write_bytes(samples.read_bytes())
    (data / "test" / "mine_preprocessed.jsonl").write_bytes(samples.read_bytes())
    with Progress(disable=True) as progress:
        problems = check_benchmark(data, progress).problems
    assert [problem.partition(":")[0] for problem in problems] == ["mine_preprocessed.jsonl", samples.name.lower()]
    assert "Is it meant to be QuickDraw_preprocessed.jsonl?" in problems[1]
    assert "meant" not in problems[0]
