"""`vllm:` models with a stand-in for vLLM: what reaches the engine, and that replies are those of `hf:`."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for library in ("torch", "transformers"):
    pytest.importorskip(library, reason="needs the extra models")

from click.testing import CliRunner  # noqa: E402

from cli import main  # noqa: E402
from tests.support import vllm_stand_in  # noqa: E402
from tests.support.small_benchmark import build_small  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402
from tests.support.vllm_stand_in import LLM  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model("llava_next", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(sys.modules, "vllm", vllm_stand_in.module())
    yield
    sys.modules.pop("proactivebench.models.vllm_model", None)


def evaluate(spec: str, data: Path, out: Path, *options: str) -> tuple[str, list[dict[str, Any]], dict[str, Any]]:
    """Plays six drawings; gives what was printed, the records and what run.json says of the model."""
    command = ["evaluate", "--model", spec, "--data", str(data), "--out", str(out), "--max-errors", "1"]
    done = CliRunner().invoke(main, [*command, "--max-new-tokens", "8", *options])
    if not (out / "episodes.jsonl").exists():
        return done.output, [], {}
    lines = sorted((out / "episodes.jsonl").read_bytes().splitlines())
    return done.output, [json.loads(line) for line in lines], json.loads((out / "run.json").read_bytes())["model"]


def test_replies_are_those_of_transformers(folder: Path, data: Path, tmp_path: Path) -> None:
    _, ours, described = evaluate(
        f"vllm:{folder}", data, tmp_path / "vllm", "--history", "--system-prompt", "Be brief."
    )
    _, theirs, by_hf = evaluate(f"hf:{folder}", data, tmp_path / "hf", "--history", "--system-prompt", "Be brief.")
    assert len(ours) == 6
    assert ours == theirs
    assert any(turn.get("cut") for record in ours for turn in record["turns"])
    assert described["model"] == f"vllm:{folder}"
    assert described["revision"] == by_hf["revision"]
    assert described["sampling"]["draws"] is False
    assert described["sampling"]["temperature"] == 0
    assert described["sampling"]["repetition_penalty"] == 1.05
    (conversations, settings) = LLM.calls[0]
    assert len(conversations) == 6, "all that wait are handed over at once"
    assert {(one.temperature, one.top_p, one.seed, one.max_tokens) for one in settings} == {(0, 1, None, 8)}


def test_forced_answers_are_as_probable_as_with_transformers(folder: Path, data: Path, tmp_path: Path) -> None:
    runs = [evaluate(f"{kind}:{folder}", data, tmp_path / kind, "--mode", "forced")[1] for kind in ("vllm", "hf")]
    ours, theirs = ([turn["confidence"] for record in run for turn in record["turns"]] for run in runs)
    assert len(ours) > 6 and ours == pytest.approx(theirs, abs=1e-3)


def test_free_replies_are_drawn_as_the_model_says_by_seeds(folder: Path, data: Path, tmp_path: Path) -> None:
    _, records, _ = evaluate(f"vllm:{folder}", data, tmp_path / "run", "--mode", "oeg")
    assert len(records) == 6
    settings = [one for _, given in LLM.calls for one in given]
    assert {(one.temperature, one.top_p) for one in settings} == {(0.7, 0.9)}
    seeds = {one.seed for one in settings}
    assert len(seeds) == 6
    assert all(seed is not None and 0 <= seed < 2**31 for seed in seeds)


def test_engine_options_are_passed_through_and_recorded(folder: Path, data: Path, tmp_path: Path) -> None:
    engine = {"tensor_parallel_size": 2, "max_model_len": 4096, "limit_mm_per_prompt": {"image": 3}}
    _, _, described = evaluate(f"vllm:{folder}", data, tmp_path / "run", "--engine", json.dumps(engine))
    assert LLM.made == engine | {"seed": 0, "enable_prefix_caching": True}
    assert described["engine"] == LLM.made


@pytest.mark.parametrize(
    ("engine", "words"),
    [
        ({"no_such_argument": 1}, "unexpected keyword argument 'no_such_argument'"),
        ({"trust_remote_code": True}, "--engine cannot say trust_remote_code"),
    ],
)
def test_what_the_engine_does_not_take(
    folder: Path, data: Path, tmp_path: Path, engine: dict[str, Any], words: str
) -> None:
    output, records, _ = evaluate(f"vllm:{folder}", data, tmp_path / "run", "--engine", json.dumps(engine))
    assert words in output
    assert not records


def test_a_reply_that_was_cut_off_is_an_error(
    folder: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LLM, "finish_reason", "abort")
    _, records, _ = evaluate(f"vllm:{folder}", data, tmp_path / "run")
    assert {"abort" in record["error"]["message"] for record in records} == {True}


def test_without_vllm_it_says_what_to_install(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vllm", None)
    output, _, _ = evaluate("vllm:org/m", data, tmp_path / "run")
    assert "vllm:org/m needs vllm: pip install vllm." in output
