"""What the answers to one prompt share is computed once: the prompt, with its pictures.

The answers of a group differ in a few last tokens; the prompt in front of them, most of it pictures, has hundreds. So
the network reads each prompt once and keeps what attention needs of it, and every answer continues from there: when
answers are drawn, and when they are learned from, with gradients through both. The numbers are those of whole rows but
for rounding, and for the adapter's dropout, which the answers to a prompt share too. What the network kept, its own
checkpointing of gradients would throw away, so that is off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import GenerationConfig

from proactivebench.models.processors import Encoded, collate


@dataclass(frozen=True)
class Said:
    """One answer.

    Attributes:
        prompt: What the model was shown, as tensors of one row on the CPU; answers to one prompt have the same object.
        tokens: What it said, with the token that ends a reply where there is one.
    """

    prompt: Encoded
    tokens: tuple[int, ...]


@dataclass(frozen=True)
class Scored:
    """How probable answers are, token by token: tensors of shape (answers, tokens), filled up at the end.

    Attributes:
        log_probs: Natural logarithms.
        entropies: Of the distributions, in nats.
        mask: 1 where there is a token.
    """

    log_probs: torch.Tensor
    entropies: torch.Tensor
    mask: torch.Tensor


def count_prompts(answers: Sequence[Said]) -> int:
    """How many different prompts they answer."""
    return len({id(said.prompt) for said in answers})


def score(network: Any, answers: Sequence[Said], temperature: float, *, prompts: int = 1) -> Scored:
    """Computes how probable a model finds answers, at a temperature; with gradients where they are switched on.

    Args:
        network: The model.
        answers: At least one.
        temperature: Of the distribution.
        prompts: How many prompts to read, if they have fewer. Processes that train together exchange weights and
            gradients whenever one of them reads, so they must read equally often; what is read in vain weighs nothing.
    """
    longest = max(len(said.tokens) for said in answers)
    width = max(2, longest)  # of one token alone nothing would be read
    tokens = torch.tensor([[*said.tokens, *[0] * (width - len(said.tokens))] for said in answers])
    lengths = torch.tensor([[len(said.tokens)] for said in answers])
    tokens, lengths = tokens.to(network.device), lengths.to(network.device)
    different, rows = _different([said.prompt for said in answers])
    parts, in_vain = [], torch.zeros((), device=network.device)
    for number in range(max(prompts, len(different))):
        place = min(number, len(different) - 1)
        chosen = tokens[rows == place]
        every = (_logits(network, different[place], chosen).float() / temperature).log_softmax(-1)
        if number > place:
            in_vain = in_vain + 0 * every[..., 0].sum()
            continue
        entropies = -(every.detach().exp() * every.detach()).sum(-1)
        parts.append((every.gather(2, chosen[..., None])[..., 0], entropies))
    order = rows.argsort(stable=True).argsort()  # from the answers of one prompt after the other to where they stood
    log_probs, entropies = (torch.cat(part)[order, :longest] for part in zip(*parts, strict=True))
    mask = (torch.arange(longest, device=lengths.device) < lengths).to(log_probs.dtype)
    return Scored(log_probs + in_vain, entropies, mask)


def _logits(network: Any, prompt: Encoded, tokens: torch.Tensor) -> torch.Tensor:
    """What the network gives for each token of answers to one prompt: shape (answers, tokens, vocabulary)."""
    read = network(**_onto(network.device, prompt), use_cache=True, logits_to_keep=1)
    read.past_key_values.reorder_cache(torch.zeros(len(tokens), dtype=torch.long))
    more = network(input_ids=tokens[:, :-1], past_key_values=read.past_key_values, use_cache=True)
    return torch.cat([read.logits.expand(len(tokens), -1, -1), more.logits], 1)


def generate(
    network: Any, prompts: Sequence[Encoded], pad_token_id: int, config: GenerationConfig, *, output_logits: bool
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Draws a reply to each prompt of one batch.

    Args:
        network: The model.
        prompts: Those that are the same object are read once.
        pad_token_id: What fills short prompts.
        config: How tokens are drawn, and how many.
        output_logits: Whether to return what they were drawn from, which takes much memory.

    Returns:
        The tokens, shape (prompts, tokens), in which a row may go on behind the token that ends it; and for each place
        the logits it was drawn from, shape (prompts, vocabulary), or nothing.
    """
    different, rows = _different(prompts)
    batch = _onto(network.device, collate(different, pad_token_id))
    told = {"generation_config": config, "return_dict_in_generate": True, "output_logits": output_logits}
    read = network.generate(**batch, **told, output_scores=True, max_new_tokens=1)
    tokens = read.scores[0][rows].softmax(-1).multinomial(1)
    logits = [read.logits[0][rows]] if output_logits else []
    if config.max_new_tokens > 1:
        read.past_key_values.reorder_cache(rows)
        for module in network.modules():  # some families keep beside it where the positions of each row begin
            if getattr(module, "rope_deltas", None) is not None:
                module.rope_deltas = module.rope_deltas[rows]
        begun = {
            "input_ids": torch.cat([batch["input_ids"][rows], tokens], 1),
            "attention_mask": torch.cat([batch["attention_mask"][rows], torch.ones_like(tokens)], 1),
        }
        more = {"past_key_values": read.past_key_values, "max_new_tokens": config.max_new_tokens - 1}
        made = network.generate(**begun, **told, **more)
        tokens = made.sequences[:, batch["input_ids"].shape[1] :]
        logits += made.logits or ()
    return tokens, logits


def _different(prompts: Sequence[Encoded]) -> tuple[list[Encoded], torch.Tensor]:
    """The prompts that are different objects, and which of them each is."""
    different = {id(prompt): prompt for prompt in prompts}
    number = {key: place for place, key in enumerate(different)}
    return list(different.values()), torch.tensor([number[id(prompt)] for prompt in prompts])


def _onto(device: torch.device, tensors: Encoded) -> Encoded:
    return {name: value.to(device) for name, value in tensors.items()}
