"""A model that is a function of what it sees, so that one pixel or letter more or less gives other scores.

Harnesses hand it pictures and texts in forms of their own; whatever they changed on the way would show.
"""

from __future__ import annotations

import asyncio
import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.images import load_picture
from proactivebench.models.base import Model, Request
from tests.support.example_benchmark import build_examples
from tests.support.sight import answer as answer
from tests.support.small_benchmark import build_small


def from_uri(uri: str) -> Image.Image:
    """The picture of a data URI."""
    return Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))


def of_chat(messages: list[Any]) -> str:
    """The answer to a conversation in OpenAI's form."""
    blocks = messages[-1]["content"]
    uri = next(block["image_url"]["url"] for block in blocks if block["type"] == "image_url")
    text = "".join(block["text"] for block in blocks if block["type"] == "text")
    return answer(text, from_uri(uri), sum(message["role"] == "assistant" for message in messages))


class Seeing(Model):
    """The same for our own evaluator."""

    async def reply(self, request: Request) -> str:
        asked = request.messages[-1]
        assert asked.picture is not None
        earlier = sum(message.role == "assistant" for message in request.messages)
        return answer(asked.text, await asyncio.to_thread(load_picture, asked.picture), earlier)

    def identity(self) -> Mapping[str, object]:
        return {"model": "seeing"}


def build_seen(folder: Path) -> Path:
    """A benchmark of drawings, a photo in JPEG and one that is shown in parts."""
    return build_small(build_examples(folder, "ROD", "COCO"), per_category=5)


def scores_of(run: Path) -> dict[str, dict[str, float]]:
    """Name of an episode -> its scores, as a run folder has them."""
    return {f"{episode.scenario}/{episode.id}": episode.scores for episode in read_episodes(run)}


def play_seeing(data: Path, out: Path, **settings: Any) -> Path:
    """Our own evaluator's run."""
    benchmark = Benchmark.open(data)
    engine.evaluate(benchmark, benchmark.scenarios, Seeing(), Settings(**settings), out)
    return out
