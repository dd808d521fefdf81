"""A scenario from outside is one of our own for every command, and brings nothing into disorder."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import zlib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builders.registry import builders, make_builder
from cli import main
from proactivebench.evaluation.records import Episode
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.scenarios import SCENARIOS, Scenario
from raw_sources.plugins import PLUGINS, PluginError
from raw_sources.registry import catalog
from tests.support import processes
from tests.support.fake_builder import wait_for_workers
from tests.support.local_hub import serve

PLUGIN = Path(__file__).resolve().parents[1] / "support" / "dots_plugin.py"


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    (folder / "dots.txt").write_text("".join(f"p{number} {1 + number % 4}\n" for number in range(8)))
    return folder


def run(*words: object, code: int = 0, plugin: Path = PLUGIN) -> Result:
    command, *rest = map(str, words)
    result = CliRunner().invoke(main, [command, "--plugin", str(plugin), *rest], catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


@pytest.fixture(scope="module")
def built(raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("built") / "data"
    run("build", "lit-dots", "--raw", raw, "--out", out, "--brightness", 200)
    return out


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch) -> Scenario:
    """The plug-in's scenario, for code that runs in this process."""
    monkeypatch.setenv(PLUGINS, str(PLUGIN))
    return SCENARIOS["DOTS"]


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


