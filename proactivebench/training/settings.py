"""The settings of a training: options of the command line, keys of a TOML file, and what `train.json` keeps.

Each setting is said once, here: its name, its default, its help. The defaults are those of the paper (arXiv:2603.19466,
section 5); where the paper is silent, the help says who decided. Standard library only, as the command line reads the
fields before anything else is needed.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

from proactivebench.errors import UsageError


@dataclass(frozen=True)
class TrainSettings:
    """All settings; the text beside each is its documentation, and its help on the command line.

    Raises:
        UsageError: A value lies outside its range, or two contradict each other.
    """

    model: Annotated[str, "Model to train: an id on the Hub, or a folder."]
    data: Annotated[str, "Train split: a folder with data/train-*.parquet, or hub:ID; a benchmark with --multi-turn."]
    proactive_reward: Annotated[float, "Reward of a valid suggestion (r_p), 0 to 1; a right category earns 1."] = 0.75
    full: Annotated[bool, "Train all weights, not a LoRA adapter on the language model's q_proj and k_proj."] = False
    lora_rank: Annotated[int, "Rank of the adapter."] = 16
    lora_alpha: Annotated[int, "Scale of the adapter."] = 16
    lora_dropout: Annotated[float, "Dropout in front of the adapter."] = 0.1
    learning_rate: Annotated[float, "Of AdamW at the first step; it follows a cosine to 0, without warm-up."] = 2e-5
    epochs: Annotated[float, "Passes over the data."] = 1.0
    max_steps: Annotated[
        int | None, "Train for this many steps; the cosine schedule ends there too.  [default: all epochs]"
    ] = None
    completions_per_step: Annotated[int, "Answers that one update learns from: prompts times generations."] = 512
    generations: Annotated[int, "Answers to each prompt; they are compared with each other only."] = 8
    per_device_batch: Annotated[int, "Answers in one backward pass of a device; decides memory and speed."] = 8
    generate_at_once: Annotated[int, "Answers that a device generates at once; decides memory and speed."] = 64
    max_new_tokens: Annotated[int, "Tokens of the longest answer; the evaluator's limit."] = 50
    temperature: Annotated[float, "Of sampling; TRL's default, as the paper does not say."] = 1.0
    stream: Annotated[bool, "Read rows as they are needed instead of storing them first."] = False
    multi_turn: Annotated[bool, "Train on whole episodes of a benchmark instead of single turns."] = False
    suggestion_cost: Annotated[float, "With --multi-turn: subtracted for each suggestion."] = 0.1
    save_every: Annotated[int, "Steps between checkpoints; an interrupted training loses no more than that."] = 20
    eval_data: Annotated[Path | None, "Benchmark to play during training; acc, psr and when go to the log."] = None
    eval_every: Annotated[int, "Steps between these evaluations; there is one before the first step, too."] = 20
    eval_limit: Annotated[int, "Samples of each scenario in these evaluations."] = 50
    report_to: Annotated[str | None, "Also send the log to trackio or wandb."] = None
    seed: Annotated[int, "Decides every random choice."] = 0

    def __post_init__(self) -> None:
        for name in ("proactive_reward", "lora_dropout", "suggestion_cost"):
            self._require(0 <= getattr(self, name) <= 1, name, "a number from 0 to 1")
        for name in ("learning_rate", "epochs", "temperature"):
            self._require(isfinite(getattr(self, name)) and getattr(self, name) > 0, name, "a number above 0")
        for name, value in dataclasses.asdict(self).items():
            if type(value) is int and name != "seed":
                self._require(value >= 1, name, "at least 1")
        self._require(self.generations >= 2, "generations", "at least 2, as answers are compared with each other")
        self._require(
            self.completions_per_step % self.generations == 0,
            "completions_per_step",
            f"a multiple of --generations, {self.generations}",
        )
        self._require(self.report_to in (None, "trackio", "wandb"), "report_to", "trackio or wandb")
        if self.multi_turn and self.eval_data is not None and self.eval_data.resolve() == Path(self.data).resolve():
            raise UsageError("--eval-data and --data are the same benchmark; nothing would be held out.")

    def _require(self, holds: bool, name: str, expected: str) -> None:
        if not holds:
            raise UsageError(f"{option_name(name)} is {getattr(self, name)}, expected {expected}.")

    @property
    def prompts_per_step(self) -> int:
        """Different prompts that one update learns from."""
        return self.completions_per_step // self.generations

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON values."""
        return {
            name: str(value) if isinstance(value, Path) else value for name, value in dataclasses.asdict(self).items()
        }


def option_name(setting: str) -> str:
    """The name of a setting on the command line."""
    return f"--{setting.replace('_', '-')}"


@dataclass(frozen=True)
class BatchPlan:
    """How one update's answers are spread over devices and time.

    Attributes:
        devices: Processes that train together, each with its device.
        accumulation: Backward passes of each device before the weights change.
        passes_per_generation: How many of these passes share one call that generates.
    """

    devices: int
    accumulation: int
    passes_per_generation: int

    @classmethod
    def of(cls, settings: TrainSettings, devices: int) -> BatchPlan:
        """Derives the plan.

        The paper's batch of 512 counts answers: 64 prompts with 8 answers each. A device takes `per_device_batch` of
        them per backward pass, so one device with 8 accumulates 64 passes, four devices 16 each. Answers are generated
        by several passes together, as generating many costs little more than few: as many as `generate_at_once` allows
        and as whole groups of one prompt need.

        Raises:
            UsageError: The answers cannot be divided evenly.
        """
        per_pass = settings.per_device_batch * devices
        if settings.completions_per_step % per_pass:
            raise UsageError(
                f"--completions-per-step {settings.completions_per_step} cannot be divided over {devices} device(s) "
                f"with --per-device-batch {settings.per_device_batch}: expected a multiple of {per_pass}."
            )
        accumulation = settings.completions_per_step // per_pass
        whole_groups = [
            passes
            for passes in range(1, accumulation + 1)
            if accumulation % passes == 0 and passes * per_pass % settings.generations == 0
        ]  # never empty: all passes together hold whole groups
        small_enough = [n for n in whole_groups if n * settings.per_device_batch <= settings.generate_at_once]
        return cls(devices, accumulation, max(small_enough, default=whole_groups[0]))
