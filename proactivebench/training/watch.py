"""What is seen of a training: a line per step in `train_log.jsonl`, the progress on the terminal, and the alarms.

A training that cannot learn ends here with the reason, before it burns hours: a loss that is not a number any more, or
answers that all earn the same, so that nothing tells the better from the worse. Where they once differed and now all
earn something, the model has learned what there was to learn (with r_p = 1: to ask always), which is not an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from proactivebench.errors import ProactiveBenchError
from proactivebench.training.folder import LOG
from proactivebench.work.lines import LineFile

PROMPTS_WITHOUT_SIGNAL = 1024
"""Prompts in a row, each with equal rewards for all its answers, after which a training ends."""

NAMES = {
    "reward": "reward",
    "reward_std": "reward_std",
    "frac_reward_zero_std": "no_signal",
    "answers/suggestion": "suggestion",
    "answers/valid_suggestion": "valid_suggestion",
    "answers/abstention": "abstention",
    "answers/category": "category",
    "answers/right_category": "right_category",
    "answers/unreadable": "unreadable",
    "episodes/correct": "correct",
    "episodes/suggestions": "suggestions",
    "completions/mean_length": "length",
    "completions/clipped_ratio": "cut_off",
    "entropy": "entropy",
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "learning_rate",
    "epoch": "epoch",
    "step_time": "seconds",
}
"""TRL's name of a metric -> its name in the log."""


def training_progress(console: Console) -> Progress:
    """The progress bar of a training."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        refresh_per_second=2,  # steps take seconds
    )


class Watch(TrainerCallback):
    """Writes the log, moves the progress bar, raises the alarms.

    Args:
        log: Where each step becomes a line; None on all processes but the first.
        progress: Shows how far the training is.
        prompts_per_step: Different prompts that a step learns from.
        folder: The training's folder, for messages.

    Raises:
        ProactiveBenchError: From the training, when it cannot learn any more.
    """

    def __init__(self, log: LineFile | None, progress: Progress, prompts_per_step: int, folder: Path):
        self._log = log
        self._progress = progress
        self._bar = progress.add_task("Training", total=None, visible=log is not None)
        self._prompts_per_step = prompts_per_step
        self._without_signal = 0
        self._folder = folder

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._progress.update(self._bar, total=state.max_steps, completed=state.global_step)

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: Mapping[str, float] | None = None,
        **_: Any,
    ) -> None:
        if not logs or "loss" not in logs:  # the summary at the end
            return
        line = {ours: logs[theirs] for theirs, ours in NAMES.items() if theirs in logs}
        if self._log is not None:
            self._log.append({"step": state.global_step} | line)
        self._progress.update(self._bar, completed=state.global_step, description=_describe(line))
        self._require_finite(state.global_step, line)
        self._require_signal(line, state, control)

    def _require_finite(self, step: int, line: Mapping[str, float]) -> None:
        for name in ("loss", "grad_norm"):
            if not isfinite(line.get(name, 0.0)):
                raise diverged(step, f"{name} is {line[name]}", self._folder)

    def _require_signal(self, line: Mapping[str, float], state: TrainerState, control: TrainerControl) -> None:
        self._without_signal = self._without_signal + self._prompts_per_step if line["no_signal"] == 1 else 0
        if self._without_signal < PROMPTS_WITHOUT_SIGNAL:
            return
        reason = (
            f"No signal: for the last {self._without_signal} prompts, all answers to a prompt earned the same "
            f"(mean reward {line['reward']:.2f}), so there was nothing to learn from. {_likely_cause(line)} "
            f"The log is in {self._folder / LOG}."
        )
        learned = any(entry.get("frac_reward_zero_std", 1) < 1 for entry in state.log_history)
        if line["reward"] == 0 or not learned:
            raise ProactiveBenchError(reason)
        control.should_training_stop = True
        if self._log is not None:
            self._progress.console.print(f"Ended at step {state.global_step}. {reason}", markup=False)


def diverged(step: int, symptom: str, folder: Path) -> ProactiveBenchError:
    """The error of a training whose weights have become useless."""
    return ProactiveBenchError(
        f"Step {step}: {symptom}, the weights are unusable. Checkpoints in {folder} predate this step. Train "
        "again in another folder with a smaller --learning-rate, or look for damaged weights in the model."
    )


def _describe(line: Mapping[str, float]) -> str:
    parts = [f"reward {line['reward']:.2f}"]
    parts += [f"asks {line['suggestion']:.0%}"] if "suggestion" in line else []
    parts += [f"right {line['right_category']:.0%}"] if "right_category" in line else []
    parts += [f"correct {line['correct']:.0%}"] if "correct" in line else []
    parts += [f"asks {line['suggestions']:.1f}x"] if "suggestions" in line else []
    parts += [f"length {line['length']:.0f}"]
    parts += ["[yellow]no signal[/yellow]"] if line["no_signal"] == 1 else []
    return "  ".join(parts)


def _likely_cause(line: Mapping[str, float]) -> str:
    if line.get("unreadable", 0) > 0.5:
        return (
            f"{line['unreadable']:.0%} of the answers name none of the options: the model does not answer in the form "
            "that is asked for. Choose a model that follows instructions, or a larger --max-new-tokens if answers are "
            f"cut off ({line['cut_off']:.0%} are)."
        )
    if line.get("suggestion", 0) > 0.9:
        return "The model always asks; a smaller --proactive-reward makes useless asking pay less."
    return "The model always gives the same answer; a larger --temperature makes it try others."
