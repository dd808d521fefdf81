from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builders.hub.client import UnreachableError
from builders.vsod_labels import JUDGEMENT
from cli import main
from commands.shared import RESUME
from commands.sources import find_entry
from proactivebench.errors import ProactiveBenchError, ResumableError
from proactivebench.scenarios import get_scenario
from raw_sources import fakes
from raw_sources.base import SourceError, StoppedError
from raw_sources.registry import CLASSES
from tests.support.processes import ROOT
from tests.support.small_benchmark import DRAWINGS, build_small


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def mvpn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up raw data of MVP-N."""
    folder = tmp_path_factory.mktemp("mvpn")
    fakes.make_mvpn(folder)
    return folder


def test_build_check_evaluate(tmp_path: Path) -> None:
    data = tmp_path / "data"
    build = ("build", "quickdraw", "--raw", DRAWINGS, "--out", data, "--per-category", 2, "--categories", "cat, bus")
    assert call(*build).exit_code == 0
    assert "QD was there already: 4 samples" in call(*build).output
    check = call("check", data)
    assert (check.exit_code, "No problems." in check.output) == (0, True)
    run = call("evaluate", "--model", "scripted:oracle", "--data", data, "--out", tmp_path / "run", "--scenario", "qd")
    assert run.exit_code == 0
    assert "100.0" in run.output


def test_check_names_what_is_wrong(tmp_path: Path) -> None:
    data = build_small(tmp_path / "data")
    frames = sorted((data / "test" / "QuickDraw").rglob("*.png"))
    frames[0].unlink()
    frames[1].write_bytes(frames[1].read_bytes()[:50])
    (data / "test" / "QuickDraw_preprocessed.jsonl").open("a").write("{}\n")
    result = call("check", data)
    assert result.exit_code == 1
    said = "".join(result.output.split())
    for expected in (
        "line7:id:Fieldrequired",
        f"{frames[0]}:thereisnosuchfile",
        f"{frames[1]}:notreadable",
        "listedinmanifest.json,butmissing",
        "differsfromwhatmanifest.jsonsays",
    ):
        assert expected.replace(" ", "") in said


def test_check_reads_the_manifest_as_strictly_as_a_build(tmp_path: Path) -> None:
    manifest = build_small(tmp_path / "data") / "manifest.json"
    table = tmp_path / "data" / "manifest" / "QuickDraw.jsonl"
    table.write_text(table.read_text().replace('"key"', '"kex"', 1))
    result = call("check", tmp_path / "data")
    assert (result.exit_code, "missing required field `key`" in " ".join(result.output.split())) == (1, True)
    manifest.write_text(manifest.read_text().replace('"sources"', '"source"').replace('"versions"', '"version"'))
    result = call("check", tmp_path / "data")
    assert (result.exit_code, "versions: Field required" in " ".join(result.output.split())) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build", "sketches", "--raw", ".", "--out", "x"), "There is no scenario 'sketches'"),
        (("build", "quickdraw", "--raw", "docs", "--out", "x"), "docs"),
        (("build", "quickdraw", "--raw", "docs"), "Missing option '--out'"),
        (("build", "coco", "--raw", "docs", "--propose", "labels.csv"), "--propose is for VSOD alone"),
        (("build", "all", "vsod", "--raw", "docs", "--propose", "labels.csv"), "--propose is for VSOD alone"),
        (("build", "coco", "--raw", "docs", "--out", "x", "--labels", "x.csv"), "--labels does not apply to COCO"),
        (("build", "vsod", "--raw", "docs", "--propose", "y", "--seed", "1", "--coco", "1"), "it is for train"),
        (("build", "mvpn", "--raw", "{mvpn}", "--out", "x", "--class-names", "x.csv"), "it names no class"),
        (("build", "imagenet-c", "--raw", "docs", "--out", "x"), "No ImageNet-C under docs"),
        (("package", "docs"), "has no manifest.json"),
        (("check", "docs"), "is not a benchmark"),
        (("evaluate", "--model", "scripted:genius", "--data", "{data}", "--out", "x"), "no scripted model 'genius'"),
        (("evaluate", "--model", "scripted:ask", "--data", "{data}", "--out", "x", "--scenario", "rod"), "contain ROD"),
        (("evaluate", "--model", "scripted:ask", "--data", "nowhere", "--out", "x"), "does not exist"),
    ],
)  # fmt: skip
def test_wrong_use_ends_with_a_message_and_code_2(
    arguments: tuple[str, ...], said: str, data: Path, mvpn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / "x.csv").touch()
    result = call(*(str(argument).format(data=data, mvpn=mvpn) for argument in arguments))
    assert result.exit_code == 2
    assert said in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("error", "resumes"),
    [
        (ProactiveBenchError("A sample is damaged."), False),
        (ResumableError("The disk is full."), True),
        (UnreachableError("The Hub cannot be reached."), True),
        (SourceError("A picture is damaged."), False),
        (StoppedError("The connection broke."), True),
        (KeyboardInterrupt(), True),
    ],
)
def test_work_that_stopped_is_resumed_in_one_sentence(
    error: BaseException, resumes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise error

    monkeypatch.setattr("raw_sources.registry.sources_table", stop)
    result = call("sources", "--raw", tmp_path)
    assert (result.exit_code in (1, 130), result.output.count(RESUME)) == (True, int(resumes))


def test_no_other_sentence_says_how_to_resume() -> None:
    """What raises an error says what happened; that the same command continues is said in one place."""
    said = re.compile("same command again|same command (continues|resumes)|repeat the command to")
    for path in (
        path for room in ("builders", "proactivebench", "raw_sources") for path in (ROOT / room).rglob("*.py")
    ):
        assert not said.search(" ".join(path.read_text(encoding="utf-8").split())), path


def test_the_demo_keeps_out_of_what_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    refused = call("demo", "--out", tmp_path)
    assert (refused.exit_code, "thesis.tex, which does not belong to the demo" in refused.output) == (2, True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_sources_and_fetch_say_what_to_do(tmp_path: Path) -> None:
    listed = call("sources")
    assert (listed.exit_code, "imagenet-c" in listed.output) == (0, True)
    found = call("sources", "--raw", DRAWINGS.parent)
    assert "quickdraw: 20 categories, 280 drawings" in found.output
    assert "rod: No ROD photos" in found.output
    steps = call("fetch", "rod", "--raw", tmp_path)
    assert (steps.exit_code, "1. " in steps.output) == (0, True)
    wrong = call("fetch", "rodd", "--raw", tmp_path)
    assert (wrong.exit_code, "Traceback" in wrong.output) == (2, False)


@pytest.mark.parametrize("source", [name for name in CLASSES if name != "imagenet"])
def test_scenarios_and_sources_go_by_the_same_names(source: str) -> None:
    scenario = get_scenario(source)
    for name in (source, source.upper(), scenario.name, scenario.name.lower(), scenario.dataset):
        assert (get_scenario(name), find_entry(name).name) == (scenario, source)
    assert find_entry("ImageNet").name == "imagenet"


def test_a_file_that_cannot_be_opened_does_not_hide_the_other_sources(tmp_path: Path) -> None:
    fakes.make_coco(tmp_path)
    (tmp_path / "cat.ndjson").symlink_to("gone")
    shown = call("sources", "--raw", tmp_path)
    assert shown.exit_code == 0
    assert "coco: 6 pictures" in shown.output
    assert "quickdraw: 1 categories, 0 drawings" in shown.output
    assert f"{tmp_path / 'cat.ndjson'}: cannot be read (No such file or directory)" in shown.output


def test_a_build_keeps_out_of_the_raw_data(tmp_path: Path) -> None:
    fakes.make_coco(tmp_path)
    for out in (tmp_path, tmp_path / "coco" / "benchmark"):
        refused = call("build", "coco", "--raw", tmp_path, "--out", out)
        assert (refused.exit_code, "would be taken for raw data" in refused.output) == (2, True)
    assert not (tmp_path / "coco" / "benchmark").exists()


def test_everything_that_is_there_is_built(tmp_path: Path) -> None:
    raw, data = tmp_path / "raw", tmp_path / "data"
    fakes.make_rod(raw)
    fakes.make_coco(raw)
    fakes.make_coco(raw, split="train")
    fakes.make_mvpn(raw)
    built = call("build", "all", "--raw", raw, "--out", data)
    assert built.exit_code == 0
    said = " ".join(built.output.split())
    assert "ROD built: 2 samples" in said
    assert "COCO built: 6 samples" in said
    assert "MVP-N left out: MVP-N needs the names of its products" in said
    assert "QD left out: " in said
    assert call("build", "train", "--raw", raw, "--out", data, "--quickdraw", 0, "--coco", 3).exit_code == 0
    counts = {one["part"]: one["built"] for one in json.loads(call("stats", data, "--json").stdout)}
    assert counts["ROD"]["samples"] == 2
    assert counts["train"]["samples"] == 3
    assert counts["QD"] is None
    assert "/ 4,384" in call("stats", data).output
    alone = call("build", "mvp-n", "--raw", raw, "--out", data)
    assert (alone.exit_code, "--class-names" in alone.output) == (2, True)


def test_what_cannot_be_built_is_left_out_unless_it_is_named(tmp_path: Path) -> None:
    raw, data = tmp_path / "raw", tmp_path / "data"
    fakes.make_rod(raw)
    changeit = fakes.make_changeit(raw)
    changeit.joinpath("downloads").rename(tmp_path / "downloads")
    annotations = next(fakes.make_coco(raw).rglob("instances_val2014.json"))
    sound = annotations.read_text()
    annotations.write_text("{")
    built = call("build", "all", "--raw", raw, "--out", data)
    said = built.output.splitlines()
    assert built.exit_code == 0
    assert "ROD built: 2 samples" in built.output
    [left_out] = [line for line in said if "CIT left out: No sample of CIT could be built: " in line]
    assert "none of 5 annotated videos is there" in left_out
    [left_out] = [line for line in said if "COCO left out: " in line]
    assert "not a readable COCO instances file" in left_out
    for arguments in (("cit",), ("all", "cit"), ("coco",), ("all", "--strict")):
        assert call("build", *arguments, "--raw", raw, "--out", data).exit_code == 1
    (tmp_path / "downloads").rename(changeit / "downloads")
    annotations.write_text(sound)
    for name in ("changeit", "coco"):
        assert call("build", name, "--raw", raw, "--out", data).exit_code == 0
    (tmp_path / "empty").mkdir()
    assert call("build", "all", "--raw", tmp_path / "empty", "--out", data).exit_code == 2


def test_vsod_is_proposed_then_built(tmp_path: Path) -> None:
    raw, table = tmp_path / "raw", tmp_path / "labels.csv"
    fakes.make_vsod(raw)
    proposed = call("build", "vsod", "--raw", raw, "--propose", table, "--out", tmp_path / "data")
    assert (proposed.exit_code, table.exists()) == (0, True)
    assert f"  proactivebench build vsod --raw {raw} --out {tmp_path / 'data'} --labels {table}\n" in proposed.output
    for column in JUDGEMENT:
        assert f"  {column}: " in proposed.output
    nowhere = call("build", "vsod", "--raw", raw, "--propose", table / "labels.csv")
    assert (nowhere.exit_code, nowhere.output.strip()) == (1, f"Error: {table}: Not a directory.")
    unfilled = call("build", "vsod", "--raw", raw, "--out", tmp_path / "data", "--labels", table)
    assert unfilled.exit_code in (1, 2)
    assert "Traceback" not in unfilled.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("check",),
        ("stats",),
        ("look",),
        ("play", "--name", "Ada", "--out", "x"),
        ("evaluate", "--model", "scripted:oracle", "--out", "x", "--data"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_data_may_lie_on_the_hub(arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    def pull(api: object, repo: str, revision: str, **options: object) -> None:
        raise ProactiveBenchError(f"{repo} at {revision}")

    monkeypatch.setattr("builders.hub.client.connect", object)
    monkeypatch.setattr("builders.hub.cached.pull_to_cache", pull)
    result = call(*arguments, "hub:ann/drawings@v2")
    assert (result.exit_code, "ann/drawings at v2" in result.output) == (1, True)


@pytest.mark.parametrize("command", ["evaluate", "selfcheck"])
def test_loading_a_model_leaves_the_terminal_to_our_own_progress(
    command: str, small_runs: Path, model_folder: Callable[[str], Path], tmp_path: Path
) -> None:
    model, logging = model_folder("llava"), pytest.importorskip("transformers").utils.logging
    logging.enable_progress_bar()
    try:
        given = ["--model", model, "--data", small_runs / "data", "--max-new-tokens", 1]
        result = call(command, *given, *(["--out", tmp_path / "run"] if command == "evaluate" else ["--samples", 2]))
        assert "Loading weights" not in result.stderr
        assert not logging.is_progress_bar_enabled()
    finally:
        logging.disable_progress_bar()


def test_compare_says_on_what_it_was_measured(small_runs: Path) -> None:
    result = call("compare", small_runs / "ask", small_runs / "guess")
    assert re.search(r"Measured on data \(\w{8}\), all samples of QD; multiple choice\.", result.stdout)
