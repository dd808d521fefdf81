"""`demo`: the whole way in one command, on the real drawings and the made-up raw data that come with the toolkit."""

from __future__ import annotations

import csv
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from commands.shared import FOLDER, console, output, progress, quieten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from builders.pipeline.report import BuildReport
    from proactivebench.benchmark import Benchmark
    from proactivebench.reports.strip import Row
    from proactivebench.scenarios import Scenario

EPISODES, TOUR = "episodes.png", "tour.png"

SCRIPTED = {
    "scripted:guess": "names a category at once",
    "scripted:abstain": "never dares to answer",
    "scripted:random": "picks any of the options",
    "scripted:ask": "asks for more until nothing more comes, then guesses",
    "scripted:oracle": "asks until the drawing is complete, then answers",
}
LEARNED = {
    "demo:guesser": "a tiny network that learned to name drawings",
    "demo:asker": "the same, after GRPO rewarded it for asking, too",
}
"""Model -> what it does."""


@click.command()
@click.option("--out", type=FOLDER, default=Path("demo"), show_default=True, help="Folder for everything it makes.")
def demo(out: Path) -> None:
    """Build a small benchmark from bundled drawings, evaluate scripted and learned models, show what came out."""
    from proactivebench.work.folder import locked

    _claim(out)
    with locked(out):
        _show_all(out)


def _show_all(out: Path) -> None:
    from commands.build import build_table
    from commands.terminal import metrics_table
    from proactivebench.benchmark import Benchmark
    from proactivebench.evaluation.measured import run_measured_on
    from proactivebench.reports.strip import draw_strip
    from proactivebench.scenarios import QD
    from proactivebench.work.files import whole

    say = output().print
    say("[bold]1. Build[/bold] a benchmark from real drawings: one frame per stroke.", markup=True)
    (built,) = _build({QD: _bundled()}, out / "data")
    build_table(built, output())
    models = playable()
    runs = {spec: out / "runs" / spec.partition(":")[2] for spec in models}
    data = Benchmark.open(out / "data")
    shown = f"{len(models)} models: they see strokes one by one and may ask for more."
    say(f"\n[bold]2. Evaluate[/bold] {shown}", markup=True)
    scores = {spec: _play(spec, data, run) for spec, run in runs.items()}
    metrics_table(scores, output(), run_measured_on(next(iter(runs.values()))))
    say(
        "acc: share of episodes that end with the right name. psr: suggestions per episode.\n"
        "Guessing and asking blindly are right by chance; knowing [italic]when[/italic] to ask is the task.",
        markup=True,
    )
    if models == SCRIPTED:
        say("Two tiny networks that learned it can play, too, when the extra `models` is installed.")
    say("\n[bold]3. Tour[/bold] all seven scenarios, built from made-up raw data, played by the oracle:", markup=True)
    tour = _tour(out / "tour")
    metrics = _play("scripted:oracle", tour, out / "runs" / "tour")
    metrics_table({"scripted:oracle": metrics}, output(), run_measured_on(out / "runs" / "tour"))
    for name, drawn in ((EPISODES, _one_drawing(data, runs)), (TOUR, _one_each(tour, out / "runs" / "tour"))):
        with whole(out / name) as part:
            draw_strip(*drawn).save(part, "PNG")
    page = _report(runs, out / "report") if _can_report() else None
    say("\n[bold]4. Look[/bold] at what happened:", markup=True)
    say(f"   {out / EPISODES}  one drawing, {len(models)} models", soft_wrap=True)
    say(f"   {out / TOUR}  the seven scenarios", soft_wrap=True)
    if page:
        say(f"   {page}  every episode, to leaf through in a browser", soft_wrap=True)
    else:
        say("A page with every episode is made, too, when the extra `report` is installed.")


def _claim(out: Path) -> None:
    """Makes sure that the folder holds nothing but an earlier demo."""
    from proactivebench.errors import UsageError

    ours = {"data", "tour", "runs", "report", EPISODES, TOUR}
    there = [path.name for path in out.iterdir() if not path.name.startswith(".")] if out.exists() else []
    if strange := sorted(set(there) - ours):
        raise UsageError(f"{out} holds {strange[0]}, which does not belong to the demo; choose a new or empty folder.")


def playable() -> dict[str, str]:
    """The models that can play here: the learned ones need transformers."""
    if not (find_spec("torch") and find_spec("transformers")):
        return SCRIPTED
    quieten()
    return SCRIPTED | LEARNED


