"""The published example programs: `python -m proactivebench.tests.mcqa` and `python -m proactivebench.tests.oeg`.

Options, defaults and last lines are those of the published package. Underneath works our evaluator: episodes are played
in batches, and a picture that the model's processor refuses is an error and not a score.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from proactivebench.errors import ProactiveBenchError

MODEL = "llava-hf/llava-onevision-qwen2-7b-ov-hf"
DATASET = "IN-C"


def example_parser(description: str) -> argparse.ArgumentParser:
    """The options that both programs have."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder of the benchmark, or test in it")
    parser.add_argument("--model", default=MODEL, help="default: %(default)s")
    parser.add_argument("--dataset", default=DATASET, help="scenario; default: %(default)s")
    parser.add_argument("--hint", action="store_true", help="append a hint to the question")
    return parser


def finish(program: Callable[[], str]) -> None:
    """Runs a program and prints its last line; errors of the user's making become messages."""
    try:
        print(program())
    except ProactiveBenchError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
