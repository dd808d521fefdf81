"""Samples per second of the evaluator beside the plain loop: one picture, one `generate`, one answer at a time.

Both play the same samples with the same loaded model, the same number of threads and the same longest reply, in turns;
the fastest round of each counts, because other work on the machine only ever slows one down. Ours is the whole
evaluation, episodes on disk and metrics with intervals included. The device waits whenever no generation is under way.
On a machine that others use too, the ratio of processor seconds says more than that of time; it knows nothing of the
cores that ours keeps busy at once. Prints one JSON line.

    python benchmarks/evaluate.py                                   # a tiny model, on any machine
    python benchmarks/evaluate.py --config qwen2.5-vl-7b --picture-size coco --samples 280 --max-new-tokens 10
    python benchmarks/evaluate.py --model Qwen/Qwen2.5-VL-7B-Instruct

`--config` builds a model of full size with random weights, which needs no download, and a GPU. Random weights never
choose an option, so every episode has one turn; and they would end replies at random, so every reply is made to have
the full length.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image

from benchmarks.full_size import CONFIGS, full_size
from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from commands.shared import quieten
from proactivebench import prompts
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.plan import plan
from proactivebench.evaluation.settings import Settings
from proactivebench.frames import Frames
from proactivebench.models.checkpoints import Checkpoint, load_checkpoint
from proactivebench.models.transformers_model import DEFAULT_BATCH, TransformersModel
from proactivebench.scenarios import QD, Environment, Sample, make_environment
from raw_sources.quickdraw import QuickDraw
from tests.support.tiny_models import FAMILIES, tiny_model

DRAWINGS = Path(__file__).parent.parent / "raw_sources" / "bundled" / "quickdraw" / "simplified"
PER_CATEGORY = 14
WARM_UP = 4
"""Samples that are played before the clock starts."""


def build_benchmark(folder: Path, picture_size: str) -> Benchmark:
    """Builds 280 samples; for `coco` their frames are replaced by noisy JPEG pictures of 640 x 480 pixels."""
    build(QuickDrawBuilder(QuickDraw.locate(DRAWINGS), per_category=PER_CATEGORY), folder)
    if picture_size == "coco":
        for path in folder.rglob("*.png"):
            with Image.open(path) as frame:
                shown = coco_like(frame)
            shown.save(path, format="JPEG", quality=90)  # pictures are recognised by what they are
    return Benchmark.open(folder)


def coco_like(picture: Image.Image) -> Image.Image:
    """A picture as large as those of COCO, 640 x 480 pixels, and about as hard to compress."""
    noise = Image.effect_noise((640, 480), 60).convert("RGB")
    return Image.blend(picture.convert("RGB").resize(noise.size), noise, 0.3)


def question(environment: Environment) -> tuple[str, str]:
    """Path of the frame and text of the question that an environment asks now."""
    shown = environment.observe()
    return shown.frame_path, prompts.multiple_choice(shown.question, shown.options, short_answer=True)


class Round(NamedTuple):
    """One side's play of samples: how long it took, how much of that was generating, and of all cores, in seconds."""

    seconds: float
    generating: float
    processor: float
    samples: int

    @property
    def waited(self) -> float:
        """Share of the time in which the device had nothing to do."""
        return 1 - self.generating / self.seconds

    @property
    def rate(self) -> float:
        """Samples per second."""
        return self.samples / self.seconds

    @property
    def processor_rate(self) -> float:
        """Samples per second of one core."""
        return self.samples / self.processor


