"""`train`: GRPO (arXiv:2402.03300) as in section 5 of the paper. Read `train` from top to bottom.

A step takes some prompts, lets the model answer each of them several times, and rewards every answer: 1 for the right
category, r_p for a suggestion that is valid in this frame, 0 for all else. What counts is how much better an answer is
than the others to the same prompt: its advantage, (reward - mean) / standard deviation. One policy gradient step makes
better answers more likely. There is no value model, no reference model (beta is 0: nothing holds the model near where
it began), and no clipping that bites, as every answer is learned from once, by the weights that gave it.

With r_p below 1, asking pays where a guess would be right less often than r_p, and a category pays where it can be
seen. That is all of the method; what else is here says how much, on what, and how it survives an interruption.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from importlib.metadata import version
from pathlib import Path

import torch
from accelerate import PartialState
from peft import LoraConfig
from rich.console import Console
from transformers import PrinterCallback
from trl.trainer.grpo_config import GRPOConfig

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError, require_extra
from proactivebench.models.checkpoints import Network, load_checkpoint
from proactivebench.models.files import locate
from proactivebench.models.processors import sees_pictures
from proactivebench.training.data import PromptLimit, TrainFiles, load_rows
from proactivebench.training.folder import (
    DESCRIPTION,
    identity,
    last_checkpoint,
    open_log,
    remove_torn_checkpoints,
    save_result,
    saving,
)
from proactivebench.training.held_out import HeldOut
from proactivebench.training.multi_turn import Episodes
from proactivebench.training.plays import Play
from proactivebench.training.rewards import Reward, TurnPlay
from proactivebench.training.settings import BatchPlan, TrainSettings
from proactivebench.training.trainer import Fit, Row, Trainer
from proactivebench.training.watch import Watch, diverged, training_progress
from proactivebench.work.folder import DescribedFolder


def train(settings: TrainSettings, out: Path, console: Console) -> Path:
    """Trains a model, or continues the training in a folder.

    Args:
        settings: What to do.
        out: Folder of the training: `train.json`, `train_log.jsonl`, checkpoints, evaluations, and at the end the
            folder `adapter` (or `model` with `full`).
        console: Where to show progress.

    Returns:
        The folder of the trained adapter or model, saved with its processor.

    Raises:
        UsageError: The settings cannot be meant, or the folder holds another training.
        ResumableError: The disk is full or not writable.
        ProactiveBenchError: A row of the data is unfit, or the training cannot learn.
    """
    # Who trains: this process alone, or one of several that `accelerate launch` has started, each with its device.
    on_gpu = torch.cuda.is_available()
    place = PartialState(cpu=not on_gpu)
    _require_launcher(place)
    _require_installed(settings.report_to)
    plan = BatchPlan.of(settings, place.num_processes)
    result = out / ("model" if settings.full else "adapter")

    with ExitStack() as stack:
        progress = stack.enter_context(training_progress(console))

        # What is trained on what. Both are identified before anything is loaded, and the folder is claimed with that.
        loading = progress.add_task(f"Loading {settings.model}", total=None)
        folder, revision = locate(settings.model)
        data = Episodes(Benchmark.open(Path(settings.data))) if settings.multi_turn else TrainFiles.find(settings.data)
        benchmark = None if settings.eval_data is None else Benchmark.open(settings.eval_data)
        steps = _steps(settings, data.rows)
        if place.is_main_process:
            described = stack.enter_context(DescribedFolder(out, DESCRIPTION))
            described.claim(identity(settings, revision, data.fingerprint))
            remove_torn_checkpoints(out)
        place.wait_for_everyone()
        if result.exists():
            return result
        checkpoint, done = last_checkpoint(out)

        # The recipe goes before the model: under ZeRO-3 it decides how weights are loaded. All weights need 32 bits to
        # add up small updates; frozen ones under an adapter do not. Where all are trained, those of the checkpoint are
        # loaded here: files name weights otherwise than networks do, and the Trainer passes over names it cannot place.
        arguments = recipe(settings, plan, steps, out, on_gpu)
        half = on_gpu and not settings.full
        weights = checkpoint if settings.full and checkpoint is not None else folder
        loaded = load_checkpoint(str(weights), device=str(place.device), dtype="bfloat16" if half else "float32")
        network, processor = loaded.network, loaded.processor
        if not sees_pictures(processor):
            raise UsageError(f"{settings.model} is a model of text alone; training needs one that sees pictures.")
        network.name_or_path = settings.model  # what the adapter will name as its base, not the cache's folder
        processor.tokenizer.padding_side = "left"

        # What it is trained on: single turns out of files, or the episodes of a benchmark.
        progress.update(loading, description="Reading the data")
        room = network.config.get_text_config().max_position_embeddings - settings.max_new_tokens
        begin: Callable[[Row], Play]
        if isinstance(data, Episodes):
            rows, begin = data.as_rows(), partial(data.play, suggestion_cost=settings.suggestion_cost)
        else:
            track = partial(progress.track, task_id=loading)
            rows = load_rows(data, PromptLimit(processor, room), stream=settings.stream, track=track)
            begin = partial(TurnPlay, reward=Reward(settings.proactive_reward))
        progress.remove_task(loading)

        # Who trains it, and who watches.
        peft = None if settings.full else lora(network, settings)
        trainer = Trainer(
            begin=begin,
            at_once=settings.generate_at_once,
            room=room,
            model=network,
            args=arguments,
            peft_config=peft,
            train_dataset=rows,
            processing_class=processor,
        )
        trainer.remove_callback(PrinterCallback)
        trainer.add_callback(Fit(trainer, map(begin, rows)))
        log = None
        if place.is_main_process:
            log = open_log(out, done)
            stack.callback(log.close)
        if benchmark is not None:
            trainer.add_callback(HeldOut(trainer, benchmark, settings, processor, out, log))
        trainer.add_callback(Watch(log, progress, settings.prompts_per_step, out))

        stack.enter_context(saving(out))
        try:
            trainer.train(resume_from_checkpoint=checkpoint)
        except RuntimeError as error:
            if "probability tensor contains" not in str(error):
                raise
            raise diverged(trainer.state.global_step, "the model gives no probabilities", out) from error
        save_result(trainer, processor, result)
    return result


def recipe(settings: TrainSettings, plan: BatchPlan, steps: int, out: Path, on_gpu: bool) -> GRPOConfig:
    """What the paper sets, what its silence leaves to us, and how it is computed."""
    return GRPOConfig(
        # The paper's.
        num_generations=settings.generations,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=0,
        optim="adamw_torch",
        weight_decay=0.0,
        max_steps=steps,
        # Ours. The loss is that of the GRPO paper: the mean over answers of the mean over their tokens.
        loss_type="grpo",
        beta=0.0,
        temperature=settings.temperature,
        max_completion_length=settings.max_new_tokens,
        # How it is computed.
        per_device_train_batch_size=settings.per_device_batch,
        gradient_accumulation_steps=plan.accumulation,
        steps_per_generation=plan.passes_per_generation,
        gradient_checkpointing=False,  # see `sharing`
        bf16=on_gpu,
        use_cpu=not on_gpu,
        seed=settings.seed,
        # What is kept and shown.
        output_dir=str(out),
        save_steps=settings.save_every,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        report_to=settings.report_to or "none",
        disable_tqdm=True,
    )


def lora(network: Network, settings: TrainSettings) -> LoraConfig:
    """The adapter: on the query and key projections, as in the paper, of the language model alone, which is ours.

    The paper names q_proj and k_proj and says no more; in models whose vision tower has projections of these names too
    (LLaVA-NeXT is one), the names alone would adapt both.

    Raises:
        UsageError: The language model has no projections of these names.
    """
    decoder = network.get_decoder()
    prefix = next(name for name, module in network.named_modules() if module is decoder)
    targets = rf"{re.escape(prefix)}\..*\.(q_proj|k_proj)"
    if not any(re.fullmatch(targets, name) for name, _ in network.named_modules()):
        raise UsageError(
            f"{settings.model} has no layers q_proj and k_proj in its language model ({type(decoder).__name__}); "
            "train all weights with --full."
        )
    return LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        lora_dropout=settings.lora_dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )


def _steps(settings: TrainSettings, rows: int) -> int:
    in_data = int(rows * settings.epochs) // settings.prompts_per_step
    if rows < settings.prompts_per_step:
        raise UsageError(
            f"{settings.data} has {rows} rows, but one step takes {settings.prompts_per_step} different prompts "
            f"(--completions-per-step {settings.completions_per_step} / --generations {settings.generations}). "
            f"Take at most --completions-per-step {rows * settings.generations}."
        )
    return settings.max_steps or max(1, in_data)


def _require_launcher(place: PartialState) -> None:
    if place.num_processes == 1 and torch.cuda.device_count() > 1:
        raise UsageError(
            f"{torch.cuda.device_count()} GPUs are visible to one process. Start one process for each with `accelerate "
            "launch --config_file CONFIG -m proactivebench train ...` (configurations lie in "
            "proactivebench/training/configs), or choose one GPU with CUDA_VISIBLE_DEVICES=0."
        )


def _require_installed(reporter: str | None) -> None:
    if reporter is not None:
        with require_extra(f"--report-to {reporter}", reporter):
            version(reporter)
