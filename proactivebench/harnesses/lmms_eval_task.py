"""lmms-eval: what the tasks in `environments/lmms_eval` are made of.

lmms-eval asks its model once per round and hands the replies so far to `doc_to_text`, which gives the next round.
Between rounds nothing is kept: the episode is played again with those replies, which takes a moment, and goes on.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import datasets
from lmms_eval.api.task import ConfigurableTask
from PIL import Image

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.harnesses.episodes import Episodes, Steps, name_of
from proactivebench.images import load_picture

SPLIT = "test"

Doc = Mapping[str, Any]


@cache
def _opened(scenario: str) -> Episodes:
    opened = Episodes.of_variables(scenario)
    if opened.settings.history:
        raise UsageError("lmms-eval asks every round by itself, so it cannot play with history.")
    return opened


class ProactiveBenchTask(ConfigurableTask):
    """The episodes of one scenario, which `metadata` names, as a task of lmms-eval."""

    def __init__(self, config: Mapping[str, Any]):
        self._scenario = config["metadata"]["scenario"]
        super().__init__(config={name: value for name, value in config.items() if name != "class"})

    def download(self, dataset_kwargs: object = None) -> None:
        """Reads the benchmark, as `evaluate` does, instead of a data set of the Hub."""
        docs = [
            {"id": name_of(one), "scenario": self._scenario, "source": one.sample.source, "answer": one.sample.answer}
            for one in _opened(self._scenario).tasks
        ]
        self.dataset = datasets.DatasetDict({SPLIT: datasets.Dataset.from_list(docs)})
        self.dataset_no_image = self.dataset


def doc_to_visual(doc: Doc) -> list[Image.Image]:
    """The picture of the first round."""
    return _pictures(_played(doc, []))


def doc_to_text(
    doc: Doc,
    lmms_eval_specific_kwargs: object = None,
    previous_output: Sequence[str] | None = None,
    round_idx: int | None = None,
    previous_round_info: object = None,
) -> Any:
    """The text of the first round; with replies, the next round or the end of the episode.

    Returns:
        Of a later round its pictures, its text, whether it is the end, at the end the replies with the result behind
        them, and nothing to keep.

    Raises:
        ProactiveBenchError: The episode failed: a picture cannot be read.
    """
    replies = list(previous_output or ())
    steps = _played(doc, replies)
    if steps.request is not None:
        text = steps.request.messages[-1].text
        return (_pictures(steps), text, False, None, None) if replies else text
    assert steps.played is not None
    episode = steps.played.episode
    if episode.error is not None:
        raise ProactiveBenchError(f"{doc['id']}: {episode.error.message}")
    record = episode.model_dump(mode="json", exclude_defaults=True)
    return None, None, True, [*replies, json.dumps({"scores": episode.scores, "record": record})], None


def doc_to_target(doc: Doc) -> str:
    """The right category."""
    return str(doc["answer"])


def process_results(doc: Doc, results: Sequence[str]) -> dict[str, float]:
    """The scores of an episode."""
    return dict(json.loads(results[0])["scores"])


def _played(doc: Doc, replies: Sequence[str]) -> Steps:
    """The episode after some replies."""
    episodes = _opened(doc["scenario"])
    steps = episodes.start(episodes.named(doc["id"]))
    for reply in replies:
        steps.reply(reply)
    return steps


def _pictures(steps: Steps) -> list[Image.Image]:
    """What the model is shown in this round."""
    if steps.request is None:
        return []
    asked = steps.request.messages[-1]
    assert asked.picture is not None
    return [load_picture(asked.picture)]
