"""The last layer of the decoder, for the last position alone: what says the next word, and all that learns to ask."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from experiments.learn_to_ask.stages import Stages
from proactivebench.models.checkpoints import Checkpoint

_AT_ONCE = 512


class LastLayer(torch.nn.Module):
    """A copy of a model's last layer and norm, with its words, which stay as they are.

    Args:
        model: The model; `put_back` changes it, nothing else does.
    """

    def __init__(self, model: Checkpoint):
        super().__init__()
        decoder = model.network.model.language_model
        self.layer: Any = copy.deepcopy(decoder.layers[-1])
        self.norm: Any = copy.deepcopy(decoder.norm)
        self._turn = decoder.rotary_emb
        self._words = model.network.lm_head.weight.detach()

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Log-probabilities of the next word, shape (prompts, words), from states (prompts, tokens, width)."""
        attention, states = self.layer.self_attn, states.float()
        read = self.layer.input_layernorm(states)
        heads = (*read.shape[:2], -1, attention.head_dim)
        query, key, value = (
            project(read).view(heads).transpose(1, 2)
            for project in (attention.q_proj, attention.k_proj, attention.v_proj)
        )
        query, key = apply_rotary_pos_emb(query, key, *self._turn(read, torch.arange(read.shape[1])[None]))
        found = scaled_dot_product_attention(query[:, :, -1:], key, value).transpose(1, 2).flatten(2)
        last = states[:, -1:] + attention.o_proj(found)
        last = last + self.layer.mlp(self.layer.post_attention_layernorm(last))
        words: torch.Tensor = (self.norm(last)[:, 0] @ self._words.T).log_softmax(-1)
        return words

    def probabilities(self, stages: Stages) -> Iterator[torch.Tensor]:
        """Of the suggestion, the four categories and whatever is most probable: (frames, 6), asked and forced."""
        self.eval()
        options = stages.options.repeat_interleave(torch.tensor(stages.lengths), 0)
        with torch.inference_mode():
            for states in (stages.asked, stages.forced):
                words = torch.cat([self(part) for part in torch.split(states, _AT_ONCE)]).exp()
                yield torch.cat([words.gather(1, options), words.max(1, keepdim=True).values], 1)

    def put_back(self, model: Checkpoint) -> None:
        """Gives a model this last layer."""
        decoder = model.network.model.language_model
        decoder.layers[-1].load_state_dict(self.layer.state_dict())
        decoder.norm.load_state_dict(self.norm.state_dict())


def returns(ask: torch.Tensor, name: torch.Tensor, lengths: Sequence[int], cost: float) -> torch.Tensor:
    """What an episode returns behind every frame, if the model then asks where it finds that more probable than not.

    Args:
        ask: Probability of asking, frame by frame, one drawing after the other.
        name: Probability that a name is right.
        lengths: Frames of each drawing.
        cost: Of a suggestion, in accuracy.

    Returns:
        One number per frame; 0 behind the last of a drawing, where asking ends the episode.
    """
    found = torch.zeros_like(ask)
    asks, names = (ask > 0.5).tolist(), name.tolist()
    end = 0
    for length in lengths:
        end += length
        value = 0.0
        for frame in range(end - 1, end - length - 1, -1):
            found[frame] = value
            value = value - cost if asks[frame] else names[frame]
    return found
