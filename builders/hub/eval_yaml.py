"""`eval.yaml`: what makes a published benchmark a leaderboard of the Hub.

The Hub shows one number per task, so accuracy and suggestions are tasks of their own: on average over the scenarios,
and for each of them. The framework that it names is one that the Hub knows, and has a task that plays the episodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from proactivebench.scenarios import get_scenario
from proactivebench.work.files import write_whole

NAME = "eval.yaml"
FRAMEWORK = "inspect-ai"
SCORES = ("acc", "psr")

DESCRIPTION = (
    "Does a multimodal model know when to ask for help? It sees a picture that cannot be answered, and may guess, "
    "abstain, or suggest an action that brings the next frame (arXiv:2603.19466). acc is the percentage of episodes "
    "that end with the right category, psr the number of suggestions per episode that brought another frame; both are "
    "averages over the scenarios. Played by the Inspect task proactivebench/proactivebench, or by `proactivebench "
    "evaluate`."
)


def task_id(score: str, scenario: str | None = None) -> str:
    """The Hub's name of a number: a score of one scenario, by its short name, or on average."""
    return score if scenario is None else f"{scenario.lower()}_{score}"


def write_eval_yaml(folder: Path, scenarios: Iterable[str]) -> None:
    """Writes the file.

    Args:
        folder: The benchmark.
        scenarios: Short names of what it holds.
    """
    import yaml

    datasets = {name: get_scenario(name).dataset for name in scenarios}
    first = next(iter(datasets.values()))  # the Hub wants one configuration even for an average over all
    tasks = [{"id": task_id(score), "config": first, "split": "test"} for score in SCORES]
    tasks += [
        {"id": task_id(score, name), "config": dataset, "split": "test"}
        for name, dataset in datasets.items()
        for score in SCORES
    ]
    described = {
        "name": "ProactiveBench",
        "description": DESCRIPTION,
        "evaluation_framework": FRAMEWORK,
        "tasks": tasks,
    }
    write_whole(folder / NAME, [yaml.safe_dump(described, sort_keys=False, allow_unicode=True, width=100).encode()])
