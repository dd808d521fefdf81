"""A run's scores for the Hub: the file in a model's repository that enters it on a benchmark's leaderboard.

The Hub shows the numbers of such files beside the model and on the leaderboard of the benchmark. It cannot look behind
them, so a run is checked here first, and what it was played on and where it can be looked at goes with each number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from builders.hub.client import explained, require_name
from builders.hub.eval_yaml import FRAMEWORK, SCORES, task_id
from proactivebench import __version__
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError, require_extra
from proactivebench.evaluation.judging import run_metrics
from proactivebench.evaluation.run_log import METRICS, RunDescription, read_episodes, read_run
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.verify import verify_run
from proactivebench.evaluation.who import called
from proactivebench.work.folder import shown

if TYPE_CHECKING:
    from huggingface_hub import HfApi

PATH = ".eval_results/proactivebench.yaml"
"""The file in the model's repository."""

FREE = ("seed", "repeats")
"""Settings in which the runs of a leaderboard may differ."""


@dataclass(frozen=True)
class Submission:
    """What is to be proposed to a model's repository.

    Attributes:
        repo: USER/MODEL on the Hub.
        text: The file.
        title: Of the pull request.
    """

    repo: str
    text: str
    title: str


def prepare_submission(folder: Path, benchmark: Benchmark, repo: str, source: str | None = None) -> Submission:
    """Checks a run and writes what enters it on the leaderboard, without network.

    Args:
        folder: The run's folder.
        benchmark: What it was played on.
        repo: USER/MODEL on the Hub.
        source: Address of the published run.

    Raises:
        UsageError: It was not played as a leaderboard wants it, has episodes without a score, or is not what it claims.
    """
    with require_extra("The Hub", "hub"):
        import yaml
    require_name(repo)
    run = read_run(folder)
    dataset, revision = _dataset(run, folder)
    if other := list(_unusual(run)):
        raise UsageError(f"A leaderboard compares runs in the usual setting; {folder} has {'; '.join(other)}.")
    if problems := verify_run(folder, benchmark):
        raise UsageError(f"{folder} is not what it claims:\n  " + "\n  ".join(problems))
    metrics = run_metrics(read_episodes(folder), (), run.settings.seed)
    if failed := sum(scores["errors"] for scores in metrics["scenarios"].values()):
        raise UsageError(
            f"{failed:,} of {run.episodes:,} episodes of {folder} failed, so its scores are not those of all samples. "
            "Repeat its evaluate command, which plays them again."
        )
    described: dict[str, Any] = {"evaluation_framework": FRAMEWORK, "date": _played_on(folder)}
    if source:
        described["source"] = {"url": source, "name": "Episodes of the run"}
    described["notes"] = f"proactivebench-toolkit {__version__}, {called(run.model)}"
    numbers = {None: metrics["average"], **metrics["scenarios"]}
    results = [
        {"dataset": {"id": dataset, "task_id": task_id(score, name), "revision": revision}, "value": value, **described}
        for name, scores in numbers.items()
        if name is not None or len(metrics["scenarios"]) == len(benchmark.scenarios)
        for score in SCORES
        if (value := _value(score, scores.get(score))) is not None
    ]
    text = yaml.safe_dump(results, sort_keys=False, allow_unicode=True)
    return Submission(repo, text, f"Add ProactiveBench results on {dataset}")


def submit(api: HfApi, submission: Submission) -> str:
    """Opens a pull request in the model's repository and returns its address.

    Raises:
        HubError: The Hub refuses, or cannot be reached.
    """
    from huggingface_hub import CommitOperationAdd

    operation = CommitOperationAdd(PATH, submission.text.encode())
    with explained(submission.repo):
        done = api.create_commit(
            submission.repo, [operation], commit_message=submission.title, repo_type="model", create_pr=True
        )
    return str(done.pr_url)


def _dataset(run: RunDescription, folder: Path) -> tuple[str, str]:
    source = run.data.source or ""
    dataset, _, revision = source.removeprefix("hub:").partition("@")
    if not source.startswith("hub:"):
        raise UsageError(
            f"{folder} was not played on a benchmark of the Hub, so there is no leaderboard for it. Play it with "
            "--data hub:USER/NAME."
        )
    return dataset, revision


def _unusual(run: RunDescription) -> Iterator[str]:
    usual = Settings().model_dump(mode="json")
    for name, value in run.settings.model_dump(mode="json").items():
        if value != usual[name] and name not in FREE:
            yield f"{name} {shown(value)} (usual: {shown(usual[name])})"


def _value(score: str, number: Any) -> float | None:
    """A score as the leaderboard shows it: acc in percent, psr in suggestions."""
    if number is None:
        return None
    return round(100 * float(number), 2) if score == "acc" else round(float(number), 4)


def _played_on(folder: Path) -> str:
    """The day on which the run ended."""
    return datetime.fromtimestamp((folder / METRICS).stat().st_mtime, UTC).date().isoformat()
