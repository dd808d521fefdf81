"""Open-ended generation on 100 samples of one scenario: `python -m proactivebench.tests.oeg --data-dir DIR`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import judge_run
from proactivebench.evaluation.settings import Settings
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.scenarios import get_scenario
from proactivebench.tests import example_parser, finish

JUDGE = "Qwen/Qwen3-8B"


def run(options: argparse.Namespace) -> str:
    """Plays and judges the samples and returns the line with the scores.

    The replies are all there before the judge is loaded, so that both fit on one device.
    """
    benchmark = Benchmark.open(options.data_dir, assume_published=True)
    scenario = get_scenario(options.dataset)
    how = ModelOptions(open_ended=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = Settings(mode="oeg", hint=options.hint)
        evaluate(benchmark, [scenario], load_model(options.model, how), settings, folder)
        scores = judge_run(folder, Judge(load_model(options.judge, how)))["average"]
    return f"model acc: {100 * scores['cc']:.1f}% - ps rate: {100 * scores['ps']:.1f}"


if __name__ == "__main__":
    parser = example_parser("Evaluate a model in the open-ended setting.")
    parser.add_argument("--judge", default=JUDGE, help="default: %(default)s")
    arguments = parser.parse_args()
    finish(lambda: run(arguments))
