"""The evaluator beside lmms-eval's `generate_until_agentic`, with the same tiny model and the same episodes.

lmms-eval plays our tasks for it (`environments/lmms_eval`) with its class `llava_hf_chat`, in float32 as ours, one
episode at a time, as that output type does. Pictures have 640 x 480 pixels. Each side runs in a process of its own, in
turns; what is counted begins with the loaded model and ends with the scores. Prints one JSON line.

Needs lmms-eval, which has an environment of its own (`make test-lmms-eval`, then `build/test-lmms-eval/bin/pip install
decord`, which that class imports); both sides run there:

    python -m benchmarks.beside_lmms_eval --python build/test-lmms-eval/bin/python
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import torch

from benchmarks.sides import beside, in_turns, measured
from commands.shared import quieten
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.settings import Settings
from proactivebench.models.checkpoints import load_checkpoint
from proactivebench.models.transformers_model import TransformersModel
from proactivebench.scenarios import QD, make_environment

TASKS = Path(__file__).parent.parent / "environments" / "lmms_eval"
SAMPLES = 40
ROUNDS = 2


def ours(benchmark: Benchmark, model: Path, out: Path) -> None:
    """Plays with the evaluator, and prints what it took."""
    checkpoint = load_checkpoint(str(model), device="cpu")

    def play() -> dict[str, Any]:
        settings = Settings(limit=SAMPLES)
        scores = evaluate(benchmark, [QD], TransformersModel(checkpoint), settings, out)["scenarios"]["QD"]
        return {"n": scores["n"], "acc": scores["acc"], "psr": scores["psr"]}

    measured(play)


def lmms_eval(benchmark: Benchmark, model: Path, out: Path) -> None:
    """Plays with lmms-eval, and prints what it took."""
    os.environ |= {
        "PROACTIVEBENCH_DATA": str(benchmark.folder),
        "PROACTIVEBENCH_SETTINGS": json.dumps({"limit": SAMPLES}),
        "HF_HUB_OFFLINE": "1",
    }
    from lmms_eval.evaluator import simple_evaluate
    from lmms_eval.models.chat.llava_hf import LlavaHf
    from lmms_eval.tasks import TaskManager

    network = LlavaHf(str(model), device="cpu", device_map="cpu", dtype="float32")

    def play() -> dict[str, Any]:
        manager = TaskManager("ERROR", include_path=str(TASKS), include_defaults=False)
        with redirect_stdout(sys.stderr):
            found = simple_evaluate(model=network, tasks=["proactivebench_qd"], task_manager=manager, batch_size=1)
        scores = found["results"]["proactivebench_qd"]
        return {"n": SAMPLES, "acc": scores["acc,none"], "psr": scores["psr,none"]}

    measured(play)


SIDES = {"ours": ours, "lmms_eval": lmms_eval}


def main() -> None:
    """Runs both sides and prints the line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("side", "data", "model"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)  # of the processes that this one starts
    parser.add_argument("--python", default="build/test-lmms-eval/bin/python", help="default: %(default)s")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="of torch, for both sides")
    options = parser.parse_args()
    quieten()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.side:
            SIDES[options.side](Benchmark.open(Path(options.data)), Path(options.model), folder / "run")
            return
        from benchmarks.evaluate import build_benchmark, question
        from tests.support.tiny_models import tiny_model

        benchmark = build_benchmark(folder / "data", "coco")
        texts = [question(make_environment(sample))[1] for sample in benchmark.samples(QD)]
        model = tiny_model("llava", folder / "model", texts)
        arguments = ("--data", benchmark.folder, "--model", model, "--threads", options.threads)
        played = in_turns("benchmarks.beside_lmms_eval", list(SIDES), arguments, ROUNDS, options.python)
    mine, other = played.values()
    same = (mine["n"], mine["acc"], mine["psr"]) == (other["n"], other["acc"], other["psr"])
    about = {"episodes": SAMPLES, "threads": options.threads, "same_scores": same}
    print(json.dumps({"benchmark": "beside_lmms_eval"} | about | beside(mine, other, "lmms_eval")))


if __name__ == "__main__":
    main()
