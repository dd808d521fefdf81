"""`evaluate --adapter` plays what was trained, to the last bit, in bfloat16 too."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
peft = pytest.importorskip("peft")

import datasets  # noqa: E402
from click.testing import CliRunner  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from cli import main  # noqa: E402
from proactivebench.benchmark import Benchmark  # noqa: E402
from proactivebench.errors import UsageError  # noqa: E402
from proactivebench.models.checkpoints import load_checkpoint  # noqa: E402
from proactivebench.models.processors import encode  # noqa: E402
from proactivebench.training import grpo  # noqa: E402
from proactivebench.training.settings import TrainSettings  # noqa: E402
from tests.support.noise import noise  # noqa: E402
from tests.support.small_benchmark import build_small  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402
from tests.support.train_rows import answer_with_letters, single_turns, train, write_rows  # noqa: E402

ModelFolder = Callable[[str], Path]

WEIGHT, DELTA = 0.03, 1e-4
"""Standard deviations of a projection's weights, and of what 420 steps at a rate of 2e-5 add to them at most."""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A model whose query and key projections are as large as those of real ones."""
    folder = tiny_model("llava", tmp_path / "base")
    weights = load_file(folder / "model.safetensors")
    for name, tensor in weights.items():
        if "q_proj.weight" in name or "k_proj.weight" in name:
            tensor.normal_(std=WEIGHT, generator=torch.Generator().manual_seed(len(name)))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    return folder


def trained(base: Path, out: Path) -> Any:
    """The network as a training on a GPU holds it, after a short one, and its adapter in a folder."""
    network = load_checkpoint(str(base), device="cpu", dtype="bfloat16").network
    network = peft.get_peft_model(network, grpo.lora(network, TrainSettings(model=str(base), data="")))
    for name, weights in network.named_parameters():
        if "lora_B" in name:
            rank, width = weights.shape[1], network.config.get_text_config().hidden_size
            weights.data.normal_(std=DELTA / (rank / width / 3) ** 0.5)  # A is uniform within 1 / sqrt(width)
    network.save_pretrained(out)
    return network.eval()


def logits(network: Any, processor: Any) -> Any:
    picture = noise((90, 60)).convert("RGB")
    with torch.inference_mode():
        return network(**encode(processor, [("user", picture, "What is it?")], torch.bfloat16)).logits


def test_a_small_adapter_acts_as_in_training(base: Path, tmp_path: Path) -> None:
    network = trained(base, tmp_path / "adapter")
    loaded = load_checkpoint(str(base), device="cpu", dtype="bfloat16", adapter=str(tmp_path / "adapter"))
    plain = load_checkpoint(str(base), device="cpu", dtype="bfloat16")
    expected = logits(network, loaded.processor)
    assert torch.equal(logits(loaded.network, loaded.processor), expected)
    assert not torch.equal(logits(plain.network, loaded.processor), expected), "or the adapter is too small to see"
    merged = network.merge_and_unload()
    assert not torch.equal(logits(merged, loaded.processor), expected), "or the test shows nothing about merging"


@pytest.mark.parametrize("full", [False, True])
def test_evaluate_scores_what_the_last_held_out_evaluation_scored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: bool
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    model = tiny_model("llava", tmp_path / "model")
    data = build_small(tmp_path / "data", per_category=4)
    rows = write_rows(list(single_turns(Benchmark.open(data))), tmp_path / "rows")
    on_gpu = partial(load_checkpoint, str(model), device="cpu", dtype="bfloat16")
    if full:  # trained in 32 bits, played as on a GPU
        monkeypatch.setattr("proactivebench.training.held_out.usual_precision", lambda device: torch.bfloat16)
    else:
        monkeypatch.setattr(grpo, "load_checkpoint", lambda *_, **__: on_gpu())
    answer_with_letters(model, monkeypatch)
    evaluations = {"eval_data": data, "eval_every": 2, "eval_limit": 3, "max_new_tokens": 6}
    result = train(model, rows, tmp_path / "out", learning_rate=1e-2, max_steps=2, full=full, **evaluations)
    trained = f"--model {result}" if full else f"--model {model} --adapter {result}"
    command = f"evaluate {trained} --dtype bfloat16 --limit 3 --data {data} --batch-size 64"
    out = tmp_path / "run"
    done = CliRunner().invoke(main, [*command.split(), "--max-new-tokens", "6", "--out", str(out)])
    assert done.exit_code == 0, done.output

    def played(folder: Path) -> list[dict[str, Any]]:
        return sorted(map(json.loads, (folder / "episodes.jsonl").read_text().splitlines()), key=lambda one: one["id"])

    before, after = (tmp_path / "out" / "held_out" / f"step-00000{step}" for step in (0, 2))
    assert played(out) == played(after)
    assert [json.loads((run / "run.json").read_text())["model"]["dtype"] for run in (out, after)] == ["bfloat16"] * 2
    assert played(before) != played(after), "or the training has changed nothing"


def test_an_adapter_is_named(base: Path, tmp_path: Path) -> None:
    trained(base, tmp_path / "adapter")
    origin = load_checkpoint(str(base), device="cpu", adapter=str(tmp_path / "adapter")).origin
    assert origin["adapter"] == str(tmp_path / "adapter")
    assert origin["adapter_revision"].startswith("sha256:")


@pytest.mark.parametrize("fault", ["missing", "renamed", "another shape", "no file"])
def test_an_adapter_that_would_act_in_part_is_refused(base: Path, tmp_path: Path, fault: str) -> None:
    trained(base, tmp_path / "adapter")
    path = tmp_path / "adapter" / "adapter_model.safetensors"
    weights = load_file(path)
    name = next(name for name in weights if "lora_B" in name)
    taken = weights.pop(name)
    if fault == "renamed":
        weights[name.replace("layers.0", "layers.9")] = taken
    if fault == "another shape":
        weights[name] = taken[:1].clone()
    save_file(weights, path)
    if fault == "no file":
        path.unlink()
    with pytest.raises(UsageError, match="is not an adapter for this model"):
        load_checkpoint(str(base), device="cpu", adapter=str(tmp_path / "adapter"))
