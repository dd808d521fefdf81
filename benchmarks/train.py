"""Prompts per second of a GRPO step, ours beside bare TRL on the same rows, model and settings.

Besides, the line says how many pictures each side prepares in a step, and how a step of ours divides: generating the
answers, the loss (forward), and what preparing pictures takes of both.

What we add to TRL is the reward (reading each answer as the evaluator does), the checked rows, the log and the alarms.
Both sides train in turns in one process, several rounds; each step's processor time is measured from one entry of the
log to the next, and the medians are compared. Tiny random weights make this the worst case: the larger the model, the
smaller the share of everything beside it. Prints one JSON line.

    python -m benchmarks.train
    python -m benchmarks.train --picture-size coco   # 640 x 480, JPEG: what preparing pictures costs shows

On a GPU, Qwen2.5-VL-3B with random weights, to see speed, memory and how long the paper's run takes. Random weights
never end an answer, and a tokenizer of bytes makes prompts longer than a real one; so --max-new-tokens is set to what
trained models need, and the length of the prompts is part of the line.

    python -m benchmarks.train --gpu --steps 4
"""

from __future__ import annotations

import argparse
import io
import itertools
import json
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial, wraps
from pathlib import Path
from typing import Any
from unittest.mock import patch

import datasets
import torch
from PIL import Image
from rich.console import Console
from transformers import AutoModelForImageTextToText, PrinterCallback, Qwen2_5_VLConfig
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from benchmarks.evaluate import coco_like
from commands.shared import quieten
from proactivebench.benchmark import Benchmark
from proactivebench.models.processors import load_processor
from proactivebench.training import grpo
from proactivebench.training.data import COLUMNS
from proactivebench.training.settings import BatchPlan, TrainSettings
from proactivebench.training.trainer import Trainer
from tests.support.small_benchmark import DRAWINGS, build_small
from tests.support.tiny_models import tiny_model
from tests.support.train_rows import single_turns, write_rows

PAPER_ROWS = 26_879

QWEN_3B: dict[str, Any] = {
    "text_config": {
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128_000,
        "vocab_size": 151_936,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    },
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 2048,
        "fullatt_block_indexes": [7, 15, 23, 31],
        "window_size": 112,
        "patch_size": 14,
    },
}
"""The sizes of Qwen2.5-VL-3B, as its published configuration gives them."""


def make_data(folder: Path, picture_size: str) -> Path:
    """A train split of 200 rows from the bundled drawings; for `coco` with noisy JPEG pictures of 640 x 480 pixels."""
    categories = tuple(sorted(path.stem for path in DRAWINGS.iterdir()))
    benchmark = Benchmark.open(build_small(folder / "benchmark", per_category=10, categories=categories))
    rows = list(single_turns(benchmark))
    for row in rows if picture_size == "coco" else ():
        file = io.BytesIO()
        coco_like(row["images"][0]).save(file, format="JPEG", quality=90)
        row["images"] = [Image.open(file)]
    return write_rows(rows, folder / "rows")


def large_model(folder: Path) -> Path:
    """Random weights of the size of Qwen2.5-VL-3B, with the tokenizer and processor of the tiny model."""
    tiny_model("qwen2_5_vl", folder)
    tiny = json.loads((folder / "config.json").read_bytes())
    tokens = {name: tiny[name] for name in ("image_token_id", "video_token_id", "vision_start_token_id")}
    eos = {"eos_token_id": tiny["text_config"]["eos_token_id"], "pad_token_id": 0}
    config = Qwen2_5_VLConfig(
        text_config=QWEN_3B["text_config"] | eos,
        vision_config=QWEN_3B["vision_config"],
        tie_word_embeddings=True,
        **tokens,
    )
    auto: Any = AutoModelForImageTextToText
    with torch.device("cuda"):
        network = auto.from_config(config, dtype=torch.bfloat16)
    network.save_pretrained(folder)
    return folder


