"""Sampling that stays the same whatever batch a request is answered in.

The sampling of transformers draws for the whole batch from one global generator, so that a reply depends on its
neighbours. Here every row has a generator of its own: the most probable token after Gumbel noise was added to the
logarithms of the probabilities is a sample from them (the Gumbel-max trick), and greedy decoding picks it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation.logits_process import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper


class GumbelNoise(LogitsProcessor):
    """Adds standard Gumbel noise to scores of shape (rows, vocabulary), each row from its own generator."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores - noise.log()


def sampling(config: GenerationConfig, seeds: Sequence[int], device: torch.device) -> LogitsProcessorList:
    """What makes greedy decoding sample as a model's own settings (temperature, top-k, top-p) ask for.

    Args:
        config: The model's settings; those that are absent have no effect.
        seeds: One per row of the batch.
        device: Where the scores are.
    """
    processors = LogitsProcessorList()
    if config.temperature not in (None, 1.0):
        processors.append(TemperatureLogitsWarper(config.temperature))
    if config.top_k:
        processors.append(TopKLogitsWarper(config.top_k))
    if config.top_p not in (None, 1.0):
        processors.append(TopPLogitsWarper(config.top_p))
    processors.append(GumbelNoise(seeds, device))
    return processors
