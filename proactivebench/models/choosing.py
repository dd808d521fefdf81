"""Choosing the next token in a way that stays the same whatever batch a request is answered in.

In transformers a reply depends on its neighbours twice over. Sampling draws for the whole batch from one global
generator; here every row has a generator of its own: the most probable token after Gumbel noise was added to the
logarithms of the probabilities is a sample from them (the Gumbel-max trick), and greedy decoding picks it. And the
penalty for repetitions counts the padding in front of short rows, whose token often is the one that ends a reply.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation.logits_process import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


class UnpaddedRepetitionPenalty(RepetitionPenaltyLogitsProcessor):
    """Makes the tokens of a row less probable, but not the padding in front of it.

    Args:
        penalty: As the model's settings say.
        padding: Length of each row's padding, shape (rows, 1), on the scores' device.
    """

    def __init__(self, penalty: float, padding: torch.Tensor):
        super().__init__(penalty)
        self._padding = padding

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        own = torch.arange(input_ids.shape[1], device=input_ids.device) >= self._padding
        counted = torch.where(
            own, input_ids, input_ids[:, -1:]
        )  # a token counts once, so its own last one adds nothing
        penalised: torch.Tensor = super().__call__(counted, scores)
        return penalised


class GumbelNoise(LogitsProcessor):
    """Adds standard Gumbel noise to scores of shape (rows, vocabulary), each row from its own generator."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores - noise.log()


def choosing(config: GenerationConfig, mask: torch.Tensor, seeds: Sequence[int] | None) -> LogitsProcessorList:
    """What makes greedy decoding choose as a model's own settings ask for.

    Args:
        config: The model's settings; those that are absent have no effect.
        mask: The batch's attention mask of shape (rows, tokens), 0 for padding, on the model's device.
        seeds: One per row to draw replies (temperature, top-k, top-p); None takes the most probable token each time.
    """
    processors = LogitsProcessorList()
    if config.repetition_penalty not in (None, 1.0):
        padding = (mask == 0).sum(1, keepdim=True)
        processors.append(UnpaddedRepetitionPenalty(config.repetition_penalty, padding))
    if seeds is None:
        return processors
    if config.temperature not in (None, 1.0):
        processors.append(TemperatureLogitsWarper(config.temperature))
    if config.top_k:
        processors.append(TopKLogitsWarper(config.top_k))
    if config.top_p not in (None, 1.0):
        processors.append(TopPLogitsWarper(config.top_p))
    processors.append(GumbelNoise(seeds, mask.device))
    return processors
