"""The test made fair: drawings whose first stroke gives them away do not measure asking.

The rule is the benchmark's own (`proactivebench filter`): a drawing is dropped when at least a quarter of several
guessers is right at first sight. These six know nothing of the model that is measured: they describe a picture by
the directions of its lines (Dalal and Triggs, 2005), and name it by ridge regression. They differ in how fine they
look, in how many numbers they keep of it, and in the drawings that they have seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from builders.wording import category_text
from experiments.learn_to_ask.model import PIXELS
from experiments.learn_to_ask.stages import NAMES, Stages, draw_stages
from proactivebench.models.checkpoints import Checkpoint
from raw_sources.quickdraw_lines import Drawing

SHARE = 0.25
"""Share of the guessers at which a drawing is dropped; the filter's default."""

DIRECTIONS = 9
"""Directions of lines that are told apart."""

_RIDGE = 1.0
_REACH = 2.0  # length of a description, which decides how far it reaches into the bends of tanh

Numbers = NDArray[np.float64]


class Guesser(NamedTuple):
    """One guesser.

    Attributes:
        cell: Pixels of the squares in which it counts directions.
        numbers: Of a description, which a random projection leaves.
        drawings: That it has seen.
    """

    cell: int
    numbers: int
    drawings: int


GUESSERS = (
    Guesser(8, 400, 3000),
    Guesser(8, 200, 3000),
    Guesser(8, 400, 1500),
    Guesser(16, 300, 3000),
    Guesser(16, 150, 3000),
    Guesser(16, 300, 1500),
)
"""Each draws its projection and its drawings with its place as the seed."""


class Guessers:
    """All of them, having learned.

    Args:
        known: Drawings to learn from, all their stages; none of them is measured.
    """

    def __init__(self, known: Sequence[Drawing]):
        frames = [draw_stages(drawing.strokes) for drawing in known]
        names = [NAMES.index(category_text(drawing.category)) for drawing in known]
        self._fitted = [_fit(one, np.random.default_rng(seed), frames, names) for seed, one in enumerate(GUESSERS)]

    def keep(self, model: Checkpoint, stages: Stages) -> list[bool]:
        """Which drawings stay.

        Args:
            model: Whose tokens the options are.
            stages: What is measured.
        """
        token = {number: place for place, number in enumerate(model.tokenizer.convert_tokens_to_ids(NAMES))}
        first = stages.frames[stages.starts[:-1]]
        options = np.array([[token[number] for number in row[1:]] for row in stages.options.tolist()])
        right = np.zeros(len(first))
        for guesser, (projection, weights) in zip(GUESSERS, self._fitted, strict=True):
            scores = np.tanh(_describe(first, guesser.cell) @ projection) @ weights
            right += np.take_along_axis(scores, options, 1).argmax(1) == np.array(stages.right)
        return [bool(share < SHARE) for share in right / len(GUESSERS)]


def _fit(
    guesser: Guesser, random: np.random.Generator, frames: Sequence[NDArray[np.uint8]], names: Sequence[int]
) -> tuple[Numbers, Numbers]:
    """The projection of a description, and what every name makes of its numbers: shape (numbers, names)."""
    seen = random.permutation(len(frames))[: guesser.drawings]
    described = _describe(np.concatenate([frames[number] for number in seen]), guesser.cell)
    right = np.zeros((len(described), len(NAMES)))
    right[np.arange(len(described)), [names[number] for number in seen for _ in frames[number]]] = 1
    projection = random.normal(size=(described.shape[1], guesser.numbers))
    known = np.tanh(described @ projection)
    weights = np.linalg.solve(known.T @ known + _RIDGE * np.eye(guesser.numbers), known.T @ right)
    return projection, weights.astype(np.float64)


def _describe(frames: NDArray[np.uint8], cell: int) -> Numbers:
    """How much line there is of each direction in each square: shape (frames, numbers), every row equally long."""
    side = PIXELS // cell
    down, along = np.gradient(frames.astype(np.float32), axis=(1, 2))
    bins = (np.arctan2(down, along) % np.pi / np.pi * DIRECTIONS).astype(np.int64) % DIRECTIONS
    length = np.hypot(down, along)
    found = np.zeros((len(frames), DIRECTIONS, side, side))
    for direction in range(DIRECTIONS):
        part = np.where(bins == direction, length, 0).reshape(len(frames), side, cell, side, cell)
        found[:, direction] = np.sqrt(part.sum(axis=(2, 4)))
    flat = found.reshape(len(frames), -1)
    described: Numbers = _REACH * flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
    return described
