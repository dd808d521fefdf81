"""The folder of a training: what it holds, from where it continues after an interruption, and when it is finished.

`train.json` says everything that decides the result, `train_log.jsonl` has a line per step, it continues from
`checkpoint-N`, `held_out` holds the evaluations, and `adapter` (or `model`) appears, complete, at the end.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import accelerate
import pyarrow as pa
import torch
import transformers
import trl
from safetensors import SafetensorError

from proactivebench import __version__
from proactivebench.errors import ProactiveBenchError, ResumableError
from proactivebench.models.processors import Processor
from proactivebench.training.settings import TrainSettings
from proactivebench.work.files import parse_json, whole, writing
from proactivebench.work.lines import LineFile, complete_lines

DESCRIPTION, LOG, HELD_OUT = "train.json", "train_log.jsonl", "held_out"

_OF_THE_WRITER = ("inline_container.cc", "PytorchStreamWriter")
"""What is in the messages of a file that torch cannot write."""


def identity(settings: TrainSettings, model_revision: str, data_revision: object) -> dict[str, Any]:
    """Everything that decides the result, and how it is watched, as JSON values."""
    return {
        "toolkit": __version__,
        "settings": settings.as_json(),
        "model_revision": model_revision,
        "data_revision": data_revision,
        "versions": {library.__name__: library.__version__ for library in (torch, transformers, trl, accelerate)},
    }


def _step_of(checkpoint: Path) -> int:
    """Raises OSError or ValueError for a checkpoint that is not complete: its state is written last."""
    return int(parse_json((checkpoint / "trainer_state.json").read_bytes())["global_step"])


def remove_torn_checkpoints(folder: Path) -> None:
    """Removes what an interruption left unfinished."""
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            _step_of(checkpoint)
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)


def last_checkpoint(folder: Path) -> tuple[str | None, int]:
    """The checkpoint to continue from, and its step; None and 0 where there is none."""
    checkpoints = {_step_of(path): path for path in folder.glob("checkpoint-*")}
    step = max(checkpoints, default=0)
    return (str(checkpoints[step]) if step else None), step


def open_log(folder: Path, step: int) -> LineFile:
    """Opens the log to continue after a step; lines of later steps, which are trained again, are dropped."""
    path = folder / LOG
    return LineFile(path, [line for line in complete_lines(path) if parse_json(line)["step"] <= step])


@contextmanager
def saving(folder: Path) -> Iterator[None]:
    """Training, whose libraries say in ways of their own what a disk does to them.

    Raises:
        ProactiveBenchError: Streamed rows cannot be read.
        ResumableError: Something could not be written; what was saved before is kept.
    """
    try:
        with writing(folder):
            try:
                yield
            except (OSError, pa.ArrowException) as error:
                if getattr(error, "errno", None) is not None:  # of the system, and not of Arrow's reader
                    raise
                raise ProactiveBenchError(f"The train split cannot be read: {error}") from error
    except (SafetensorError, RuntimeError) as error:
        said = str(error)
        if not isinstance(error, SafetensorError) and not any(part in said for part in _OF_THE_WRITER):
            raise
        raise ResumableError(f"{folder}: a checkpoint could not be written ({said}). Is the disk full?") from error


def save_result(trainer: Any, processor: Processor, result: Path) -> None:
    """Saves what was trained, with its processor, so that the folder appears complete or not at all.

    Called by all processes, as each may hold a part of the weights; the first one writes.
    """
    first = trainer.is_world_process_zero()
    with whole(result) if first else nullcontext(result) as unfinished:
        trainer.save_model(str(unfinished))
        if first:
            processor.save_pretrained(unfinished)  # as it came
            (unfinished / "training_args.bin").unlink()  # a pickle, which nobody should have to trust
            (unfinished / "README.md").unlink(missing_ok=True)  # a form with nothing filled in
    trainer.accelerator.wait_for_everyone()


def summary(folder: Path) -> str:
    """What the log says in a sentence: where the reward and the held-out scores began and ended."""
    lines = [parse_json(line) for line in complete_lines(folder / LOG)]
    rewards = [line["reward"] for line in lines if "reward" in line]
    told = f"Reward {rewards[0]:.2f} in the first step, {rewards[-1]:.2f} in the last of {len(rewards)}."
    held_out = [line["held_out"] for line in lines if "held_out" in line and line["held_out"]["acc"] is not None]
    if held_out:
        before, after = held_out[0], held_out[-1]
        told += (
            f" Held out: acc {before['acc']:.1%} before, {after['acc']:.1%} after; psr {before['psr']:.2f} before, "
            f"{after['psr']:.2f} after."
        )
    return told
