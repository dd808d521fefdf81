from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from commands.train import train
from proactivebench import training
from proactivebench.errors import UsageError
from proactivebench.training.settings import BatchPlan, TrainSettings


def settings(**changes: Any) -> TrainSettings:
    return TrainSettings(model="m", data="d", **changes)


def test_the_defaults_are_those_of_the_paper() -> None:
    default = settings()
    assert (default.completions_per_step, default.generations, default.prompts_per_step) == (512, 8, 64)
    assert (default.learning_rate, default.epochs, default.proactive_reward) == (2e-5, 1, 0.75)
    assert (default.lora_rank, default.lora_alpha, default.lora_dropout) == (16, 16, 0.1)


@pytest.mark.parametrize(
    ("devices", "changes", "plan"),
    [
        (1, {}, BatchPlan(1, 64, 8)),
        (4, {}, BatchPlan(4, 16, 8)),
        (16, {"per_device_batch": 4}, BatchPlan(16, 8, 8)),
        (1, {"generate_at_once": 512}, BatchPlan(1, 64, 64)),
        (1, {"generate_at_once": 1}, BatchPlan(1, 64, 1)),
        (1, {"per_device_batch": 2, "generate_at_once": 2}, BatchPlan(1, 256, 4)),
    ],
)
def test_answers_are_spread_over_devices_and_passes(devices: int, changes: dict[str, Any], plan: BatchPlan) -> None:
    assert BatchPlan.of(settings(**changes), devices) == plan


@given(
    devices=st.integers(1, 8),
    batch=st.integers(1, 32),
    generations=st.integers(2, 16),
    prompts=st.integers(1, 64),
    at_once=st.integers(1, 600),
)
def test_a_plan_learns_from_exactly_the_answers_of_a_step(
    devices: int, batch: int, generations: int, prompts: int, at_once: int
) -> None:
    chosen = settings(
        per_device_batch=batch,
        generations=generations,
        completions_per_step=prompts * generations,
        generate_at_once=at_once,
    )
    try:
        plan = BatchPlan.of(chosen, devices)
    except UsageError:
        assert chosen.completions_per_step % (devices * batch)
        return
    assert devices * batch * plan.accumulation == chosen.completions_per_step
    assert plan.accumulation % plan.passes_per_generation == 0
    assert devices * batch * plan.passes_per_generation % generations == 0


def test_answers_that_cannot_be_divided_are_refused() -> None:
    with pytest.raises(UsageError, match=r"512 cannot be divided over 3 device.*expected a multiple of 24"):
        BatchPlan.of(settings(), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"proactive_reward": 1.5}, "--proactive-reward is 1.5, expected a number from 0 to 1"),
        ({"learning_rate": 0.0}, "--learning-rate is 0.0, expected a number above 0"),
        ({"learning_rate": float("nan")}, "--learning-rate is nan"),
        ({"generations": 1}, "--generations is 1, expected at least 2"),
        ({"completions_per_step": 100}, "--completions-per-step is 100, expected a multiple of --generations, 8"),
        ({"save_every": 0}, "--save-every is 0, expected at least 1"),
        ({"report_to": "paper"}, "--report-to is paper, expected trackio or wandb"),
        ({"multi_turn": True, "eval_data": Path("d")}, "nothing would be held out"),
    ],
)
def test_impossible_settings_name_the_option_and_what_is_expected(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        settings(**changes)


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[TrainSettings, Path]]:
    """What the command hands to the trainer, which is not called."""
    from proactivebench.training import folder, grpo

    calls: list[tuple[TrainSettings, Path]] = []

    def note(settings: TrainSettings, out: Path, console: Any) -> Path:
        calls.append((settings, out))
        return out

    monkeypatch.setattr(grpo, "train", note)
    monkeypatch.setattr(folder, "summary", lambda out: f"trained in {out}")
    return calls


def test_the_command_line_has_every_setting_with_its_default(trained: list[tuple[TrainSettings, Path]]) -> None:
    result = CliRunner().invoke(train, ["--model", "m", "--data", "d", "--out", "o"], catch_exceptions=False)
    assert result.exit_code == 0
    assert trained == [(settings(), Path("o"))]


def test_a_config_file_gives_settings_and_options_go_before_it(
    trained: list[tuple[TrainSettings, Path]], tmp_path: Path
) -> None:
    config = tmp_path / "train.toml"
    config.write_text('model = "m"\ndata = "d"\nout = "o"\nfull = true\ngenerations = 4\nproactive_reward = 0.5\n')
    result = CliRunner().invoke(train, ["--config", str(config), "--generations", "16"], catch_exceptions=False)
    assert result.exit_code == 0
    assert trained == [(settings(full=True, generations=16, proactive_reward=0.5), Path("o"))]


@pytest.mark.parametrize(
    ("text", "message"), [("lora = 1", "'lora', which is not a setting"), ("lora =", "cannot be read as TOML")]
)
def test_a_wrong_config_file_is_refused(tmp_path: Path, text: str, message: str) -> None:
    config = tmp_path / "train.toml"
    config.write_text(text)
    with pytest.raises(UsageError, match=message):
        CliRunner().invoke(train, ["--config", str(config)], catch_exceptions=False)


def test_settings_are_kept_as_json() -> None:
    kept = json.loads(json.dumps(settings(eval_data=Path("bench")).as_json()))
    assert kept["eval_data"] == "bench"
    assert kept.keys() == {field.name for field in fields(TrainSettings)}


@pytest.mark.parametrize("stage", [2, 3])
def test_the_shipped_configurations_are_ones_of_accelerate(stage: int) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(Path(training.__file__).parent / "configs" / f"zero{stage}.yaml"))
    assert config.distributed_type == "DEEPSPEED"
    assert config.deepspeed_config["zero_stage"] == stage
    assert config.mixed_precision == "bf16"