class TestCommands:
    def test_sources(self, raw: Path) -> None:
        assert "Lit dots" not in run("sources").stdout
        assert "CC0 1.0" in run("sources").stdout
        assert "dots: 8 pictures" in run("sources", "--raw", raw).stdout
        assert "dots.txt" in run("fetch", "DOTS", "--raw", raw).stdout

    def test_its_option_is_one_of_build(self, raw: Path, tmp_path: Path) -> None:
        assert "--brightness" in run("build", "--help").output
        assert "--brightness" not in CliRunner().invoke(main, ["build", "--help"]).output
        misplaced = run("build", "qd", "--raw", raw, "--out", tmp_path / "x", "--brightness", 1, code=2)
        assert "it is for DOTS" in misplaced.output

    def test_two_workers_build_the_same(
        self, built: Path, raw: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wait_for_workers(monkeypatch)
        words = ("build", "dots", "--raw", raw, "--out", tmp_path / "two", "--brightness", 200, "--workers", 2)
        run(*words)
        assert content(tmp_path / "two") == content(built)

    def test_check_stats_and_package(self, built: Path) -> None:
        assert "No problems" in run("check", built).output
        [dots] = [one for one in json.loads(run("stats", built, "--json").stdout) if one["part"] == "DOTS"]
        assert (dots["built"]["samples"], dots["built"]["actions"], dots["paper"]) == (8, 1, None)

    def test_evaluate_with_its_kind_of_models(self, built: Path, tmp_path: Path) -> None:
        run("evaluate", "--data", built, "--model", "dotty:oracle", "--out", tmp_path / "oracle")
        assert json.loads((tmp_path / "oracle" / "metrics.json").read_text())["scenarios"]["DOTS"]["acc"] == 1

    def test_the_paper_has_no_figures_of_it(self, built: Path, unprinted_plots: None, tmp_path: Path) -> None:
        run("evaluate", "--data", built, "--model", "scripted:ask", "--out", tmp_path / "run")
        run("report", tmp_path / "run", "--out", tmp_path / "report", "--compare", "paper")

    def test_the_leak_filter(self, built: Path, tmp_path: Path) -> None:
        run("evaluate", "--data", built, "--model", "scripted:guess", "--out", tmp_path / "guess")
        data = tmp_path / "data"
        shutil.copytree(built, data)
        run("filter", data, "--runs", tmp_path / "guess", "--threshold", 0.5)
        guessed = [json.loads(line) for line in (tmp_path / "guess" / "episodes.jsonl").read_text().splitlines()]
        kept = sorted(episode["id"] for episode in guessed if not episode["correct"])
        assert json.loads((data / "kept_ids.json").read_text()) == {"LitDots": kept}

    def test_without_it_the_run_says_what_to_name(self, built: Path, tmp_path: Path) -> None:
        run("evaluate", "--data", built, "--model", "scripted:ask", "--out", tmp_path / "run")
        again = CliRunner().invoke(main, ["report", str(tmp_path / "run"), "--out", str(tmp_path / "report")])
        assert again.exit_code and "--plugin" in again.output

    def test_rows_of_the_train_split(self, raw: Path, tmp_path: Path) -> None:
        from datasets import Dataset

        rows = ("--dots", 4, "--quickdraw", 0, "--coco", 0)
        run("build", "train", "--raw", raw, "--out", tmp_path, *rows)
        [file] = (tmp_path / "data").glob("*.parquet")
        assert len(Dataset.from_parquet(str(file), cache_dir=str(tmp_path / "cache"))) == 4
        assert json.loads((tmp_path / "manifest.json").read_text())["scenarios"]["train"]["sources"] == ["dots"]

    def test_publish_and_pull(self, built: Path, tmp_path: Path) -> None:
        data = tmp_path / "data"
        shutil.copytree(built, data)
        with serve() as hub:
            hub.tokens["hf_dots"] = "ann"
            variables = {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_XET": "1"}
            variables |= {"HF_TOKEN": "hf_dots", PLUGINS: str(PLUGIN)}
            sent = processes.finished(["publish", data, "--repo", "ann/dots"], variables=variables)
            assert sent.returncode == 0, sent.stderr
            out = tmp_path / "back"
            pulled = processes.finished(["pull", "ann/dots", "--out", out], variables=variables)
            assert pulled.returncode == 0, pulled.stderr
        assert "Lit dots" in (data / "README.md").read_text()
        for path in (data / "test" / "LitDots").rglob("*.png"):
            assert (out / path.relative_to(data)).read_bytes() == path.read_bytes()
        assert "No problems" in run("check", out).output

    def test_a_killed_build_continues(self, built: Path, raw: Path, tmp_path: Path) -> None:
        out, wait = tmp_path / "data", tmp_path / "wait"
        wait.touch()
        words = ("build", "dots", "--raw", raw, "--out", out, "--brightness", 200, "--workers", 2, "--plugin", PLUGIN)
        with processes.begun(words, variables={"DOTS_WAIT": str(wait)}) as process:
            processes.wait_until(lambda: any(out.rglob("*.png")), process)
            process.kill()
        assert not list(out.rglob("*.jsonl"))
        wait.unlink()
        again = processes.finished(words)
        assert again.returncode == 0, again.stderr
        assert content(out) == content(built)


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_other_processes_understand_its_builder(method: str, raw: Path, named: Scenario) -> None:
    builder = make_builder(named, raw)
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(type(builder).settings, (builder,)) == builder.settings()


def test_an_episode_with_its_action_is_read_back(built: Path, tmp_path: Path, named: Scenario) -> None:
    run("evaluate", "--data", built, "--model", "scripted:oracle", "--out", tmp_path)
    line = (tmp_path / "episodes.jsonl").read_text().splitlines()[0]
    episode = Episode.model_validate_json(line)
    assert [turn.action.words for turn in episode.turns[:-1]] == ["lit another dot"] * (len(episode.turns) - 1)
    assert json.loads(episode.model_dump_json()) == Episode.model_validate_json(line).model_dump(mode="json")
    assert Episode.model_validate(episode.model_dump()) == episode
    with pytest.raises(ValueError, match="no action with code 77"):
        Episode.model_validate_json(line.replace('"action":100', '"action":77'))


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("SCENARIOS = (1,)", "it is not one"),
        ("SCENARIOS = 1", "must be a tuple"),
        ("import nothing_of_that_name", "line 1"),
        (
            "from dataclasses import replace\nfrom proactivebench.scenarios import QD\nSCENARIOS = (replace(QD),)",
            "make a subclass",
        ),
        (
            "from proactivebench.models.load import ModelKind\nMODELS = (ModelKind('hf', print),)",
            "this toolkit has one of the models",
        ),
        (
            "from raw_sources.rod import Rod\nSOURCES = (type('Mine', (Rod,), {}),)",
            "this toolkit has one of the sources",
        ),
    ],
)
def test_what_cannot_be_used_is_said_in_a_sentence(
    code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = tmp_path / f"broken_{zlib.crc32(code.encode())}.py"
    plugin.write_text(code)
    monkeypatch.setenv(PLUGINS, str(plugin))
    with pytest.raises(PluginError, match=said) as error:
        print(list(SCENARIOS), builders(), catalog(), load_model("scripted:ask", ModelOptions()))
    assert str(plugin) in str(error.value)


def test_a_file_that_is_not_there_or_has_the_name_of_another(tmp_path: Path) -> None:
    assert "expected a Python file" in run("sources", plugin=tmp_path / "none.py", code=2).output
    (tmp_path / "json.py").touch()
    assert "already means" in run("sources", plugin=tmp_path / "json.py", code=2).output


def test_what_an_installed_package_offers_is_found(tmp_path: Path) -> None:
    info = tmp_path / "dots-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dots\nVersion: 1.0\n")
    offers = {"scenarios": "DOTS", "sources": "Dots", "builders": "DotsBuilder"}
    groups = (f"[proactivebench.{kind}]\nit = {PLUGIN.stem}:{name}\n" for kind, name in offers.items())
    (info / "entry_points.txt").write_text("\n".join(groups))
    variables = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(PLUGIN.parent)])}
    found = processes.run([sys.executable, "-m", "proactivebench", "build", "--help"], variables=variables)
    assert "--brightness" in found.stdout


def test_nothing_is_left_behind_in_this_process() -> None:
    run("sources")
    assert PLUGIN.name not in os.environ.get(PLUGINS, "")
    assert "DOTS" not in SCENARIOS
