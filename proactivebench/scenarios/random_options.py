"""The random-options setting: suggestions that belong to other scenarios.

A model that picks one asks whatever the suggestion says (paper, section 4). One plain wording per proactive behaviour
serves as the pool; those that this scenario's environment would understand are left out. The environment has to be made
with `draw`, so that each of them carries out something.
"""

from __future__ import annotations

import random

from proactivebench.errors import UsageError
from proactivebench.scenarios.sample import Sample
from proactivebench.scenarios.scenario import is_abstention

_POOL = (
    "Move the occluder to the left.",
    "Move the occluder to the right.",
    "Rewind the video.",
    "Wait for the scene to change.",
    "Rotate the object.",
    "Reduce the brightness.",
    "Increase the contrast.",
    "Reduce the saturation.",
    "Deblur the picture.",
    "Denoise the picture.",
    "Remove the compression.",
    "Increase the resolution.",
    "Remove the artifacts.",
    "Add more details.",
    "Move the camera up.",
    "Move the camera down.",
    "Move the camera farther away.",
)


def with_random_options(sample: Sample, rng: random.Random) -> Sample:
    """A copy of a sample whose suggestions are drawn, without repetition, from other scenarios' behaviours.

    Raises:
        UsageError: The sample has more options than there are behaviours to draw from.
    """
    pool = [text for text in _POOL if sample.scenario.action_of(text) is None]
    if len(sample.options) > len(pool):
        raise UsageError(
            f"{sample.scenario.name} sample {sample.id} has {len(sample.options)} options, but --random-options can "
            f"replace at most {len(pool)}. Play it without that option, or shorten its options."
        )
    drawn = iter(rng.sample(pool, k=len(sample.options)))
    options = tuple(option if is_abstention(option) else next(drawn) for option in sample.options)
    return sample.model_copy(update={"options": options})
