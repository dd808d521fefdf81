"""All that is worth knowing of a GPU in one go, within nine minutes: how fast it evaluates, and how fast it trains.

Each part is a program of its own (`benchmarks.evaluate`, `benchmarks.train`), so that it begins with empty memory, and
one that fails or takes too long leaves the others their turn. Models have the sizes of real ones and random weights;
pictures have 640 x 480 pixels. Prints a JSON line for each part, as its program does, and beside it:

- `busy`: share of the time in which the GPU generated;
- `minutes_for_the_benchmark`: what 7,557 samples would take, at the number of turns that the paper's Qwen2.5-VL-7B
  takes for them. It is an estimate: the benchmark's pictures are smaller (drawings) and larger (ROD) than these;
- `failed`: why there is no line of the program.

    python -m benchmarks.gpu
    python -m benchmarks.gpu --tiny   # the same parts with tiny models, on any machine, to see that they work
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from typing import Any, NamedTuple

MINUTES = 9

TURNS_OF_THE_BENCHMARK = 9_231
"""Turns of 7,557 samples, by the paper's mean numbers of suggestions for Qwen2.5-VL-7B."""


class Part(NamedTuple):
    """A program.

    Attributes:
        command: A module and its arguments.
        seconds: How long it may take.
    """

    command: str
    seconds: float


EVALUATE = "benchmarks.evaluate --picture-size coco --rounds 1 --max-new-tokens 10 --samples 280"
ZERO = "accelerate.commands.launch --config_file proactivebench/training/configs/zero{}.yaml --num_processes 1"
TRAIN = "benchmarks.train --gpu --picture-size coco --steps 3"
PARTS = (
    Part(f"{EVALUATE} --config qwen2.5-vl-7b --loop-samples 32", 100),
    Part(f"{EVALUATE} --config internvl3-8b --loop-samples 32", 100),
    Part(f"{EVALUATE} --config qwen2.5-vl-3b --loop-samples 32", 60),
    Part(f"{TRAIN} --completions 128", 120),
    Part(f"{EVALUATE} --config qwen2.5-vl-3b --vllm", 100),
    *(Part(f"{ZERO.format(stage)} -m {TRAIN} --completions 64 --ours-only", 80) for stage in (2, 3)),
)
TINY_PARTS = (
    Part("benchmarks.evaluate --family internvl --rounds 1 --samples 4 --loop-samples 2 --max-new-tokens 2", 300),
    Part("benchmarks.train --steps 2 --rounds 1 --completions 16 --max-new-tokens 2", 300),
)


def run(part: Part, seconds: float) -> dict[str, Any]:
    """Runs a part and returns its line, or one that says why there is none.

    Args:
        part: What to run.
        seconds: How long all may still take.
    """
    limit = min(part.seconds, seconds)
    line: dict[str, Any] = {"part": part.command}
    if limit <= 0:
        return line | {"failed": "no time was left"}
    started = time.monotonic()
    command = [sys.executable, "-m", *part.command.split()]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            output, errors = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            return line | {"failed": f"not done within {limit:.0f} s"}
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # with all that it has started
    line["took_seconds"] = round(time.monotonic() - started, 1)
    said = [text for text in output.splitlines() if text.startswith("{")]
    if process.returncode or not said:
        return line | {"failed": (errors.strip().splitlines() or [f"exit {process.returncode}, no line"])[-1]}
    return line | with_estimates(json.loads(said[-1]))


def with_estimates(line: dict[str, Any]) -> dict[str, Any]:
    """A line of `benchmarks.evaluate` with what follows from it; any other as it is."""
    if "samples_per_s" in line:
        line = line | {"minutes_for_the_benchmark": round(TURNS_OF_THE_BENCHMARK / line["samples_per_s"] / 60, 1)}
    if "device_waited" in line:
        line = line | {"busy": round(1 - line["device_waited"], 3)}
    return line


def main() -> int:
    """Runs all parts and prints their lines; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiny", action="store_true", help="tiny models, on any machine")
    options = parser.parse_args()
    end = time.monotonic() + 60 * MINUTES
    failed = 0
    for part in TINY_PARTS if options.tiny else PARTS:
        line = run(part, end - time.monotonic())
        failed |= "failed" in line
        print(json.dumps(line), flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
