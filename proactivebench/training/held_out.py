"""The evaluation during a training: a small benchmark is played with the weights as they are, by the evaluator itself.

So acc and psr move in the log in exactly the sense in which they are reported later, and so does `when`, for which the
same samples are played once more in mode `forced`. The episodes of each evaluation stay in the training's folder, as
runs like any other. Where all weights are trained (`--full`) they have 32 bits; `evaluate` plays them in bfloat16 on a
GPU, and so does this, with a copy. ZeRO-3 alone, which deals weights out, plays them as they are.
"""

from __future__ import annotations

import copy
import shutil
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled
from trl.models.utils import unwrap_model_for_generation

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.when import measure_run
from proactivebench.models.checkpoints import Checkpoint, usual_precision
from proactivebench.models.processors import Processor
from proactivebench.models.transformers_model import TransformersModel
from proactivebench.training.folder import HELD_OUT
from proactivebench.training.settings import TrainSettings
from proactivebench.work.lines import LineFile


class HeldOut(TrainerCallback):
    """Plays a benchmark before the first step, every few steps, and after the last.

    Args:
        trainer: The trainer, which knows how to bring weights together that several devices hold, and has a log of its
            own (`report`).
        benchmark: What to play.
        settings: How often, and how many samples.
        processor: The model's processor.
        folder: The training's folder.
        log: Where the scores become a line; None on all processes but the first.
    """

    def __init__(
        self,
        trainer: Any,
        benchmark: Benchmark,
        settings: TrainSettings,
        processor: Processor,
        folder: Path,
        log: LineFile | None,
    ):
        self._trainer = trainer
        self._benchmark = benchmark
        self._settings = settings
        self._processor = processor
        self._folder = folder / HELD_OUT
        self._log = log

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step == 0:
            self._evaluate(0)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step % self._settings.eval_every == 0 or state.global_step == state.max_steps:
            self._evaluate(state.global_step)

    def _evaluate(self, step: int) -> None:
        accelerator = self._trainer.accelerator
        folder = self._folder / f"step-{step:06d}"
        if accelerator.is_main_process:
            shutil.rmtree(folder, ignore_errors=True)  # of the same step before an interruption
        accelerator.wait_for_everyone()
        # All processes play together, each with all the weights, of which it holds but a part under ZeRO-3.
        with unwrap_model_for_generation(self._trainer.model_wrapped, accelerator) as network:
            was_training = network.training
            played, forced = self._as_evaluated(network.eval()), folder / "forced"
            metrics = self._play(played, step, folder, history=self._settings.multi_turn)
            self._play(played, step, forced, mode="forced")
            network.train(was_training)
        when = measure_run(folder, forced)["average"]["when"] if accelerator.is_main_process else None
        scores = {name: metrics["average"][name] for name in ("acc", "psr")} | {"when": when}
        answers = {name: scenario["answers"] for name, scenario in metrics["scenarios"].items() if scenario["n"]}
        if self._log is not None:
            self._log.append({"step": step, "held_out": scores | {"answers": answers}})
        self._trainer.report({f"held_out/{name}": value for name, value in scores.items() if value is not None})

    def _as_evaluated(self, network: Any) -> Any:
        """The network as `evaluate` loads what is saved of it."""
        precision = usual_precision(network.device)
        if not self._settings.full or network.dtype == precision or is_deepspeed_zero3_enabled():  # type: ignore[no-untyped-call]
            return network
        twin = type(network)._from_config(copy.deepcopy(network.config), dtype=precision).to(network.device)
        twin.load_state_dict(network.state_dict())
        twin.generation_config = network.generation_config
        return twin.eval()

    def _play(self, network: Any, step: int, folder: Path, **how: Any) -> dict[str, Any]:
        precision = str(network.dtype).removeprefix("torch.")
        origin = {"model": self._settings.model, "step": str(step), "dtype": precision}
        checkpoint = Checkpoint(network, self._processor, origin)
        model = TransformersModel(
            checkpoint, batch_size=self._settings.generate_at_once, max_new_tokens=self._settings.max_new_tokens
        )
        settings = Settings(limit=self._settings.eval_limit, **how)
        return engine.evaluate(self._benchmark, self._benchmark.scenarios, model, settings, folder)