def bare_reward(
    completions: list[Any], ground_truth: list[str], proactive_actions: list[list[str]], **_: Any
) -> list[float | None]:
    """The least that a reward can be: texts compared as they are."""
    replies = [completion[0]["content"].strip() for completion in completions]
    return [
        1.0 if reply == truth else 0.75 if reply in actions else 0.0
        for reply, truth, actions in zip(replies, ground_truth, proactive_actions, strict=True)
    ]


def train_with_trl(settings: TrainSettings, out: Path) -> None:
    """The same training without our code, with our numbers."""
    plan = BatchPlan.of(settings, 1)
    on_gpu = torch.cuda.is_available()
    dtype = torch.bfloat16 if on_gpu and not settings.full else torch.float32
    network: Any = AutoModelForImageTextToText.from_pretrained(settings.model, dtype=dtype)
    processor = load_processor(Path(settings.model))
    rows = datasets.load_dataset("parquet", data_files=[f"{settings.data}/data/*.parquet"], split="train")
    rows = rows.select_columns(list(COLUMNS)).cast_column("images", datasets.List(datasets.Image(mode="RGB")))
    trainer = GRPOTrainer(
        model=network.to("cuda" if on_gpu else "cpu"),
        processing_class=processor,
        train_dataset=rows,
        reward_funcs=bare_reward,
        peft_config=grpo.lora(network, settings),
        args=GRPOConfig(
            output_dir=str(out),
            num_generations=settings.generations,
            learning_rate=settings.learning_rate,
            lr_scheduler_type="cosine",
            weight_decay=0.0,
            optim="adamw_torch",
            max_steps=settings.max_steps or -1,
            loss_type="grpo",
            max_completion_length=settings.max_new_tokens,
            per_device_train_batch_size=settings.per_device_batch,
            gradient_accumulation_steps=plan.accumulation,
            steps_per_generation=plan.passes_per_generation,
            gradient_checkpointing=on_gpu,
            bf16=on_gpu,
            use_cpu=not on_gpu,
            seed=settings.seed,
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train()


PARTS = {
    "all": (GRPOTrainer, "training_step"),
    "generation": (Trainer, "_drawn"),
    "loss": (GRPOTrainer, "compute_loss"),
}
"""Part of a step -> the method that does it; what is left of all is the way back, but for the update."""


@contextmanager
def watched(model: Path, clock: Callable[[], float], spent: dict[str, float]) -> Iterator[None]:
    """Adds up the seconds of each part, also of `pictures`, and counts the pictures that are `prepared`."""
    kind = type(load_processor(model).image_processor)

    def timed(method: Callable[..., Any], part: str, timer: Callable[[], float]) -> Callable[..., Any]:
        @wraps(method)
        def measured(self: Any, first: Any, *others: Any, **named: Any) -> Any:
            if part == "pictures":
                spent["prepared"] += sum(len(shown) if isinstance(shown, list) else 1 for shown in first)
            started = timer()
            try:
                return method(self, first, *others, **named)
            finally:
                spent[part] += timer() - started

        return measured

    with ExitStack() as patches:
        for part, (trainer, name) in PARTS.items():
            patches.enter_context(patch.object(trainer, name, timed(getattr(trainer, name), part, clock)))
        prepare = timed(kind.preprocess, "pictures", time.thread_time)
        patches.enter_context(patch.object(kind, "preprocess", prepare))
        yield


def seconds_per_step(train: Callable[[], Any], clock: Callable[[], float]) -> list[float]:
    """Runs a training and returns the time between the entries of its log, the first of which is a warm-up."""
    stamps: list[float] = []
    log = GRPOTrainer.log

    def stamped(self: GRPOTrainer, logs: dict[str, float], start_time: float | None = None) -> None:
        log(self, logs, start_time)
        if "loss" in logs:
            stamps.append(clock())

    with patch.object(GRPOTrainer, "log", stamped):
        train()
    return [after - before for before, after in itertools.pairwise(stamps)]


def main() -> None:
    """Runs both sides and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gpu", action="store_true", help="Qwen2.5-VL-3B with random weights")
    parser.add_argument("--ours-only", action="store_true", help="without bare TRL, as one of several processes")
    parser.add_argument("--picture-size", choices=["quickdraw", "coco"], default="quickdraw")
    parser.add_argument("--steps", type=int, default=12, help="steps of each training")
    parser.add_argument("--rounds", type=int, default=4, help="trainings of each side")
    parser.add_argument("--completions", type=int, help="answers per step; 512 on a GPU, else 64")
    parser.add_argument("--per-device-batch", type=int, default=16)
    parser.add_argument("--generate-at-once", type=int, default=128)
    parser.add_argument("--max-new-tokens", type=int, default=10)
    arguments = parser.parse_args()
    if arguments.gpu and not torch.cuda.is_available():
        parser.error("there is no GPU here")
    quieten()
    clock = time.perf_counter if arguments.gpu else time.process_time
    if not arguments.gpu:
        torch.set_num_threads(1)  # threads that wait for each other count as processor time
    ours: list[float] = []
    bare: list[float] = []
    spent: dict[bool, dict[str, float]] = {True: defaultdict(float), False: defaultdict(float)}
    steps: Counter[bool] = Counter()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        datasets.config.HF_DATASETS_CACHE = str(folder / "cache")
        model = large_model(folder / "model") if arguments.gpu else tiny_model("qwen2_5_vl", folder / "model")
        settings = TrainSettings(
            model=str(model),
            data=str(make_data(folder, arguments.picture_size)),
            completions_per_step=arguments.completions or (512 if arguments.gpu else 64),
            per_device_batch=arguments.per_device_batch,
            generate_at_once=arguments.generate_at_once,
            max_new_tokens=arguments.max_new_tokens,
            max_steps=arguments.steps,
            save_every=arguments.steps,
        )
        for number in range(1 if arguments.gpu else arguments.rounds):
            sides: list[tuple[list[float], Callable[[Path], object]]] = [
                (ours, lambda out: grpo.train(settings, out, Console(quiet=True))),
                *([] if arguments.ours_only else [(bare, lambda out: train_with_trl(settings, out))]),
            ]
            for seconds, run in sides if number % 2 else reversed(sides):
                side, out = seconds is ours, folder / f"{number}-{seconds is ours}"
                with watched(Path(model), clock, spent[side]):
                    seconds += seconds_per_step(partial(run, out), clock)
                steps[side] += arguments.steps
    step = statistics.median(ours)
    bare_step = statistics.median(bare) if bare else None
    line = {
        "benchmark": "train",
        "model": "Qwen2.5-VL-3B, random weights" if arguments.gpu else "tiny Qwen2.5-VL, random weights",
        "device": torch.cuda.get_device_name() if arguments.gpu else "cpu (processor time)",
        "picture_size": arguments.picture_size,
        "completions_per_step": settings.completions_per_step,
        "max_new_tokens": settings.max_new_tokens,
        "prompts_per_second": round(settings.prompts_per_step / step, 2),
        "pictures_prepared_per_step": round(spent[True]["prepared"] / steps[True], 1),
        "shares_of_a_step": {
            part: round(spent[True][part] / spent[True]["all"], 2) for part in ("generation", "loss", "pictures")
        },
    }
    if bare_step:
        line |= {
            "trl_prompts_per_second": round(settings.prompts_per_step / bare_step, 2),
            "ratio": round(bare_step / step, 2),
            "trl_pictures_prepared_per_step": round(spent[False]["prepared"] / steps[False], 1),
        }
    if arguments.gpu:
        line |= {
            "peak_memory_gib": round(torch.cuda.max_memory_allocated() / 2**30, 1),
            "hours_for_the_papers_run": round(PAPER_ROWS / settings.prompts_per_step * step / 3600, 2),
        }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
