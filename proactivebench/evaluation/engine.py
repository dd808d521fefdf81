"""Playing all episodes of a run: as many at once as the model wants, each a coroutine that asks, steps and repeats.

The turns of all samples meet in the model, which batches them as it likes. A finished episode is on disk before
another starts in its place, so that nothing finished is ever lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from proactivebench import __version__
from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, ResumableError, UsageError
from proactivebench.evaluation.concurrency import Pool, run_through
from proactivebench.evaluation.episodes import Task, play
from proactivebench.evaluation.judge import Judge
from proactivebench.evaluation.judging import read_judgements, run_metrics
from proactivebench.evaluation.metrics import finished
from proactivebench.evaluation.plan import Owed, plan
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.run_log import RUN, SHARD, RunLog, read_episodes, write_where
from proactivebench.evaluation.settings import Part, Settings
from proactivebench.evaluation.watcher import UNWATCHED, Watcher
from proactivebench.frames import Frames, data_identity
from proactivebench.models.base import Model
from proactivebench.scenarios import Scenario
from proactivebench.work.ranks import gathered
from proactivebench.work.shards import SHARDS, Shard

PROTOCOL = "proactivebench 0.1.1"
"""The published package whose rules a run follows."""


def run_identity(
    benchmark: Benchmark,
    scenarios: Sequence[Scenario],
    frames: Frames,
    model: Model,
    settings: Settings,
    parts: Mapping[str, Part],
    judge: Judge | None = None,
) -> dict[str, Any]:
    """Everything that decides the numbers of a run, as JSON values."""
    return {
        "protocol": PROTOCOL,
        "toolkit": __version__,
        "model": dict(model.identity()),
        "judge": None if judge is None else dict(judge.identity()),
        "settings": settings.model_dump(mode="json"),
        "scenarios": [scenario.name for scenario in scenarios],
        "parts": {name: part._asdict() for name, part in parts.items()},
        "data": data_identity(benchmark, scenarios, frames, filtered=settings.filtered),
    }


def evaluate(
    benchmark: Benchmark,
    scenarios: Sequence[Scenario],
    model: Model | Callable[[], Model],
    settings: Settings,
    folder: Path,
    *,
    judge: Judge | Callable[[], Judge] | None = None,
    max_errors: float = 0.1,
    shard: Shard | None = None,
    watcher: Watcher[Episode] = UNWATCHED,
    keep_open: bool = False,
) -> dict[str, Any]:
    """Plays a run to its end, or continues it; where several processes were launched, together with them.

    A shard of a run is a run of some of its episodes in `shards/<number>-of-<of>/`, for `merge`.

    Args:
        benchmark: Where the samples are.
        scenarios: Which of them to play.
        model: Who answers, or what loads it, when the folder is known to be free for the run.
        settings: How to play.
        folder: The run's folder; see `run_log`.
        judge: Who reads the replies of mode `oeg-multi`, or what loads it.
        max_errors: Share of all episodes, 0 to 1, that may end with an error.
        shard: Which shard to play; None plays everything.
        watcher: Is told how it goes.
        keep_open: Leave the models open for another run, instead of closing them.

    Returns:
        The scores, which are in `metrics.json` too.

    Raises:
        UsageError: The folder holds another run, or is in use; or the whole run, where a shard is asked for; a judge is
            missing; or the samples were changed under the run, which is then worth nothing.
        ChangedPictureError: A frame was changed under the run; what was played is kept.
        ResumableError: More episodes failed than allowed; what was played is kept.
    """
    if (settings.mode == "oeg-multi") != (judge is not None):
        raise UsageError("--mode oeg-multi needs a judge in every turn (--judge SPEC); the other modes need none here.")
    if shard is not None:
        if (folder / RUN).exists():
            raise UsageError(
                f"{folder} holds a run that is not in shards. Leave out --shard, or choose another folder."
            )
        folder = shard.below(folder / SHARDS)
    errors = 0
    with gathered() as ranks, RunLog(folder, ranks) as log:
        model = model if isinstance(model, Model) else model()
        judge = judge if judge is None or isinstance(judge, Judge) else judge()
        if judge is not None and model.group > 1:
            raise UsageError("--deterministic fixes the batches of one model, but --mode oeg-multi plays with two.")
        pool = Pool(model) if judge is None else Pool(model, judge.model)
        reader = None if judge is None else Judge(pool.members[1], judge.instructions)
        frames = Frames.of(benchmark, scenarios, watcher.check)
        planned = plan(benchmark, scenarios, frames, settings)
        identity = run_identity(benchmark, scenarios, frames, model, settings, planned.parts, reader)
        if shard is not None:
            identity[SHARD] = str(shard)
        log.claim(identity)
        if ranks.first:
            write_where(folder, benchmark.folder)
        owed = Owed.of(planned, model.group, shard, log.done)
        allowed_errors = int(max_errors * owed.total)
        shared = ranks.share(owed, owed.groups)
        watcher.begin(owed.total // ranks.size, (owed.total - owed.episodes) // ranks.size)
        if owed.groups and ranks.first and (note := log.played_on({**model.machine(), "processes": ranks.size})):
            watcher.note(note)

        async def play_one(task: Task) -> None:
            nonlocal errors
            played = await play(task, pool.members[0], settings, frames, reader)
            if task.key not in log.done:  # else it was played again for the sake of its group alone
                log.append(played)
            watcher.count(played.episode)
            errors += played.episode.error is not None

        def more(live: int) -> list[Task] | None:
            return shared.take(live) if errors <= allowed_errors else None

        try:
            run_through(pool.work_through(more, play_one, keep_open=keep_open), lasting=keep_open)
        except* ProactiveBenchError as group:
            raise group.exceptions[0] from None
        ranks.wait()
        _require_unchanged(benchmark, scenarios, identity["data"]["samples"], folder)
        metrics = run_metrics(read_episodes(folder), read_judgements(folder), settings.seed)
        if ranks.first and finished(metrics) == owed.total:  # else too many errors ended it early
            log.write_metrics(metrics)
    errors = sum(scores["errors"] for scores in metrics["scenarios"].values())
    if errors > allowed_errors:
        raise ResumableError(_explain_errors(folder, errors, owed.total, max_errors))
    return metrics


def _require_unchanged(
    benchmark: Benchmark, scenarios: Sequence[Scenario], digests: Mapping[str, str], folder: Path
) -> None:
    """Refuses a run whose samples, which are read while it is played, are no longer those that it began with."""
    for scenario in scenarios:
        if benchmark.samples_digest(scenario) != digests[scenario.name]:
            raise UsageError(
                f"{benchmark.path(scenario)} was changed while it was played, so {folder} holds episodes of both. "
                "Delete that folder and play again."
            )


def _explain_errors(folder: Path, errors: int, total: int, max_errors: float) -> str:
    first = next(episode for episode in read_episodes(folder) if episode.error is not None)
    assert first.error is not None
    return (
        f"{errors} of {total} episodes ended with an error, more than the {max_errors:.0%} allowed (--max-errors). "
        f"The first: {first.scenario} sample {first.id}: {first.error.message}"
    )
