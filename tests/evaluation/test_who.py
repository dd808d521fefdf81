"""Whose score it is: a model with an adapter, of another revision or of fewer bits is another model everywhere."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.who import called, weights
from proactivebench.harnesses.every_eval_ever import export_run
from proactivebench.models.scripted import ScriptedModel
from proactivebench.reports.asking import find_asking
from proactivebench.reports.episode_album import EpisodeAlbum
from proactivebench.reports.page import runs_page
from proactivebench.reports.planes import against_reference
from proactivebench.reports.plot_style import PAPER
from proactivebench.reports.runs import load_runs
from tests.support.small_runs import play

BASE = {"model": "org/model", "revision": "abc", "dtype": "bfloat16"}
OTHERS: Mapping[str, Mapping[str, str]] = {
    "org/model with out": {**BASE, "adapter": "out", "adapter_revision": "sha256:1"},
    "org/model, 4 bits": {**BASE, "quantization": "4 bits"},
    "org/model": {**BASE, "revision": "def"},
}


def as_of(model: Mapping[str, str], run: Path, out: Path) -> Path:
    """A copy of a run that says that another model has played it."""
    shutil.copytree(run, out)
    described = json.loads((out / "run.json").read_bytes())
    (out / "run.json").write_text(json.dumps(described | {"model": model}))
    return out


@pytest.fixture(scope="module")
def base(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of one model: `run`, `forced` and `reference`."""
    folder = tmp_path_factory.mktemp("base")
    as_of(BASE, small_runs / "ask", folder / "run")
    for mode in ("forced", "reference"):
        settings = Settings.model_validate({"mode": mode})
        as_of(
            BASE, play(small_runs / "data", ScriptedModel("guess"), folder / f"guess-{mode}", settings), folder / mode
        )
    return folder


def test_how_it_is_run_makes_no_other_model() -> None:
    assert weights(BASE | {"dtype": "float32", "attention": "eager"}) == weights(BASE)
    assert all(weights(other) != weights(BASE) for other in OTHERS.values())
    assert [called(other) for other in OTHERS.values()] == list(OTHERS)


@pytest.mark.parametrize("name", OTHERS)
def test_it_is_not_held_against_the_answers_of_another(name: str, small_runs: Path, base: Path, tmp_path: Path) -> None:
    other = as_of(OTHERS[name], base / "run", tmp_path / "other")
    own, forced, theirs, reference = load_runs(
        [base / "run", base / "forced", other, base / "reference"], [small_runs / "data"]
    )
    assert [one.run for one in find_asking([own, forced, theirs])] == [own]
    assert against_reference([own, reference], [own], {}, PAPER) is not None
    assert against_reference([theirs, reference], [theirs], {}, PAPER) is None
    said = [
        CliRunner().invoke(main, ["when", str(run), "--forced", str(base / "forced")]).stderr
        for run in (base / "run", other)
    ]
    assert "not a measure" not in said[0] and "this is not a measure of it" in said[1]


def test_an_adapter_stands_wherever_its_score_does(small_runs: Path, base: Path, tmp_path: Path) -> None:
    trained = as_of(OTHERS["org/model with out"], base / "run", tmp_path / "trained")
    runs = load_runs([base / "run", trained], [data := small_runs / "data"])
    assert [run.name for run in runs] == ["org/model", "org/model with out"]
    table = CliRunner().invoke(main, ["table", str(trained), "--data", str(data), "--format", "md"]).stdout
    assert "| org/model with out |" in table
    assert "org/model with out" in runs_page(EpisodeAlbum([]), runs)
    places = [export_run(run, tmp_path / "store", "Me")[0].parent.name for run in (base / "run", trained)]
    assert places == ["model", "model+out"]
