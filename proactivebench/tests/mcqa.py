"""Multiple choice on one scenario: `python -m proactivebench.tests.mcqa --data-dir DIR`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.settings import Settings
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.scenarios import get_scenario
from proactivebench.tests import example_parser, finish


def run(options: argparse.Namespace) -> str:
    """Plays the scenario and returns the line with its scores."""
    benchmark = Benchmark.open(options.data_dir, assume_published=True)
    scenario = get_scenario(options.dataset)
    model = load_model(options.model, ModelOptions())
    with tempfile.TemporaryDirectory() as folder:
        scores = evaluate(benchmark, [scenario], model, Settings(hint=options.hint), Path(folder))["average"]
    return f"model acc: {100 * scores['acc']:.1f}% - ps rate: {scores['psr']:.1f}"


if __name__ == "__main__":
    arguments = example_parser("Evaluate a model in the multiple-choice setting.").parse_args()
    finish(lambda: run(arguments))
