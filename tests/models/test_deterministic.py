"""`--deterministic`: which requests share a batch depends on the plan alone; and what a run says about its machine."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from click.testing import CliRunner, Result  # noqa: E402

from cli import main  # noqa: E402
from proactivebench.models.transformers_model import TransformersModel  # noqa: E402
from tests.support.small_benchmark import build_small  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402

DEMO = "demo:asker"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=5)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The seeds of the requests of every batch, in order; pictures are prepared at a pace that chance decides."""
    seen: list[tuple[int, ...]] = []
    answer, prepare = TransformersModel._answer, TransformersModel._prepare

    def watched(self: TransformersModel, batch: Sequence[Any]) -> list[str]:
        seen.append(tuple(prompt.seed for prompt in batch))
        return answer(self, batch)

    def slow(self: TransformersModel, request: Any) -> Any:
        time.sleep(random.uniform(0, 0.01))
        return prepare(self, request)

    monkeypatch.setattr(TransformersModel, "_answer", watched)
    monkeypatch.setattr(TransformersModel, "_prepare", slow)
    return seen


def evaluate(data: Path, out: Path, *options: str, model: str = DEMO) -> Result:
    command = ["evaluate", "--model", model, "--data", str(data), "--out", str(out), "--max-new-tokens", "3"]
    return CliRunner().invoke(main, [*command, *options])


def episodes(run: Path) -> list[str]:
    return sorted((run / "episodes.jsonl").read_text().splitlines())


def described(run: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((run / "run.json").read_text())
    return read


FIXED = ("--deterministic", "--batch-size", "4")


def test_batches_are_those_of_the_plan(data: Path, tmp_path: Path, batches: list[tuple[int, ...]]) -> None:
    assert evaluate(data, tmp_path / "a", *FIXED).exit_code == 0
    first = batches.copy()
    assert len(first[0]) == 4
    assert max(map(len, first)) == 4
    batches.clear()
    assert evaluate(data, tmp_path / "b", *FIXED).exit_code == 0
    assert batches == first
    assert episodes(tmp_path / "b") == episodes(tmp_path / "a")


def test_a_continued_run_plays_whole_groups_again(data: Path, tmp_path: Path, batches: list[tuple[int, ...]]) -> None:
    assert evaluate(data, tmp_path, *FIXED).exit_code == 0
    undisturbed, before = batches.copy(), episodes(tmp_path)
    lines = (tmp_path / "episodes.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "episodes.jsonl").write_text("".join(lines[:6]) + '{"torn')
    batches.clear()
    assert evaluate(data, tmp_path, *FIXED).exit_code == 0
    assert 0 < len(batches) < len(undisturbed)
    assert batches == undisturbed[-len(batches) :]
    assert episodes(tmp_path) == before


def test_the_batch_is_identity_where_it_is_fixed(data: Path, tmp_path: Path) -> None:
    assert evaluate(data, tmp_path / "fixed", *FIXED).exit_code == 0
    refused = evaluate(data, tmp_path / "fixed", "--deterministic", "--batch-size", "3")
    assert refused.exit_code == 2
    assert "model.batches_of was 4, is now 3" in refused.stderr
    assert described(tmp_path / "fixed")["model"]["batches_of"] == 4


def test_what_cannot_be_fixed_is_refused(data: Path, tmp_path: Path) -> None:
    cached = evaluate(data, tmp_path / "a", *FIXED, "--cache", str(tmp_path / "cache"))
    judged = evaluate(data, tmp_path / "b", *FIXED, "--mode", "oeg-multi", "--judge", "scripted:match")
    scripted = evaluate(data, tmp_path / "c", "--deterministic", model="scripted:ask")
    assert [result.exit_code for result in (cached, judged, scripted)] == [2, 2, 2]
    assert "--cache" in cached.stderr
    assert "oeg-multi" in judged.stderr
    assert "--deterministic does not apply to a scripted model" in scripted.stderr


def test_a_run_says_what_it_was_played_on(data: Path, tmp_path: Path) -> None:
    assert evaluate(data, tmp_path, "--batch-size", "4").exit_code == 0
    run = described(tmp_path)
    assert run["model"]["dtype"] == "float32"
    assert run["model"]["attention"] in ("sdpa", "eager")
    assert {"torch", "transformers", "PIL"} <= run["model"]["versions"].keys()
    [machine] = run["machines"]
    assert machine["batch_size"] == 4
    assert machine["device"].startswith("cpu: ")
    assert machine["processes"] == 1
    repeated = evaluate(data, tmp_path, "--batch-size", "8")
    assert repeated.exit_code == 0
    assert described(tmp_path) == run, "nothing was played"
    (tmp_path / "episodes.jsonl").write_text("")
    continued = evaluate(data, tmp_path, "--batch-size", "8")
    assert continued.exit_code == 0
    assert "batch_size was 4, is now 8" in continued.stderr
    assert [one["batch_size"] for one in described(tmp_path)["machines"]] == [4, 8]


def test_a_reply_ends_with_the_models_positions(data: Path, tmp_path: Path) -> None:
    folder = tiny_model("llava", tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())

    def played(positions: int) -> list[dict[str, Any]]:
        config["text_config"]["max_position_embeddings"] = positions
        (folder / "config.json").write_text(json.dumps(config))
        out = tmp_path / str(positions)
        evaluate(data, out, "--mode", "oeg", "--limit", "2", "--max-new-tokens", "300", model=str(folder))
        assert described(out)["model"]["positions"] == positions
        return [json.loads(line) for line in episodes(out)]

    [long, short, none] = (played(positions) for positions in (4096, 120, 20))
    for whole, cut in zip(long, short, strict=True):
        assert whole["turns"][0]["reply"].startswith(cut["turns"][0]["reply"].rstrip("�"))
        assert len(cut["turns"][0]["reply"]) < len(whole["turns"][0]["reply"])
    assert all("positions for 20" in one["error"]["message"] for one in none)
