"""`new-scenario`: what it writes passes its own test at once, and nothing is overwritten."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from tests.support.processes import ROOT, run


def test_what_it_writes_passes_its_own_test(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["new-scenario", "big_lamp", "--out", str(tmp_path / "own")])
    assert done.exit_code == 0, done.output
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
    test = run([sys.executable, "-m", "pytest", "-q"], cwd=tmp_path / "own", variables={"PYTHONPATH": str(ROOT)})
    assert (test.returncode, "1 passed" in test.stdout) == (0, True), test.stdout + test.stderr


def test_what_it_writes_is_tidy(tmp_path: Path) -> None:
    assert CliRunner().invoke(main, ["new-scenario", "big_lamp", "--out", str(tmp_path / "own")]).exit_code == 0
    ruff, config = Path(sys.executable).with_name("ruff"), ROOT / "pyproject.toml"
    for command in ("format --check", "check --ignore I001,D103"):
        done = run([ruff, *command.split(), "--no-cache", "--config", config, tmp_path / "own"])
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Lamp", "lower-case letters"),
        ("1lamp", "lower-case letters"),
        ("../lamp", "lower-case letters"),
        ("class", "lower-case letters"),
        ("json", "Python module already"),
        ("builders", "Python module already"),
        ("coco", "a scenario 'coco' already"),
        ("quick_draw", "a scenario 'quick_draw' already"),
        ("train", "a scenario 'train' already"),
    ],
)
def test_names_that_cannot_be_are_refused(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["new-scenario", name])
    assert (done.exit_code, said in done.output) == (2, True), done.output
    assert not list(tmp_path.iterdir())


def test_what_is_there_stays(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["new-scenario", "big_lamp", "--out", str(tmp_path)])
    assert (done.exit_code, "is there already" in done.output) == (2, True)
