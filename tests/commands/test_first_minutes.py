"""What a newcomer mistypes, or points the wrong way, ends in a sentence and leaves no trace."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from tests.support.small_benchmark import DRAWINGS, build_small


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["build", "quickdrow", "--raw", DRAWINGS, "--out", "x"],
            "no scenario 'quickdrow'. Did you mean QD (QuickDraw)?",
        ),
        (["build", "mvp", "--raw", DRAWINGS, "--out", "x"], "Did you mean MVP-N (MVP-N)"),
        (["build", "zzz", "--raw", DRAWINGS, "--out", "x"], "COCO (coco2014), and those of --plugin."),
        (["evaluate", "--model", "scripted:orakle", "--data", "data", "--out", "x"], "Did you mean oracle?"),
        (["build", "train", "--raw", DRAWINGS, "--out", "x"], "To do without them: --coco 0."),
    ],
)
def test_a_mistake_ends_with_what_was_probably_meant(
    arguments: list[object], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if "evaluate" in arguments:
        build_small(tmp_path / "data")
    result = call(*arguments)
    assert result.exit_code in (1, 2)
    assert said in result.stderr


def test_a_folder_of_something_else_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    data = build_small(tmp_path / "data")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").touch()
    for arguments in (
        ["build", "quickdraw", "--raw", DRAWINGS],
        ["build", "train", "--raw", DRAWINGS, "--coco", 0, "--quickdraw", 20],
        ["evaluate", "--model", "scripted:random", "--data", data],
    ):
        result = call(*arguments, "--out", tmp_path / "mine")
        assert result.exit_code == 2
        assert "mine holds thesis.txt but no " in result.stderr
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_benchmark_without_samples_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "QuickDraw_preprocessed.jsonl").touch()
    result = call("check", tmp_path)
    assert result.exit_code == 1
    assert "QuickDraw_preprocessed.jsonl: there is no sample in it" in result.output


def test_sources_name_the_scenario_that_is_made_from_them() -> None:
    lines = [line.split() for line in call("sources").output.splitlines()]
    assert {line[0]: line[1] for line in lines if line[0] in ("mvpn", "imagenet-c")} == {
        "mvpn": "MVP-N",
        "imagenet-c": "IN-C",
    }
