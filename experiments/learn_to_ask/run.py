"""The experiment from drawings to figures: read `run` from top to bottom. A step that is finished is not repeated.

The warm-up is made once; what differs between seeds is what GRPO draws and samples. All models play the same two
benchmarks, through the toolkit's own evaluator.
"""

from __future__ import annotations

import datetime
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any

import click
import torch
from rich.console import Console
from rich.progress import Progress

from commands.shared import quieten
from experiments.learn_to_ask import data, warmup
from experiments.learn_to_ask.plot import draw, table
from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Mode, Settings
from proactivebench.models.checkpoints import load_checkpoint
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.scenarios import QD
from proactivebench.training.folder import LOG
from proactivebench.training.grpo import train
from proactivebench.training.settings import TrainSettings
from proactivebench.work.files import write_json
from proactivebench.work.lines import complete_lines

REWARDS = (0.5, 0.75, 1.0)
"""The paper's three values of r_p."""

SCRIPTED = ("guess", "ask", "oracle")
GUESSER = "guesser"

LONGEST_ANSWER = 3
"""Tokens: a phrase, the end, and one to spare."""


@dataclass(frozen=True)
class Size:
    """How much of everything; the defaults are the experiment.

    Attributes:
        naming: Steps in which the model learns to name.
        answering: Steps in which it learns to answer prompts.
        grpo: Steps of GRPO.
        prompts: Different prompts in a step of GRPO, each answered eight times.
        seeds: Repetitions of GRPO for each reward.
    """

    naming: int = 4000
    answering: int = 2000
    grpo: int = 200
    prompts: int = 16
    seeds: int = 3


QUICK = Size(naming=1300, answering=650, grpo=65, seeds=1)


def run(raw: Path, out: Path, size: Size, console: Console) -> dict[str, Any]:
    """Runs the experiment, or continues it.

    Args:
        raw: Folder of Quick, Draw! drawings.
        out: Folder for everything that it makes.
        size: How much of everything.
        console: Where to show progress.

    Returns:
        The results, as JSON values.
    """
    # The drawings, each with one purpose, and what is made of them.
    drawings, split, named, guesser = (out / name for name in ("drawings", "train_split", "named", GUESSER))
    if not drawings.exists():
        data.split(raw, drawings)
    benchmarks = {
        part: data.build_benchmark(drawings / part, out / part, data.PLAYED_PER_CLASS[part])
        for part in ("test", "unseen")
    }
    if not split.exists():
        data.write_train_split(data.build_benchmark(drawings / "train", out / "train", data.ALL), split)

    # The warm-up: a model that names complete drawings, always guesses and never asks.
    complete = drawings / "warm_up"
    with Progress(console=console) as progress:
        if not named.exists():
            warmup.learn_to_name(complete, named, steps=size.naming, seed=0, progress=progress)
        if not guesser.exists():
            start = load_checkpoint(str(named))
            warmup.learn_to_answer(start, complete, guesser, steps=size.answering, seed=0, progress=progress)

    # GRPO: models that ask, and what each of them does on drawings that nothing was trained on.
    play = partial(_play, benchmarks, out / "runs")
    rows = [{"model": GUESSER} | play(GUESSER, str(guesser))]
    rows += [{"model": name} | play(name, f"scripted:{name}") for name in SCRIPTED]
    for proactive_reward in REWARDS:
        for seed in range(size.seeds):
            name = f"grpo-{proactive_reward}-seed{seed}"
            console.print(f"GRPO with r_p = {proactive_reward}, seed {seed}")
            trained = train(_training(guesser, split, proactive_reward, seed, size), out / name, console)
            row = {"model": "grpo", "proactive_reward": proactive_reward, "seed": seed}
            rows.append(row | play(name, str(trained)) | {"training": _curve(out / name)})

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    return {
        "date": datetime.datetime.now(tz=datetime.UTC).date().isoformat(),
        "device": f"{device}, {platform.machine()}",
        "size": asdict(size),
        "rows": rows,
    }


def _training(guesser: Path, split: Path, proactive_reward: float, seed: int, size: Size) -> TrainSettings:
    """The paper's recipe with what a small model needs: fewer answers per step, all weights, a rate that moves them."""
    answers = 8 * size.prompts
    return TrainSettings(
        model=str(guesser),
        data=str(split),
        proactive_reward=proactive_reward,
        seed=seed,
        full=True,
        learning_rate=6e-4,
        max_steps=size.grpo,
        completions_per_step=answers,
        per_device_batch=answers,
        generate_at_once=answers,
        max_new_tokens=LONGEST_ANSWER,
    )


def _play(benchmarks: Mapping[str, Benchmark], runs: Path, name: str, spec: str) -> dict[str, Any]:
    """The scores of a model on each benchmark, and on the complete drawings of `test`; the guesser plays first."""
    scripted = spec.startswith("scripted:")
    options = ModelOptions() if scripted else ModelOptions(batch_size=64, max_new_tokens=LONGEST_ANSWER)
    played: list[tuple[str, str, Mode]] = [("test", "test", "mcqa"), ("unseen", "unseen", "mcqa")]
    scores: dict[str, Any] = {}
    for title, part, mode in [*played, ("complete", "test", "reference")]:
        model = load_model(spec, options)
        settings = Settings(mode=mode)
        result = engine.evaluate(benchmarks[part], [QD], model, settings, runs / name / title)["scenarios"][QD.name]
        scores[title] = {key: result[key] for key in ("n", "acc", "acc_se", "psr", "psr_se", "answers")}
    return scores | {"asks_at_once": _asks_at_once(runs / name / "test", runs / GUESSER / "test")}


def _asks_at_once(run: Path, guesser: Path) -> dict[str, float | None]:
    """How often a model asks in the first turn where the guesser's first guess is right, and where it is wrong."""
    asks: dict[str, list[bool]] = {"right": [], "wrong": []}
    guesses = {episode.id: episode for episode in read_episodes(guesser) if episode.turns[0].kind == "category"}
    for episode in read_episodes(run):
        if guess := guesses.get(episode.id):
            asks["right" if guess.correct else "wrong"].append(episode.turns[0].kind == "suggestion")
    return {name: mean(values) if values else None for name, values in asks.items()}


def _curve(folder: Path) -> dict[str, list[float]]:
    """What the answers of each step of a training were."""
    steps = [json.loads(line) for line in complete_lines(folder / LOG)]
    return {name: [round(step[name], 4) for step in steps] for name in ("reward", "valid_suggestion", "right_category")}


@click.command()
@click.option(
    "--raw",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=data.BUNDLED,
    help="Folder of Quick, Draw! drawings (<category>.ndjson); by default the 280 that come with the toolkit.",
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=Path("learn_to_ask"), show_default=True
)
@click.option("--quick", is_flag=True, help="A third of the steps, one seed: to see it run, too short to learn to ask.")
def main(raw: Path, out: Path, quick: bool) -> None:
    """Teach a tiny vision-language model to ask, and measure it on new drawings."""
    quieten()
    console = Console(stderr=True, highlight=False)
    results = run(raw, out, QUICK if quick else Size(), console)
    write_json(out / "results.json", results)
    draw(results, out / "results.png")
    click.echo(table(results))
    console.print(f"Everything is in {out}: results.json, results.png, the models and every episode that they played.")
