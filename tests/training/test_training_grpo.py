from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from functools import partial
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any, cast

import datasets
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from trl.trainer.grpo_trainer import GRPOTrainer

from cli import main
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.models.processors import collate
from proactivebench.training import trainer, watch
from proactivebench.training.rewards import Reward
from tests.support.processes import begun, wait_until
from tests.support.small_benchmark import build_small
from tests.support.tiny_models import FAMILIES, tiny_model
from tests.support.train_rows import SMALL, answer_with_letters, hold_after, single_turns, train, write_rows
from tests.support.warm import TRAINING


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def benchmark(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=8)


@pytest.fixture(scope="module")
def data(benchmark: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_rows(list(single_turns(Benchmark.open(benchmark))), tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model("llava", tmp_path_factory.mktemp("model"))


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "train_log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_learns_in_the_language_model_alone(
    family: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_model(family, tmp_path / "model")
    answer_with_letters(folder, monkeypatch)
    adapter = train(folder, data, tmp_path / "out", max_steps=1)
    assert adapter == tmp_path / "out" / "adapter"
    weights = load_file(adapter / "adapter_model.safetensors")
    assert all(".q_proj." in name or ".k_proj." in name for name in weights)
    assert not any("vision" in name or "visual" in name for name in weights)
    assert any(tensor.any() for name, tensor in weights.items() if "lora_B" in name)  # it begins as zeros
    assert [line["step"] for line in log_of(tmp_path / "out")] == [1]


def test_what_is_rewarded_becomes_more_frequent(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_letters(model, monkeypatch)
    monkeypatch.setattr(Reward, "of", lambda self, verdict: float(verdict.category.position == 3))
    result = train(model, data, tmp_path / "out", full=True, learning_rate=3e-3, max_steps=6, completions_per_step=32)
    rewards = [line["reward"] for line in log_of(tmp_path / "out")]
    assert rewards[0] < 0.5 < 0.8 < rewards[-1]
    assert (result / "model.safetensors").is_file()


def test_the_log_says_what_the_model_does(
    model: Path, data: Path, benchmark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_letters(model, monkeypatch)
    train(model, data, tmp_path / "out", max_steps=2, eval_data=benchmark, eval_every=1, eval_limit=1)
    lines = log_of(tmp_path / "out")
    held_out = [line["held_out"] for line in lines if "held_out" in line]
    steps = [line for line in lines if "reward" in line]
    assert [line["step"] for line in lines] == [0, 1, 1, 2, 2]
    assert all(0 <= scores["acc"] <= 1 and scores["psr"] >= 0 for scores in held_out)
    for line in steps:
        kinds = ("suggestion", "abstention", "category", "unreadable")
        assert math.isclose(sum(line[kind] for kind in kinds), 1, abs_tol=1e-6)
        assert line["reward"] == pytest.approx(line["right_category"] + 0.75 * line["valid_suggestion"])
        assert {"loss", "grad_norm", "length", "learning_rate", "seconds"} <= line.keys()
    for played in ("step-000002", "step-000002/forced"):
        assert (tmp_path / "out" / "held_out" / played / "episodes.jsonl").is_file()
    assert all({"acc", "psr", "when"} <= scores.keys() for scores in held_out)
    assert json.loads((tmp_path / "out" / "train.json").read_text())["settings"]["proactive_reward"] == 0.75


@pytest.fixture(scope="module")
def trained(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished training of one step; nobody may change it."""
    out = tmp_path_factory.mktemp("trained") / "out"
    train(model, data, out, max_steps=1)
    return out


def test_the_adapter_evaluates(trained: Path, model: Path, benchmark: Path, tmp_path: Path) -> None:
    adapter = trained / "adapter"
    assert json.loads((adapter / "adapter_config.json").read_text())["base_model_name_or_path"] == str(model)
    arguments = ["evaluate", "--model", str(model), "--adapter", str(adapter), "--data", str(benchmark), "--limit", "2"]
    result = CliRunner().invoke(main, [*arguments, "--out", str(tmp_path / "run")], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["scenarios"]["QD"]["n"] == 2


def test_a_finished_training_is_not_repeated(trained: Path, model: Path, data: Path) -> None:
    before = (trained / "train_log.jsonl").read_bytes()
    assert train(model, data, trained, max_steps=1) == trained / "adapter"
    assert (trained / "train_log.jsonl").read_bytes() == before


def test_other_settings_in_the_same_folder_are_refused(trained: Path, model: Path, data: Path) -> None:
    with pytest.raises(UsageError, match=r"settings\.proactive_reward was 0\.75, is now 0\.5"):
        train(model, data, trained, max_steps=1, proactive_reward=0.5)


@pytest.mark.parametrize("family", ["llava", "qwen2_5_vl"])
def test_loss_and_gradient_are_those_of_trl(
    family: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = trainer.Trainer._compute_loss, cast(Any, GRPOTrainer)._compute_loss
    compared = []

    def both(self: trainer.Trainer, network: Any, lesson: trainer.Lesson) -> torch.Tensor:
        uneven = (replace(said, tokens=said.tokens[: 1 + number % 4]) for number, said in enumerate(lesson.answers))
        lesson = lesson._replace(answers=tuple(uneven))
        learning = [weights for weights in network.parameters() if weights.requires_grad]
        losses: list[torch.Tensor] = [ours(self, network, lesson), theirs(self, network, as_trl(lesson, self))]
        gradients = [torch.autograd.grad(loss, learning, retain_graph=True, materialize_grads=True) for loss in losses]
        compared.append([torch.cat([part.flatten() for part in parts]) for parts in gradients])
        assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-6)
        return losses[0]

    monkeypatch.setattr(trainer.Trainer, "_compute_loss", both)
    earned = cycle([0.0, 1.0, 0.75])
    monkeypatch.setattr(Reward, "of", lambda self, verdict: next(earned))
    folder = tiny_model(family, tmp_path / "model")
    train(folder, data, tmp_path / "out", full=True, max_steps=1, max_new_tokens=4, temperature=0.8)
    for one, other in compared:
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-6)
    assert any(one.abs().max() > 1e-3 for one, _ in compared)


def as_trl(lesson: trainer.Lesson, trained: trainer.Trainer) -> dict[str, Any]:
    """The same answers as TRL's trainer has them: prompts filled up on the left, answers on the right."""
    batch = collate([said.prompt for said in lesson.answers], trained.pad_token_id)
    answers = [torch.tensor(said.tokens) for said in lesson.answers]
    filled = torch.nn.utils.rnn.pad_sequence(answers, batch_first=True, padding_value=trained.pad_token_id)
    masks = [torch.ones_like(tokens) for tokens in answers]
    more = {name: value for name, value in batch.items() if name not in ("input_ids", "attention_mask")}
    if "mm_token_type_ids" in more:
        more["mm_token_type_ids"] = torch.nn.functional.pad(more["mm_token_type_ids"], (0, filled.shape[1]))
    return {
        **more,
        "prompt_ids": batch["input_ids"],
        "prompt_mask": batch["attention_mask"],
        "completion_ids": filled,
        "completion_mask": torch.nn.utils.rnn.pad_sequence(masks, batch_first=True),
        "advantages": lesson.advantages,
        "num_images": [1] * len(answers),
    }


def test_a_killed_training_ends_as_one_that_was_not(
    model: Path, data: Path, benchmark: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_letters(model, monkeypatch)
    settings = {"max_steps": 4, "save_every": 2, "eval_data": benchmark, "eval_every": 4, "eval_limit": 1}
    whole = train(model, data, tmp_path / "whole", **settings)

    out = tmp_path / "killed"
    options = {"model": model, "data": data, "out": out, **SMALL, **settings}
    command = ["train", *(f"--{name.replace('_', '-')}={value}" for name, value in options.items())]
    with begun(command, first=partial(hold_after, 3, model), modules=TRAINING) as process:
        log = out / "train_log.jsonl"
        wait_until(lambda: log.exists() and any(line["step"] == 3 for line in log_of(out)), process)
        process.kill()
    assert [folder.name for folder in out.glob("checkpoint-*")] == ["checkpoint-2"] and not (out / "adapter").exists()
    torn = out / "checkpoint-3"
    torn.mkdir()
    (torn / "adapter_model.safetensors").write_bytes(b"half")
    continued = train(model, data, out, **settings)

    assert not torn.exists()
    one, other = (load_file(folder / "adapter_model.safetensors") for folder in (whole, continued))
    assert all(torch.equal(one[name], other[name]) for name in one)
    logs = [[line | {"seconds": 0} for line in log_of(folder)] for folder in (tmp_path / "whole", out)]
    assert [line["step"] for line in logs[0]] == [0, 1, 2, 3, 4, 4]
    assert logs[0] == logs[1]


def test_a_resumed_training_ends_with_the_same_weights(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_letters(model, monkeypatch)
    options = {"full": True, "learning_rate": 3e-3, "max_steps": 2, "save_every": 1}
    at_once = train(model, data, tmp_path / "at_once", **options)
    later = shutil.ignore_patterns(at_once.name, "checkpoint-2", ".lock")
    shutil.copytree(tmp_path / "at_once", tmp_path / "resumed", ignore=later)
    resumed = train(model, data, tmp_path / "resumed", **options)
    [expected], [found] = (list(map(load_file, folder.glob("*.safetensors"))) for folder in (at_once, resumed))
    assert expected.keys() == found.keys()
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_streamed_rows_train(model: Path, data: Path, tmp_path: Path) -> None:
    train(model, data, tmp_path / "out", stream=True, generations=2)
    assert [line["step"] for line in log_of(tmp_path / "out")] == [1, 2, 3]  # 24 rows, 8 prompts per step


def test_a_loss_that_is_no_number_ends_the_training(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        trainer.Trainer,
        "compute_loss",
        lambda self, network, *_, **__: (
            sum(weights.sum() for weights in network.parameters() if weights.requires_grad) * math.nan
        ),
    )
    with pytest.raises(ProactiveBenchError, match=r"Step 1: loss is nan.*--learning-rate"):
        train(model, data, tmp_path / "out", max_steps=8)
    assert not any((tmp_path / "out").glob("checkpoint-*"))


def test_weights_that_explode_end_the_training(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer_with_letters(model, monkeypatch)
    with pytest.raises(ProactiveBenchError, match=r"Step \d+: .*--learning-rate"):
        train(model, data, tmp_path / "out", max_steps=8, full=True, learning_rate=1e30)


def test_a_training_without_signal_ends_with_the_likely_cause(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "PROMPTS_WITHOUT_SIGNAL", 4)
    monkeypatch.setattr(Reward, "of", lambda self, verdict: 0.0)
    with pytest.raises(ProactiveBenchError, match=r"No signal: for the last 4 prompts.*name none of the options"):
        train(model, data, tmp_path / "out", max_steps=8)
    assert [line["no_signal"] for line in log_of(tmp_path / "out")] == [1, 1]


def test_a_training_that_has_nothing_left_to_learn_ends_early_and_keeps_the_model(
    model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    earned = chain([0.0, 1.0] * 8, repeat(1.0))
    monkeypatch.setattr(watch, "PROMPTS_WITHOUT_SIGNAL", 4)
    monkeypatch.setattr(Reward, "of", lambda self, verdict: next(earned))
    result = train(model, data, tmp_path / "out", max_steps=8)
    assert [line["no_signal"] for line in log_of(tmp_path / "out")] == [0, 1, 1]
    assert (result / "adapter_config.json").is_file()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"completions_per_step": 512}, r"has 24 rows, but one step takes 64 different prompts"),
        ({"report_to": "trackio"}, r"--report-to trackio needs trackio: pip install trackio"),
        ({"per_device_batch": 5}, r"16 cannot be divided over 1 device"),
    ],
)
def test_what_cannot_work_is_refused_before_it_starts(
    model: Path, data: Path, tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        train(model, data, tmp_path / "out", **settings)
