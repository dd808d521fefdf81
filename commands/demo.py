"""`demo`: the whole way in one command, on the real drawings that come with the toolkit."""

from __future__ import annotations

from pathlib import Path

import click

from commands.shared import FOLDER, console

MODELS = {
    "guess": "names a category at once",
    "abstain": "never dares to answer",
    "random": "picks any of the options",
    "ask": "asks for more until nothing more comes, then guesses",
    "oracle": "asks until the drawing is complete, then answers",
}
"""Scripted model -> what it does."""


@click.command()
@click.option("--out", type=FOLDER, default=Path("demo"), show_default=True, help="Folder for everything it makes.")
def demo(out: Path) -> None:
    """Build a small benchmark from bundled drawings, evaluate five scripted models, show what came out."""
    from rich.progress import Progress

    from builders import pipeline
    from builders.quickdraw import QuickDrawBuilder
    from proactivebench.benchmark import Benchmark
    from proactivebench.evaluation import engine
    from proactivebench.evaluation.run_log import read_episodes
    from proactivebench.evaluation.settings import Settings
    from proactivebench.models.scripted import ScriptedModel
    from proactivebench.reports.strip import Row, draw_strip
    from proactivebench.reports.tables import build_table, metrics_table
    from proactivebench.scenarios import QD
    from raw_sources.quickdraw import QuickDraw

    data, runs, picture = out / "data", out / "runs", out / "episodes.png"
    drawings = Path(pipeline.__file__).parent.parent / "raw_sources" / "bundled" / "quickdraw"
    say = console().print
    say("[bold]1. Build[/bold] a benchmark from raw drawings: one frame per stroke.")
    with Progress(console=console(), transient=True) as progress:
        build_table(pipeline.build(QuickDrawBuilder(QuickDraw.locate(drawings)), data, progress=progress), console())

    say("\n[bold]2. Evaluate[/bold] five scripted models: they see strokes one by one and may ask for more.")
    benchmark = Benchmark.open(data)
    scores = {name: engine.evaluate(benchmark, [QD], ScriptedModel(name), Settings(), runs / name) for name in MODELS}
    metrics_table(scores, console())
    say(
        "acc: share of episodes that end with the right name. psr: suggestions made per episode.\n"
        "Guessing and asking blindly are both right by chance alone; knowing [italic]when[/italic] to ask is the task."
    )

    luckless = {episode.id for episode in read_episodes(runs / "ask") if not episode.correct}
    sample = next(sample for sample in benchmark.samples(QD) if sample.num_images == 5 and sample.id in luckless)
    rows = []
    for name, about in MODELS.items():
        episode = next(episode for episode in read_episodes(runs / name) if episode.id == sample.id)
        rows.append(Row(name, about, episode))
    draw_strip(f"{sample.prompt}  (It is: {sample.answer})", rows, benchmark.root).save(picture)
    say(f"\n[bold]3. Look[/bold] at one drawing and what each model did with it: {picture}")
    say(f"The benchmark is in {data}, the runs are in {runs}.")
