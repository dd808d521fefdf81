"""How episodes are played: the settings of the paper, all of them part of a run's identity."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from proactivebench.samples import Sample

Mode = Literal["mcqa", "reference"]


class Settings(BaseModel):
    """The settings of a run.

    Attributes:
        mode: `mcqa`: multiple choice over as many turns as the environment allows; `reference`: one turn on the
            reference frame with the categories alone.
        hint: Append the scenario's hint to the question.
        history: Keep earlier turns in the conversation; frames' short edges are resized to 224 pixels.
        seed: Decides everything random.
        limit: Samples per scenario; a smaller limit plays a subset of a larger one's.
        filtered: Leave out what the benchmark's leak filter dropped.
    """

    model_config = ConfigDict(frozen=True)

    mode: Mode = "mcqa"
    hint: bool = False
    history: bool = False
    seed: int = 0
    limit: int | None = Field(default=None, ge=1)
    filtered: bool = True


def derive_seed(*parts: object) -> int:
    """A 63-bit seed that depends on all parts and on nothing else."""
    text = "\0".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def limited(samples: Sequence[Sample], settings: Settings) -> list[Sample]:
    """The samples that a run plays: all, or a seeded choice of `limit`, in their own order."""
    if settings.limit is None or settings.limit >= len(samples):
        return list(samples)
    by_chance = sorted(samples, key=lambda sample: derive_seed(settings.seed, sample.scenario.name, sample.id))
    chosen = {sample.id for sample in by_chance[: settings.limit]}
    return [sample for sample in samples if sample.id in chosen]
