"""Keeps a finished run in the repository: its figures, its plot, and two of its models as the toolkit's `demo:`.

    python -m experiments.learn_to_ask.keep DIR

The models lose half of their digits and no more: 2.7 MB each.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from experiments.learn_to_ask.plot import HERE
from proactivebench.models.checkpoints import load_checkpoint
from proactivebench.models.demo import DEMO

KEPT = {"demo:guesser": "guesser", "demo:asker": "grpo-0.75-seed0/model"}
"""Name -> where it is in the folder of a run."""


@click.command()
@click.argument("run", type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(run: Path) -> None:
    """Keep the results and two models of a finished RUN."""
    for name in ("results.json", "results.png"):
        shutil.copyfile(run / name, HERE / name)
    for name, place in KEPT.items():
        checkpoint = load_checkpoint(str(run / place), device="cpu", dtype="float16")
        shutil.rmtree(DEMO[name], ignore_errors=True)
        checkpoint.network.save_pretrained(DEMO[name])
        checkpoint.processor.save_pretrained(DEMO[name])
        click.echo(f"{name} is {run / place}")


if __name__ == "__main__":
    main()
