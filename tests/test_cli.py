from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from tests.small_benchmark import DRAWINGS, build_small


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("data"))


def test_build_check_evaluate(tmp_path: Path) -> None:
    data = tmp_path / "data"
    build = ("build", "quickdraw", "--raw", DRAWINGS, "--out", data, "--per-category", 2, "--categories", "cat, bus")
    assert call(*build).exit_code == 0
    assert "QD was there already: 4 samples" in call(*build).stderr
    check = call("check", data)
    assert (check.exit_code, "No problems." in check.stderr) == (0, True)
    run = call("evaluate", "--model", "scripted:oracle", "--data", data, "--out", tmp_path / "run", "--scenario", "qd")
    assert run.exit_code == 0
    assert "100.0" in run.stderr


def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    data = build_small(tmp_path / "data")
    frames = sorted((data / "test" / "QuickDraw").rglob("*.png"))
    frames[0].unlink()
    frames[1].write_bytes(frames[1].read_bytes()[:50])
    (data / "test" / "QuickDraw_preprocessed.jsonl").open("a").write("{}\n")
    result = call("check", data)
    assert result.exit_code == 1
    said = "".join(result.stderr.split())
    for expected in (
        "line7:id:Fieldrequired",
        f"{frames[0]}:thereisnosuchfile",
        f"{frames[1]}:notreadable",
        "listedinmanifest.json,butmissing",
        "differsfromwhatmanifest.jsonsays",
    ):
        assert expected.replace(" ", "") in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "sketches", "--raw", ".", "--out", "x"), "There is no scenario 'sketches'"),
        (("build", "quickdraw", "--raw", "docs", "--out", "x"), "docs"),
        (("check", "docs"), "holds no benchmark"),
        (("evaluate", "--model", "scripted:genius", "--data", "{data}", "--out", "x"), "no scripted model 'genius'"),
        (("evaluate", "--model", "scripted:ask", "--data", "{data}", "--out", "x", "--scenario", "rod"), "no ROD"),
        (("evaluate", "--model", "scripted:ask", "--data", "nowhere", "--out", "x"), "does not exist"),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_a_message_and_code_2(
    arguments: tuple[str, ...], said: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    result = call(*(str(argument).format(data=data) for argument in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_the_demo_shows_what_it_is_about(tmp_path: Path) -> None:
    result = call("demo", "--out", tmp_path / "demo")
    assert result.exit_code == 0
    for model in ("guess", "abstain", "random", "ask", "oracle"):
        assert model in result.stderr
    assert (tmp_path / "demo" / "episodes.png").stat().st_size > 10_000


def test_sources_and_fetch_say_what_to_do(tmp_path: Path) -> None:
    listed = call("sources")
    assert (listed.exit_code, "imagenet-c" in listed.stderr) == (0, True)
    found = call("sources", "--raw", DRAWINGS.parent)
    assert "quickdraw: 20 categories, 280 drawings" in found.stderr
    assert "rod: No ROD photos" in found.stderr
    steps = call("fetch", "rod", "--raw", tmp_path)
    assert (steps.exit_code, "1. " in steps.stderr) == (0, True)
    wrong = call("fetch", "rodd", "--raw", tmp_path)
    assert (wrong.exit_code, "Traceback" in wrong.stderr) == (2, False)
