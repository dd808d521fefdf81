"""The two examples, with every command: none of our files knows them, `--plugin` alone brings them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from click.testing import CliRunner
from dark.builder import DarkBuilder
from dark.fake import make_photos
from dark.scenario import DARK, DarkAction
from pyarrow import parquet
from zoom_text.builder import ZoomBuilder
from zoom_text.fake import make_notes
from zoom_text.scenario import ZOOM, ZoomAction

from builders.base import Builder
from cli import main
from proactivebench.benchmark import Benchmark
from proactivebench.reports.sample_album import SampleAlbum
from proactivebench.scenarios import SCENARIOS, Sample, Scenario, make_environment
from proactivebench.testing import conform
from proactivebench.training.rewards import SingleTurn
from raw_sources.plugins import using
from tests.support.hub_store import LocalHub
from tests.support.local_hub import serve
from tests.support.processes import ROOT, begun, finished, wait_until

TOKEN = "hf_annsOwnSecret"


class Built(NamedTuple):
    """An example and the folder in which its raw data and its benchmark lie."""

    scenario: Scenario
    source: str
    plugin: Path
    folder: Path

    def words(self, *arguments: object) -> list[str]:
        return [*map(str, arguments), "--plugin", str(self.plugin)]

    def call(self, *arguments: object) -> str:
        done = CliRunner().invoke(main, self.words(*arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    @property
    def data(self) -> Path:
        return self.folder / "data"


MAKERS: dict[str, tuple[Scenario, str, Callable[[Path], Path]]] = {
    "dark": (DARK, "photos", make_photos),
    "zoom_text": (ZOOM, "notes", make_notes),
}


@pytest.fixture(scope="module", params=MAKERS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    scenario, source, make = MAKERS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    example = Built(scenario, source, ROOT / "examples" / request.param / request.param, folder)
    make(folder / "raw")
    built = example.call("build", scenario.name.lower(), "--raw", folder / "raw", "--out", folder / "data")
    assert f"{scenario.name} built" in built
    return example


def test_nothing_of_ours_knows_them(built: Built) -> None:
    assert built.scenario.name not in SCENARIOS
    refused = CliRunner().invoke(main, ["build", built.scenario.name, "--raw", str(built.folder), "--out", "x"])
    assert (refused.exit_code, "There is no scenario" in refused.output) == (2, True)


def test_dark_conforms(tmp_path: Path) -> None:
    conform(DarkBuilder.from_options(make_photos(tmp_path / "raw"), {"seed": 0}), tmp_path / "work")


def test_zoom_conforms(tmp_path: Path) -> None:
    conform(ZoomBuilder.from_options(make_notes(tmp_path / "raw"), {"seed": 0}), tmp_path / "work")


def test_sources_check_stats(built: Built) -> None:
    assert built.source in built.call("sources")
    found = {"photos": "6 categories, 12 photographs", "notes": "8 pages"}[built.source]
    assert f"{built.source}: {found}" in built.call("sources", "--raw", built.folder / "raw")
    assert "1." in built.call("fetch", built.source, "--raw", built.folder / "raw")
    assert "No problems." in built.call("check", built.data)
    assert built.scenario.name in built.call("stats", built.data)


def test_evaluate_compare_report(built: Built, unprinted_plots: None, tmp_path: Path) -> None:
    for name in ("oracle", "random"):
        built.call("evaluate", "--model", f"scripted:{name}", "--data", built.data, "--out", tmp_path / name)
    scores = json.loads((tmp_path / "oracle" / "metrics.json").read_bytes())["scenarios"][built.scenario.name]
    assert scores["acc"] == 1
    assert scores.get("cost") == (3 if built.scenario is DARK else None)
    has_costs = built.scenario is DARK
    assert ("cost" in built.call("compare", tmp_path / "random", tmp_path / "oracle").split()) == has_costs
    built.call("report", tmp_path / "random", tmp_path / "oracle", "--out", tmp_path / "report", "--compare", "paper")
    page = (tmp_path / "report" / "index.html").read_text()
    assert ('data-label="cost"' in page, "<b>Cost</b>" in page) == (has_costs, has_costs)
    for table in ("scores.md", "scores.tex", "scores.csv", "scores.json"):
        assert ("cost" in (tmp_path / "report" / "tables" / table).read_text()) == has_costs
    noticed = "that did not help" in "".join(path.read_text() for path in (tmp_path / "report" / "data").iterdir())
    assert noticed != has_costs


def test_look_says_what_did_not_help(built: Built) -> None:
    with using([built.plugin]):
        samples = SampleAlbum(Benchmark.open(built.data)).entries(0, 0, 1)
    effects = [effect for turn in samples[0]["turns"] for effect in turn["effects"]]
    said = "increased the contrast: The contrast was increased, but that did not help"
    assert (said in effects) == (built.scenario is ZOOM)


def test_a_judge_reads_free_replies(built: Built, tmp_path: Path) -> None:
    play = ("evaluate", "--model", "scripted:oracle", "--data", built.data, "--out", tmp_path / "run", "--mode", "oeg")
    built.call(*play)
    built.call("judge", tmp_path / "run", "--judge", "scripted:match")
    scores = json.loads((tmp_path / "run" / "metrics.json").read_bytes())["scenarios"][built.scenario.name]
    assert scores["agg"] == 1


@pytest.mark.parametrize("name", ["look", "play"])
def test_the_browser_shows_them(built: Built, name: str, tmp_path: Path) -> None:
    more = ("--name", "ann", "--out", tmp_path / "run") if name == "play" else ()
    with begun(built.words(name, built.data, *more)) as process:
        wait_until(lambda: "Stop with" in process.said(), process)
        [address] = re.findall(r"Open (\S+)", process.said())
        assert httpx.get(address).status_code == 200


def test_dark_has_rows_to_train_on(tmp_path: Path) -> None:
    dark = Built(DARK, "photos", ROOT / "examples" / "dark" / "dark", tmp_path)
    rows = ("--dark", 5, "--quickdraw", 0, "--coco", 0)
    dark.call("build", "dark", "train", "--raw", make_photos(tmp_path / "raw"), "--out", dark.data, *rows)
    assert "No problems." in dark.call("check", dark.data)
    [file] = (dark.data / "data").iterdir()
    table = parquet.read_table(file).to_pylist()
    tested = {
        sample["answer"] for sample in map(json.loads, dark.data.joinpath("test", "Dark_preprocessed.jsonl").open())
    }
    assert len(table) == 5
    for row in table:
        text = row["prompt"][0]["content"][1]["text"]
        turn = SingleTurn.of_row(text, row["options"], row["proactive_actions"], row["ground_truth"])
        assert turn.answer in tested
        assert row["images"][0]["path"].split("/")[2] == "2-jpg"  # the third photograph of each thing


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with serve() as hub:
        hub.tokens[TOKEN] = "ann"
        yield hub


def test_published_and_pulled(built: Built, hub: LocalHub, tmp_path: Path) -> None:
    cleared = ("--i-have-the-rights", "photos") if built.scenario is DARK else ()
    assert "Nothing was uploaded." in built.call("publish", built.data, "--repo", "ann/own", "--dry-run", *cleared)
    built.call("package", built.data)
    variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1", "HF_TOKEN": TOKEN}
    for arguments in (
        ("publish", built.data, "--repo", "ann/own", *cleared),
        ("pull", "ann/own", "--out", tmp_path / "back"),
        ("check", tmp_path / "back"),
    ):
        done = finished(built.words(*arguments), variables=variables)
        assert done.returncode == 0, done.stderr


def test_photographs_are_not_published_without_a_word(tmp_path: Path) -> None:
    dark = Built(DARK, "photos", ROOT / "examples" / "dark" / "dark", tmp_path)
    dark.call("build", "dark", "--raw", make_photos(tmp_path / "raw"), "--out", dark.data)
    refused = CliRunner().invoke(main, dark.words("publish", dark.data, "--repo", "ann/own", "--dry-run"))
    assert (refused.exit_code, "--i-have-the-rights photos" in refused.output) == (2, True)


def first_sample(builder: Builder[Any, Any]) -> Sample:
    fields = builder.plan(builder.units()[0]).samples[0].fields
    return builder.scenario.sample(id=0, **fields)


def test_light_comes_in_steps_or_at_once(tmp_path: Path) -> None:
    sample = first_sample(DarkBuilder.from_options(make_photos(tmp_path), {"seed": 0}))
    asks = {DARK.action_of(option): option for option in sample.options}
    for action, frame, cost in (
        (DarkAction.EXPOSED_LONGER, 1, 1),
        (DarkAction.EXPOSED_MUCH_LONGER, 2, 2),
        (DarkAction.USED_THE_FLASH, 4, 3),
    ):
        environment = make_environment(sample)
        assert environment.step(asks[action]).cost == cost
        assert environment.frame_number == frame
    assert all(DARK.action_of(option) is None for option in environment.suggestions)  # there is light enough


def test_the_contrast_does_not_help(tmp_path: Path) -> None:
    sample = first_sample(ZoomBuilder.from_options(make_notes(tmp_path), {"seed": 0}))
    asks = {ZOOM.action_of(option): option for option in sample.options}
    environment = make_environment(sample)
    environment.step(asks[ZoomAction.INCREASED_THE_CONTRAST])
    assert environment.observe().question == f"The contrast was increased, but that did not help. {sample.prompt}"
    environment.step(asks[ZoomAction(100 + sample.reference_image)])
    assert environment.shows_answer()
    assert environment.observe().question == sample.prompt
