"""`evaluate`: a model plays a benchmark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.model_options import MODEL_HELP, model_options
from commands.shared import EXISTING_FOLDER, FOLDER, console

if TYPE_CHECKING:
    from proactivebench.models.load import ModelOptions


@click.command()
@click.option("--model", "spec", required=True, help=MODEL_HELP)
@click.option("--data", type=EXISTING_FOLDER, required=True, help="Folder of a benchmark, built or downloaded.")
@click.option("--out", type=FOLDER, required=True, help="Folder of the run; an interrupted run is continued.")
@click.option("--scenario", "names", multiple=True, help="Play only this scenario; may be repeated.")
@click.option("--mode", type=click.Choice(["mcqa", "reference"]), default="mcqa", show_default=True)
@click.option("--hint", is_flag=True, help="Append the scenario's hint to every question.")
@click.option("--history", is_flag=True, help="Keep earlier turns in the conversation (frames' short edge 224).")
@click.option("--limit", type=click.IntRange(1), help="Play so many samples of each scenario, drawn by the seed.")
@click.option("--no-filter", is_flag=True, help="Play also what the benchmark's leak filter dropped.")
@click.option("--seed", default=0, show_default=True, help="Decides every random choice.")
@click.option(
    "--max-errors",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of episodes that may end with an error before the run counts as failed.",
)
@model_options
def evaluate(
    spec: str,
    data: Path,
    out: Path,
    names: tuple[str, ...],
    no_filter: bool,
    model_options: ModelOptions,
    max_errors: float,
    **settings: Any,
) -> None:
    """Play a benchmark with a model and score it.

    The run folder holds run.json (everything that decides the numbers), episodes.jsonl (one line per episode) and
    metrics.json. The same command continues an interrupted run.
    """
    from proactivebench.benchmark import Benchmark
    from proactivebench.evaluation import engine
    from proactivebench.evaluation.settings import Settings
    from proactivebench.models.load import load_model
    from proactivebench.reports.progress import RunProgress
    from proactivebench.reports.tables import metrics_table
    from proactivebench.scenarios import get_scenario

    benchmark = Benchmark.open(data)
    scenarios = [get_scenario(name) for name in names] or benchmark.scenarios
    with RunProgress(console()) as progress:
        progress.say(f"Loading {spec}")
        model = load_model(spec, model_options)
        metrics = engine.evaluate(
            benchmark,
            scenarios,
            model,
            Settings(filtered=not no_filter, **settings),
            out,
            max_errors=max_errors,
            on_start=progress.begin,
            on_episode=progress.count,
        )
    metrics_table({spec: metrics}, console())
    console().print(f"Everything is in {out}; the scores in {out / 'metrics.json'}.")
