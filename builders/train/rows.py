"""A row of the train split: one turn of a sample's episode, with what is right to answer there.

Half of the rows stop at the frame that shows the answer, the others at any frame before it, each as likely, so that
early frames do not drown late ones. What is shown and what is right is asked of the environment itself, so training and
evaluation agree.
"""

from __future__ import annotations

import copy
import io
from random import Random
from typing import Any

from PIL import Image

from builders.base import Builder, PlannedSample
from builders.pictures import encode_jpeg
from proactivebench.prompts import multiple_choice
from proactivebench.scenarios import Environment, Observation, Sample, make_environment

AMBIGUOUS_SHARE = 0.5
"""Share of the rows whose frame does not show the answer yet."""

Row = dict[str, Any]
"""The published columns: `prompt`, `ground_truth`, `proactive_actions`, `options`, `images`."""


def make_row(builder: Builder[Any, Any], planned: PlannedSample[Any], random: Random) -> Row:
    """Plays a sample to a frame, and asks there.

    Args:
        builder: Renders the frame.
        planned: The sample.
        random: Decides the frame, and the way to it.

    Raises:
        SourceError: The record turns out to be unusable.
    """
    sample = builder.scenario.sample(id=0, **planned.fields)
    *before, last = _episode(sample, random)
    environment = random.choice(before) if random.random() < AMBIGUOUS_SHARE else last
    shown = environment.observe()
    text = multiple_choice(shown.question, shown.options, short_answer=True)
    content = [{"type": "image", "text": None}, {"type": "text", "text": text}]
    return {
        "prompt": [{"role": "user", "content": content}],
        "ground_truth": sample.answer,
        "proactive_actions": list(environment.accepted),
        "options": list(shown.options),
        "images": [{"bytes": _picture(builder, planned, shown), "path": shown.frame_path}],
    }


def _episode(sample: Sample, random: Random) -> list[Environment]:
    """The turns from the first frame to the one that shows the answer, by suggestions that are right."""
    turns = [make_environment(sample)]
    while not turns[-1].shows_answer():
        following = copy.copy(turns[-1])
        following.step(random.choice(following.accepted))
        turns.append(following)
    return turns


def _picture(builder: Builder[Any, Any], planned: PlannedSample[Any], shown: Observation) -> bytes:
    data = next(frame.data for frame in builder.render(planned) if frame.path == shown.frame_path)
    if shown.view is None:
        return data
    with Image.open(io.BytesIO(data)) as stored:
        return encode_jpeg(shown.view(stored.convert("RGB")))
