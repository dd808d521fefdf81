"""The files that enter a run on the Hub's leaderboards, and its form for Every Eval Ever."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from builders.hub.eval_yaml import write_eval_yaml
from cli import main
from proactivebench.benchmark import Benchmark
from proactivebench.harnesses import hub_results
from tests.support.small_runs import Reciter, play


def run(*words: object, code: int = 0) -> str:
    done = CliRunner().invoke(main, [str(word) for word in words])
    assert done.exit_code == code, done.output
    return done.stdout if not code else done.output


def on_the_hub(run: Path) -> Path:
    """Lets a run say that it was played on a benchmark of the Hub."""
    described = json.loads((run / "run.json").read_bytes())
    described["data"]["source"] = "hub:me/bench@abc"
    (run / "run.json").write_text(json.dumps(described))
    return run


@pytest.fixture
def published(small_runs: Path, tmp_path: Path) -> Path:
    return on_the_hub(Path(shutil.copytree(small_runs / "ask", tmp_path / "run")))


def test_what_is_submitted_are_the_scores_of_the_run(small_runs: Path, published: Path, tmp_path: Path) -> None:
    text = run(
        "submit", published, "--model-repo", "me/model", "--source", "https://x.org", "--dry-run",
        "--data", small_runs / "data",
    )  # fmt: skip
    results = yaml.safe_load(text)
    metrics = json.loads((published / "metrics.json").read_bytes())
    found = {one["dataset"]["task_id"]: one["value"] for one in results}
    assert found["acc"] == found["qd_acc"] == round(100 * metrics["average"]["acc"], 2)
    assert found["psr"] == found["qd_psr"] == round(metrics["average"]["psr"], 4)
    assert results[0]["dataset"] == {"id": "me/bench", "task_id": "acc", "revision": "abc"}
    assert results[0]["source"]["url"] == "https://x.org"
    write_eval_yaml(tmp_path, ["QD"])
    described = yaml.safe_load((tmp_path / "eval.yaml").read_text())
    assert {task["id"] for task in described["tasks"]} == found.keys()
    assert described["evaluation_framework"] == results[0]["evaluation_framework"] == "inspect-ai"
    assert {(task["config"], task["split"]) for task in described["tasks"]} == {("QuickDraw", "test")}


def test_a_pull_request_is_opened(small_runs: Path, published: Path) -> None:
    asked: dict[str, Any] = {}

    class Api:
        def create_commit(self, repo: str, operations: list[Any], **more: Any) -> Any:
            asked.update(more, repo=repo, paths=[one.path_in_repo for one in operations])
            return type("Commit", (), {"pr_url": "https://hub/pr/1"})

    submission = hub_results.prepare_submission(published, Benchmark.open(small_runs / "data"), "me/model")
    assert hub_results.submit(Api(), submission) == "https://hub/pr/1"  # type: ignore[arg-type]
    assert (asked["repo"], asked["paths"]) == ("me/model", [".eval_results/proactivebench.yaml"])
    assert (asked["repo_type"], asked["create_pr"]) == ("model", True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"data": {"source": None}}, "not played on a benchmark of the Hub"),
        ({"settings": {"hint": True}}, "hint true (usual: false)"),
        ({"data": {"frames": {"QD": "0"}}}, "frames of QD are others"),
    ],
)
def test_what_does_not_belong_on_a_leaderboard_is_refused(
    small_runs: Path, published: Path, change: dict[str, Any], words: str
) -> None:
    described = json.loads((published / "run.json").read_bytes())
    for name, values in change.items():
        described[name] |= values
    (published / "run.json").write_text(json.dumps(described))
    said = run("submit", published, "--model-repo", "me/model", "--dry-run", "--data", small_runs / "data", code=2)
    assert words in said


def test_a_run_with_failed_episodes_is_not_submitted(small_runs: Path, tmp_path: Path) -> None:
    folder = on_the_hub(play(small_runs / "data", Reciter({0: None}), tmp_path / "run"))
    said = run("submit", folder, "--model-repo", "me/model", "--dry-run", "--data", small_runs / "data", code=2)
    assert "1 of 6 episodes" in said and "failed" in said


@pytest.mark.parametrize(
    ("model", "place"),
    [
        ("../../..:x", "_.._../x"),
        ("..:x", "unknown/x"),
        ("hf:../../a/..\\\0b", "a/_b"),
        ("openai:" + "n" * 1000, "openai/" + "n" * 100),
    ],
)
def test_a_strangers_run_is_exported_into_the_store(model: str, place: str, small_runs: Path, tmp_path: Path) -> None:
    stranger = Path(shutil.copytree(small_runs / "ask", tmp_path / "run"))
    described = json.loads((stranger / "run.json").read_text())
    (stranger / "run.json").write_text(json.dumps(described | {"model": {"model": model}}))
    run("export", stranger, "--out", tmp_path / "store", "--organization", "Me")
    written = list(tmp_path.rglob("*_samples.jsonl"))
    assert [path.parent for path in written] == [tmp_path / "store" / "data" / "ProactiveBench" / place]


def test_an_export_is_the_same_run(small_runs: Path, tmp_path: Path) -> None:
    for _ in range(2):
        run("export", small_runs / "ask", "--out", tmp_path, "--organization", "Me")
    [whole, lines] = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    if whole.suffix == ".jsonl":
        whole, lines = lines, whole
    described = json.loads(whole.read_bytes())
    metrics = json.loads((small_runs / "ask" / "metrics.json").read_bytes())
    scores = {one["evaluation_result_id"]: one["score_details"]["score"] for one in described["evaluation_results"]}
    assert scores == {
        f"{name}.{score}": metrics[kind][score] if name == "average" else metrics[kind][name][score]
        for name, kind in (("average", "average"), ("QD", "scenarios"))
        for score in ("acc", "psr")
    }
    rows = [json.loads(line) for line in lines.read_bytes().splitlines()]
    assert described["detailed_evaluation_results"]["file_path"] == lines.relative_to(tmp_path).as_posix()
    assert described["detailed_evaluation_results"]["total_rows"] == len(rows) == 6
    assert sum(row["evaluation"]["score"] for row in rows) / 6 == metrics["average"]["acc"]
    assert {row["evaluation_id"] for row in rows} == {described["evaluation_id"]}


def test_a_run_that_is_being_continued_is_not_exported(small_runs: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small_runs / "ask", tmp_path / "run"))
    lines = (folder / "episodes.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "episodes.jsonl").write_bytes(b"".join(lines[1:]))
    assert "was not played to its end" in run("export", folder, "--out", tmp_path, "--organization", "Me", code=2)