def _bundled() -> Path:
    import raw_sources

    return Path(raw_sources.__file__).parent / "bundled" / "quickdraw"


def _build(raw: Mapping[Scenario, Path], out: Path, **options: Any) -> list[BuildReport]:
    from builders.pipeline.build import build
    from builders.registry import make_builder

    with progress() as bars:
        return [
            build(make_builder(scenario, folder, **options), out, progress=bars) for scenario, folder in raw.items()
        ]


def _play(spec: str, data: Benchmark, run: Path) -> dict[str, Any]:
    """The scores of a model on all of a benchmark."""
    from commands.terminal import RunProgress
    from proactivebench.evaluation import engine
    from proactivebench.evaluation.settings import Settings
    from proactivebench.models.load import ModelOptions, load_model

    with RunProgress(console()) as bars:
        bars.say(f"Loading {spec}")
        model = load_model(spec, ModelOptions())
        return engine.evaluate(data, data.scenarios, model, Settings(), run, watcher=bars)


def made_up_raw(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Makes raw data of all seven scenarios up, and what a person has to give.

    Returns:
        The folder of the raw data, and the options of `build` that go with it.
    """
    from builders.vsod_proposals import propose
    from raw_sources.fakes import make_all
    from raw_sources.vsod import Vsod

    raw, table, labels = folder / "raw", folder / "table.csv", folder / "labels.csv"
    make_all(raw)
    propose(Vsod.locate(raw), table)
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, answer in zip(rows, ("Two", "Three"), strict=True):
        row |= {"kind": "people", "answer": answer, "wrong_answers": "One|Four|Five", "strong_occlusions": "yes"}
    with labels.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return raw, {"class_names": next(raw.rglob("class_names.csv")), "labels": labels, "per_category": 1}


def _tour(out: Path) -> Benchmark:
    """Builds all seven scenarios from made-up raw data."""
    from proactivebench.benchmark import Benchmark
    from proactivebench.scenarios import SCENARIOS

    with tempfile.TemporaryDirectory() as folder:
        raw, options = made_up_raw(Path(folder))
        _build(dict.fromkeys(SCENARIOS.values(), raw), out, **options)
    return Benchmark.open(out)


def _one_drawing(data: Benchmark, runs: Mapping[str, Path]) -> tuple[str, list[Row]]:
    """A drawing of five strokes that tells the models apart, as every one of them played it."""
    from proactivebench.evaluation.run_log import read_episodes
    from proactivebench.reports.strip import Row
    from proactivebench.scenarios import QD

    telling = {"scripted:guess": False, "scripted:random": False, "scripted:ask": True} | {
        "demo:guesser": False,
        "demo:asker": True,
    }  # who is right
    episodes = {spec: {episode.id: episode for episode in read_episodes(run)} for spec, run in runs.items()}
    sample = max(
        (sample for sample in data.samples(QD) if sample.num_images == 5),
        key=lambda sample: sum(episodes[spec][sample.id].correct == telling[spec] for spec in runs if spec in telling),
    )
    about = SCRIPTED | LEARNED
    rows = [Row(spec.partition(":")[2], about[spec], played[sample.id], data.root) for spec, played in episodes.items()]
    return f"{sample.prompt}  (It is: {sample.answer})", rows


def _one_each(tour: Benchmark, run: Path) -> tuple[str, list[Row]]:
    """The first sample of every scenario."""
    from proactivebench.evaluation.run_log import read_episodes
    from proactivebench.reports.strip import Row

    episodes = {episode.key: episode for episode in read_episodes(run)}
    rows = []
    for scenario in tour.scenarios:
        sample = next(tour.samples(scenario))
        episode = episodes[scenario.name, sample.id, 0]
        rows.append(Row(scenario.name, f"{scenario.title}. {sample.prompt}", episode, tour.root))
    return "One sample of every scenario, played by the oracle", rows


def _can_report() -> bool:
    return all(find_spec(library) for library in ("jinja2", "matplotlib"))


def _report(runs: Mapping[str, Path], out: Path) -> Path:
    from proactivebench.reports.report import PAGE, write_report
    from proactivebench.reports.runs import load_runs

    with progress() as bars:
        write_report(load_runs(list(runs.values())), out, bars, compare_paper=True)
    return out / PAGE
