"""`evaluate` and `judge` from the command line with tiny models of ten families; their replies mean nothing."""

from __future__ import annotations

import json
import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli
from proactivebench.evaluation.judging import read_judgements
from proactivebench.evaluation.run_log import read_episodes
from tests.support.small_benchmark import build_small

pytest.importorskip("torch")

from tests.support.tiny_models import FAMILIES  # needs torch

ModelFolder = Callable[[str], Path]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"))


def command(*arguments: object) -> None:
    done = CliRunner().invoke(cli.main, [str(argument) for argument in arguments])
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_of_every_family_plays(family: str, model_folder: ModelFolder, data: Path, tmp_path: Path) -> None:
    model = model_folder(family)
    command("evaluate", "--model", model, "--data", data, "--out", tmp_path, "--max-new-tokens", 12, "--history")
    scores = json.loads((tmp_path / "metrics.json").read_text())["scenarios"]["QD"]
    assert (scores["n"], scores["errors"]) == (6, 0)
    replies = {turn.reply for episode in read_episodes(tmp_path) for turn in episode.turns}
    assert len(replies) > 2, "what is said depends on what is shown"
    assert json.loads((tmp_path / "run.json").read_text())["model"]["model"] == str(model)


def test_free_replies_are_judged_by_a_model_of_text_alone(
    model_folder: ModelFolder, text_model: Path, data: Path, tmp_path: Path
) -> None:
    model, few = model_folder("qwen2_5_vl"), ("--max-new-tokens", 5)
    command("evaluate", "--model", model, "--data", data, "--out", tmp_path, "--mode", "oeg", *few)
    command("judge", tmp_path, "--judge", text_model, "--max-errors", 1, *few)
    assert [reply.error.kind for reply in read_judgements(tmp_path) if reply.error] == ["judge"] * 6
    scores = json.loads((tmp_path / "metrics.json").read_text())["scenarios"]["QD"]
    assert (scores["judged"], scores["judge_errors"]) == (0, 6), "random words are no judgement"
    assert "cc" not in scores


def test_the_published_program_plays(
    model_folder: ModelFolder,
    data: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments = ["--data-dir", str(data), "--dataset", "QuickDraw", "--model", str(model_folder("llava_onevision"))]
    monkeypatch.setattr(sys, "argv", ["mcqa", *arguments])
    runpy.run_module("proactivebench.tests.mcqa", run_name="__main__")
    assert capsys.readouterr().out.startswith("model acc: ")
