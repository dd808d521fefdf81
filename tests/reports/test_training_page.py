"""The page of a training: what its log says, finished or going on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.reports.trainings import Training, TrainingSite, make_plots


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A training that has come to its second step."""
    out = tmp_path / "trained"
    out.mkdir()
    (out / "train.json").write_text(json.dumps({"settings": {"model": "<tiny>", "seed": 0}}))
    held_out: dict[str, object] = {"acc": 0.25, "psr": 0.5, "when": None, "answers": {}}
    lines = [
        {"step": 0, "held_out": held_out},
        {"step": 1, "reward": 0.1, "valid_suggestion": 0.2, "right_category": 0.0},
        {"step": 2, "reward": 0.7, "valid_suggestion": 0.4, "right_category": 0.5},
        {"step": 2, "held_out": held_out | {"acc": 0.75, "when": 0.31}},
    ]
    (out / "train_log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 3, "rew')
    return out


def test_a_report_takes_a_training(folder: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["report", str(folder), "--out", str(tmp_path / "page")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    page = (tmp_path / "page" / "index.html").read_text()
    assert "&lt;tiny&gt;" in page and "<tiny>" not in page
    assert page.count("data:image/svg+xml") == 6  # three plots, for light and dark
    assert "2 steps so far" in page and ">75.0<" in page and ">0.31<" in page
    assert sorted(path.name for path in (tmp_path / "page" / "plots").glob("*.png")) == [
        *("answers.png", "held_out.png", "reward.png")
    ]


@pytest.mark.parametrize("text", ["{}", "[1]", '{"settings": {"model": ' + "[" * 100_000])
def test_what_describes_no_training_is_refused(folder: Path, tmp_path: Path, text: str) -> None:
    (folder / "train.json").write_text(text)
    result = CliRunner().invoke(main, ["report", str(folder), "--out", str(tmp_path / "page")])
    assert (result.exit_code, "is not a training" in result.output) == (2, True), result.output


def test_a_training_is_shown_alone(folder: Path, tmp_path: Path) -> None:
    arguments = ["report", str(folder), str(folder), "--out", str(tmp_path / "page")]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 2 and "is a training, which has a page to itself" in result.output


def test_the_page_follows_a_training(folder: Path) -> None:
    site = TrainingSite(folder)
    before = site.get("version").body
    assert b"2 steps so far" in site.get("").body and b"data-live" in site.get("").body
    with (folder / "train_log.jsonl").open("a") as log:
        log.write('ard": 0.9}\n')
    assert site.get("version").body != before
    assert b"3 steps so far" in site.get("").body


def test_a_training_that_has_just_begun_has_a_page_without_plots(folder: Path) -> None:
    (folder / "train_log.jsonl").unlink()
    page = TrainingSite(folder).get("").body
    assert b"The first step has not ended yet" in page and b"<img" not in page


def test_the_line_is_the_mean_of_the_last_steps(folder: Path) -> None:
    from proactivebench.reports.plot_style import LIGHT

    figure = make_plots(Training.load(folder))[0].draw(LIGHT)
    assert figure is not None
    _, line = figure.axes[0].get_lines()
    assert list(line.get_ydata()) == pytest.approx([0.1, 0.4])  # type: ignore[arg-type]


def test_both_rooms_name_the_same_files() -> None:
    pytest.importorskip("trl")
    from proactivebench.reports import trainings
    from proactivebench.training import folder

    assert (trainings.DESCRIPTION, trainings.LOG) == (folder.DESCRIPTION, folder.LOG)
