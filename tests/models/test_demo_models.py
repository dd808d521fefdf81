"""`demo:` models: what comes with the toolkit loads, plays, and shows what it is there to show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")
pytest.importorskip("torch")

from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from commands.demo import playable
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.models.demo import DEMO
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.scenarios import QD
from raw_sources.quickdraw import QuickDraw
from tests.support.processes import ROOT


@pytest.fixture(scope="module")
def scores(bundled_quickdraw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The scores of both models on the bundled drawings, on which neither was trained."""
    folder = tmp_path_factory.mktemp("demo_models")
    build(QuickDrawBuilder(QuickDraw.locate(bundled_quickdraw)), folder / "data")
    data = Benchmark.open(folder / "data")
    runs = {name.partition(":")[2]: load_model(name, ModelOptions()) for name in DEMO}
    return {
        name: engine.evaluate(data, [QD], model, Settings(), folder / name)["scenarios"][QD.name]
        for name, model in runs.items()
    }


def test_the_guesser_guesses_above_chance(scores: dict[str, dict[str, Any]]) -> None:
    assert scores["guesser"]["acc"] > 0.35
    assert scores["guesser"]["answers"]["category"] > 0.75


def test_the_asker_asks_and_is_right_more_often(scores: dict[str, dict[str, Any]]) -> None:
    guesser, asker = scores["guesser"], scores["asker"]
    assert asker["psr"] > 2 * guesser["psr"]
    assert asker["acc"] > guesser["acc"] + 0.05
    assert asker["answers"]["suggestion"] < 0.8  # it does not ask without end


def test_readme_has_their_scores(scores: dict[str, dict[str, Any]]) -> None:
    lines = (line.split() for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("demo:"))
    told = {words[0].partition(":")[2]: (float(words[6]), float(words[8])) for words in lines}
    for name, (acc, psr) in told.items():  # machines round differently, which may turn an answer or two
        assert scores[name]["acc"] * 100 == pytest.approx(acc, abs=1.5)
        assert scores[name]["psr"] == pytest.approx(psr, abs=0.1)
    assert told.keys() == scores.keys()


def test_the_demo_plays_them() -> None:
    assert playable().keys() >= DEMO.keys()


def test_a_run_names_the_model_and_not_its_place() -> None:
    identity = load_model("demo:asker", ModelOptions()).identity()
    assert identity["model"] == "demo:asker"
    assert str(DEMO["demo:asker"]) not in str(identity)
    assert identity != {**load_model("demo:guesser", ModelOptions()).identity(), "model": "demo:asker"}


def test_an_unknown_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="There are: demo:guesser, demo:asker"):
        load_model("demo:nobody", ModelOptions())
    with pytest.raises(UsageError, match="Did you mean demo:asker"):
        load_model("demo:askr", ModelOptions())


@pytest.mark.parametrize("name", DEMO)
def test_the_weights_are_small_and_safe(name: str) -> None:
    files = {path.suffix: path.stat().st_size for path in DEMO[name].iterdir()}
    assert ".safetensors" in files
    assert sum(files.values()) < 4_000_000
    assert not files.keys() & {".bin", ".pt", ".pkl"}