def plain_loop(
    checkpoint: Checkpoint, benchmark: Benchmark, samples: list[Sample], options: argparse.Namespace
) -> Round:
    """Plays samples as one does without an evaluator."""
    network, processor = checkpoint.network, checkpoint.processor
    generating = 0.0
    samples = samples[: options.loop_samples]
    started, processor_started = time.perf_counter(), time.process_time()
    for sample in samples:
        environment = make_environment(sample)
        while not environment.done:
            path, text = question(environment)
            with Image.open(benchmark.root / path) as stored:
                picture = stored.convert("RGB")
            content = [{"type": "image", "image": picture}, {"type": "text", "text": text}]
            inputs = processor.apply_chat_template(
                [{"role": "user", "content": content}],
                add_generation_prompt=True,
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
            ).to(network.device, network.dtype)
            begun = time.perf_counter()
            with torch.inference_mode():
                tokens = network.generate(**inputs, max_new_tokens=options.max_new_tokens, do_sample=False).cpu()
            generating += time.perf_counter() - begun
            environment.step(processor.decode(tokens[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True))
    used = time.process_time() - processor_started
    return Round(time.perf_counter() - started, generating, used, len(samples))


def ours(checkpoint: Checkpoint, benchmark: Benchmark, samples: list[Sample], options: argparse.Namespace) -> Round:
    """Evaluates the same samples."""
    started, processor_started = time.perf_counter(), time.process_time()
    model = TransformersModel(checkpoint, batch_size=options.batch_size, max_new_tokens=options.max_new_tokens)
    with tempfile.TemporaryDirectory() as run:
        scores = evaluate(benchmark, [QD], model, Settings(limit=len(samples)), Path(run))["scenarios"]["QD"]
    assert (scores["n"], scores["errors"]) == (len(samples), 0), scores
    used = time.process_time() - processor_started
    return Round(time.perf_counter() - started, model.generating, used, len(samples))


def vllm(folder: Path, benchmark: Benchmark, samples: list[Sample], options: argparse.Namespace) -> dict[str, Any]:
    """Evaluates the same samples with vLLM in this process, which leaves out what it takes to start."""
    from proactivebench.models.vllm_model import VllmModel

    model = VllmModel(str(folder), max_new_tokens=options.max_new_tokens, engine={"max_model_len": 8192})
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as run:
        scores = evaluate(benchmark, [QD], model, Settings(limit=len(samples)), Path(run))["scenarios"]["QD"]
    assert (scores["n"], scores["errors"]) == (len(samples), 0), scores
    return {"samples": len(samples), "samples_per_s": round(len(samples) / (time.perf_counter() - started), 2)}


def planned(benchmark: Benchmark, options: argparse.Namespace) -> list[Sample]:
    """The samples that are played."""
    frames = Frames.of(benchmark, [QD])
    return [task.sample for task in plan(benchmark, [QD], frames, Settings(limit=options.samples)).tasks()]


def measure(checkpoint: Checkpoint, benchmark: Benchmark, options: argparse.Namespace) -> dict[str, Any]:
    """Lets both sides play, and returns the figures."""
    samples = planned(benchmark, options)
    for side in (plain_loop, ours):
        side(checkpoint, benchmark, samples[:WARM_UP], options)
    sides = [
        [side(checkpoint, benchmark, samples, options) for side in (plain_loop, ours)] for _ in range(options.rounds)
    ]
    loops, evaluations = zip(*sides, strict=True)
    loop, evaluator = min(loops), min(evaluations)
    lean_loop, lean = (max(side, key=lambda played: played.processor_rate) for side in (loops, evaluations))
    return {
        "samples": len(samples),
        "samples_per_s": round(evaluator.rate, 2),
        "loop_samples_per_s": round(loop.rate, 2),
        "ratio": round(evaluator.rate / loop.rate, 2),
        "processor_ratio": round(lean.processor_rate / lean_loop.processor_rate, 2),
        "device_waited": round(evaluator.waited, 3),
        "loop_device_waited": round(loop.waited, 3),
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--family", choices=FAMILIES, default="qwen2_5_vl", help="a tiny model; default: %(default)s")
    which.add_argument("--config", choices=CONFIGS, help="a model of full size with random weights")
    which.add_argument("--model", help="a real model: a folder, or an id on the Hub")
    parser.add_argument("--vllm", action="store_true", help="vLLM in this process, and nothing beside it")
    parser.add_argument("--batch-size", type=int, help="default: as evaluate chooses")
    parser.add_argument("--samples", type=int, default=100, help="at most 280; default: %(default)s")
    parser.add_argument("--loop-samples", type=int, help="of these, what the plain loop plays; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--max-new-tokens", type=int, default=50, help="default: %(default)s")
    parser.add_argument("--picture-size", choices=["quickdraw", "coco"], default="quickdraw")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch, for both sides")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    quieten()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        benchmark = build_benchmark(folder / "data", options.picture_size)
        texts = [question(make_environment(sample))[1] for sample in benchmark.samples(QD)]
        if options.config:
            checkpoint = full_size(options.config, texts)
        else:
            checkpoint = load_checkpoint(options.model or str(tiny_model(options.family, folder / "model", texts)))
        device = checkpoint.network.device
        if options.vllm:
            checkpoint.network.save_pretrained(folder / "engine")
            checkpoint.processor.save_pretrained(folder / "engine")
            del checkpoint
            torch.cuda.empty_cache()
            figures = vllm(folder / "engine", benchmark, planned(benchmark, options), options)
        else:
            if options.model is None:
                checkpoint.network.generation_config.min_new_tokens = options.max_new_tokens
            figures = measure(checkpoint, benchmark, options)
    line = {
        "benchmark": "evaluate_vllm" if options.vllm else "evaluate",
        "model": options.model or options.config or f"tiny {options.family}",
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "threads": options.threads,
        "batch_size": options.batch_size or DEFAULT_BATCH,
        "picture_size": options.picture_size,
        "max_new_tokens": options.max_new_tokens,
        **figures,
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
