"""Playing all episodes of a run: as many at once as the model wants, each a coroutine that asks, steps and repeats.

The turns of all samples meet in the model, which batches them as it likes. A finished episode is on disk before the
next one starts in its place, so that nothing finished is ever lost.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from proactivebench import __version__
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError
from proactivebench.evaluation.episodes import Task, play
from proactivebench.evaluation.metrics import compute_metrics
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.run_log import RunLog, read_episodes
from proactivebench.evaluation.settings import Settings, limited
from proactivebench.evaluation.where import write_where
from proactivebench.models.base import Model
from proactivebench.scenarios import Scenario

PROTOCOL = "proactivebench 0.1.1"
"""The published package whose rules a run follows."""


def run_identity(
    benchmark: Benchmark, scenarios: Sequence[Scenario], model: Model, settings: Settings
) -> dict[str, Any]:
    """Everything that decides the numbers of a run, as JSON values."""
    return {
        "protocol": PROTOCOL,
        "toolkit": __version__,
        "model": dict(model.identity()),
        "settings": settings.model_dump(mode="json"),
        "scenarios": [scenario.name for scenario in scenarios],
        "data": benchmark.fingerprint(),
    }


def plan(benchmark: Benchmark, scenarios: Sequence[Scenario], settings: Settings) -> list[Task]:
    """The episodes of a run.

    Raises:
        UsageError: The benchmark lacks one of the scenarios.
        SampleError: A line is no sample.
    """
    tasks = []
    for scenario in scenarios:
        samples = list(benchmark.samples(scenario, filtered=settings.filtered))
        tasks += [Task(sample) for sample in limited(samples, settings)]
    return tasks


async def _play_all(
    tasks: Sequence[Task],
    model: Model,
    settings: Settings,
    root: Path,
    log: RunLog,
    allowed_errors: int,
    on_episode: Callable[[Episode], None],
) -> None:
    owed = deque(tasks)
    live = errors = 0

    async def play_one(task: Task) -> None:
        nonlocal live, errors
        played = await play(task, model, settings, root)
        log.append(played)
        on_episode(played.episode)
        errors += played.episode.error is not None
        live -= 1
        start_more()

    def start_more() -> None:
        nonlocal live
        while owed and live < model.concurrency and errors <= allowed_errors:
            group.create_task(play_one(owed.popleft()))
            live += 1
        model.expect(live)

    try:
        async with asyncio.TaskGroup() as group:
            start_more()
    finally:
        await model.close()


def evaluate(
    benchmark: Benchmark,
    scenarios: Sequence[Scenario],
    model: Model,
    settings: Settings,
    folder: Path,
    *,
    max_errors: float = 0.1,
    on_start: Callable[[int, int], None] = lambda total, done: None,
    on_episode: Callable[[Episode], None] = lambda episode: None,
) -> Mapping[str, Any]:
    """Plays a run to its end, or continues it.

    Args:
        benchmark: Where the samples are.
        scenarios: Which of them to play.
        model: Who answers.
        settings: How to play.
        folder: The run's folder; see `run_log`.
        max_errors: Share of all episodes, 0 to 1, that may end with an error.
        on_start: Told the number of episodes, and how many of them are done already.
        on_episode: Told every episode that ends.

    Returns:
        The scores, which are in `metrics.json` too.

    Raises:
        UsageError: The folder holds another run, or is in use.
        ProactiveBenchError: More episodes failed than allowed; what was played is kept.
    """
    tasks = plan(benchmark, scenarios, settings)
    allowed_errors = int(max_errors * len(tasks))
    with RunLog(folder, run_identity(benchmark, scenarios, model, settings)) as log:
        write_where(folder, benchmark.folder)
        owed = [task for task in tasks if task.key not in log.done]
        on_start(len(tasks), len(tasks) - len(owed))
        try:
            asyncio.run(_play_all(owed, model, settings, benchmark.root, log, allowed_errors, on_episode))
        except* ProactiveBenchError as group:
            raise group.exceptions[0] from None
        metrics = compute_metrics(read_episodes(folder), settings.seed)
        log.write_metrics(metrics)
    errors = sum(scores["errors"] for scores in metrics["scenarios"].values())
    if errors > allowed_errors:
        raise ProactiveBenchError(_explain_errors(folder, errors, len(tasks), max_errors))
    return metrics


def _explain_errors(folder: Path, errors: int, total: int, max_errors: float) -> str:
    first = next(episode for episode in read_episodes(folder) if episode.error is not None)
    assert first.error is not None
    return (
        f"{errors} of {total} episodes ended with an error, more than the {max_errors:.0%} allowed (--max-errors). "
        f"The first: {first.scenario} sample {first.id}: {first.error.message} What was played is kept in {folder}; "
        "repeat the command to play the failed episodes again."
    )
