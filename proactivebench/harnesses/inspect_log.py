"""A log of inspect_ai becomes a run folder of ours, which report, compare and leaderboard take like any other.

Every score of the log holds the evaluator's own record of its episode, so nothing is read a second time; a sample that
ended with an error becomes an episode with that error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from inspect_ai.log import EvalLog, EvalSample, read_eval_log, read_eval_log_samples
from pydantic import ValidationError

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation.episodes import PlayedEpisode
from proactivebench.evaluation.judging import FOLDER, JUDGE, JUDGEMENTS, JudgedReply, read_judgements, run_metrics
from proactivebench.evaluation.records import Episode, EpisodeError
from proactivebench.evaluation.run_log import RunLog, read_episodes, read_run, write_where
from proactivebench.harnesses.inspect_task import JUDGED, RECORD, TEXTS
from proactivebench.work.files import write_json, write_whole

NAME = "proactivebench"
"""The task, and the key of its metadata that holds the identity of the run."""


def import_log(log: Path, folder: Path) -> dict[str, Any]:
    """Writes a log as a run.

    Args:
        log: Of the task `proactivebench/proactivebench`, finished or not.
        folder: Of the run; one that holds it already gets what is missing.

    Returns:
        The scores of what was played, which are in `metrics.json` too if that is all.

    Raises:
        UsageError: It is no log, or one of another task, or the folder holds another run.
        ProactiveBenchError: A record of the log cannot be read.
    """
    try:
        header = read_eval_log(log, header_only=True)
    except Exception as error:  # whatever its reader raises
        raise UsageError(f"{log} is not a log of inspect_ai ({error}).") from error
    described = (header.eval.metadata or {}).get(NAME)
    if described is None:
        task = header.eval.task
        raise UsageError(f"{log} is a log of the task {task!r}; expected one of proactivebench/proactivebench.")
    judgements = []
    with RunLog(folder) as run:
        run.claim(_identity(described, header))
        for sample in read_eval_log_samples(log, all_samples_required=False):
            played = _played(sample, log)
            if played.episode.key not in run.done:
                run.append(played)
            judgements += [judged for score in _metadata(sample) if (judged := score.get(JUDGED))]
        if judgements:
            (folder / FOLDER).mkdir(exist_ok=True)
            write_json(folder / FOLDER / JUDGE, {"model": "the grader of the log", "log": header.eval.run_id})
            write_whole(folder / FOLDER / JUDGEMENTS, map(_line, judgements))
        episodes = list(read_episodes(folder))
        metrics = run_metrics(episodes, read_judgements(folder), described["settings"]["seed"])
        if len(episodes) == read_run(folder).episodes:
            run.write_metrics(metrics)
    data = Path(str(header.eval.task_args.get("data", "")))
    if data.is_dir():
        write_where(folder, data)
    return metrics


def _said(config: Any) -> dict[str, Any]:
    return dict(config.model_dump(mode="json", exclude_none=True))


def _identity(described: Mapping[str, Any], header: EvalLog) -> dict[str, Any]:
    """The description of the run: what the task knew, and the model that Inspect gave it."""
    spec = header.eval
    asked = {**_said(header.plan.config), **_said(spec.model_generate_config)}
    model = {
        "model": f"inspect:{spec.model}",
        "server": spec.model_base_url,
        "max_pixels": spec.task_args.get("max_pixels"),
        "request": asked,
        "engine": spec.model_args,
        "versions": {"inspect_ai": spec.packages.get("inspect_ai")},
    }
    settings = {**described["settings"], "repeats": spec.config.epochs or 1}
    return {**described, "model": model, "settings": settings}


def _metadata(sample: EvalSample) -> Iterator[Mapping[str, Any]]:
    yield from (score.metadata for score in (sample.scores or {}).values() if score.metadata)


def _played(sample: EvalSample, log: Path) -> PlayedEpisode:
    for found in _metadata(sample):
        try:
            return PlayedEpisode(Episode.model_validate(found[RECORD]), tuple(found[TEXTS]))
        except (KeyError, ValidationError) as error:
            raise ProactiveBenchError(f"{log}, sample {sample.id}: no record of an episode ({error}).") from error
    scenario, _, number = str(sample.id).partition("/")
    said = sample.error.message if sample.error else "The sample has no score."
    known = {"source": (sample.metadata or {}).get("source", ""), "answer": str(sample.target)}
    failed = EpisodeError(kind="inspect", message=said)
    episode = Episode(
        scenario=scenario,
        id=int(number),
        repeat=sample.epoch - 1,
        turns=(),
        correct=False,
        max_turns=0,
        error=failed,
        **known,
    )
    return PlayedEpisode(episode, ())


def _line(judged: Mapping[str, Any]) -> bytes:
    return JudgedReply.model_validate(judged).model_dump_json(exclude_defaults=True).encode() + b"\n"
