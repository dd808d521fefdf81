"""Episodes are played as the evaluator plays them: the same encoding, the same reading, one batch per turn.

Every turn is a prompt of its own, encoded anew, so what the model learns from is to the token what it was shown. Of the
prompts of one turn, which are often the same (a prompt is answered several times), each is encoded once, in several
threads. Replies are drawn with the distribution that is learned from: temperature alone, no top-k or top-p.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image, ImageOps

from proactivebench.errors import ProactiveBenchError
from proactivebench.images import FORMATS, Picture, load_picture
from proactivebench.models.processors import Encoded, Processor, collate, encode_messages, opened_thinking
from proactivebench.training.plays import Block, Conversation, Play


@dataclass(frozen=True)
class Said:
    """One answer.

    Attributes:
        prompt: What the model was shown, as tensors of one row on the CPU.
        tokens: What it said, with the token that ends a reply where there is one.
    """

    prompt: Encoded
    tokens: tuple[int, ...]


class Rollout:
    """Plays episodes.

    Args:
        processor: The model's processor.
        dtype: Floating point type in which the model takes pictures.
        room: Tokens that a prompt may have; an episode that gets longer ends without an answer.
        draw: Draws replies, as token ids, to prompts.
    """

    def __init__(
        self,
        processor: Processor,
        dtype: torch.dtype,
        room: int,
        draw: Callable[[Sequence[Encoded]], Sequence[tuple[int, ...]]],
    ):
        self._processor = processor
        self._dtype = dtype
        self._room = room
        self._draw = draw
        self._threads = ThreadPoolExecutor(min(8, os.cpu_count() or 1), thread_name_prefix="pictures")

    def play(self, plays: Sequence[Play]) -> list[list[Said]]:
        """Plays episodes to their ends, and returns the answers of each, of which there is at least one.

        Raises:
            ProactiveBenchError: A first prompt is too long.
        """
        said: list[list[Said]] = [[] for _ in plays]
        while waiting := [number for number, play in enumerate(plays) if not play.done]:
            prompts = self.encode([plays[number].shown for number in waiting])
            fitting = [prompt["input_ids"].shape[1] <= self._room for prompt in prompts]
            room = [number for number, fits in zip(waiting, fitting, strict=True) if fits]
            if len(room) < len(waiting) and not all(said[number] for number in waiting if number not in room):
                longest = max(prompt["input_ids"].shape[1] for prompt in prompts)
                raise ProactiveBenchError(
                    f"An episode begins with {longest} tokens; the model takes {self._room} in front of an answer."
                )
            shown = [prompt for prompt, fits in zip(prompts, fitting, strict=True) if fits]
            drawn = self._draw(shown) if shown else []
            for number, prompt, tokens in zip(room, shown, drawn, strict=True):
                said[number].append(Said(prompt, tokens))
                text = self._processor.tokenizer.decode(tokens, skip_special_tokens=True)
                plays[number].answer(f"{opened_thinking(self._processor, prompt)}{text}")
            for number in set(waiting).difference(room):
                plays[number].answer("")
        return said

    def encode(self, conversations: Sequence[Conversation]) -> list[Encoded]:
        """Encodes conversations, equal ones once."""
        different = dict.fromkeys(conversations)
        done = dict(zip(different, self._threads.map(self._encode, different), strict=True))
        return [done[conversation] for conversation in conversations]

    def _encode(self, conversation: Conversation) -> Encoded:
        messages = [{"role": role, "content": [_as_block(block) for block in blocks]} for role, blocks in conversation]
        return encode_messages(self._processor, messages, self._dtype)


def _as_block(block: Block) -> dict[str, object]:
    if isinstance(block, str):
        return {"type": "text", "text": block}
    return {"type": "image", "image": load_picture(block) if isinstance(block, Picture) else decode(block)}


def decode(stored: bytes) -> Image.Image:
    """A picture of the train split as it is shown: upright, RGB."""
    return ImageOps.exif_transpose(Image.open(io.BytesIO(stored), formats=FORMATS)).convert("RGB")


@dataclass(frozen=True)
class Scored:
    """How probable answers are, token by token: tensors of shape (answers, tokens), filled up on the left.

    Attributes:
        log_probs: Natural logarithms.
        entropies: Of the distributions, in nats.
        mask: 1 where there is a token.
    """

    log_probs: torch.Tensor
    entropies: torch.Tensor
    mask: torch.Tensor


def score(network: Any, answers: Sequence[Said], pad_token_id: int, temperature: float) -> Scored:
    """Computes how probable a model finds answers, at a temperature; with gradients where they are switched on."""
    batch = collate([_continued(said) for said in answers], pad_token_id)
    inputs = {name: value.to(network.device) for name, value in batch.items()}
    longest = max(len(said.tokens) for said in answers)
    logits = network(**inputs, logits_to_keep=longest + 1).logits[:, -longest - 1 : -1].float() / temperature
    every = logits.log_softmax(-1)
    chosen = inputs["input_ids"][:, -longest:]
    lengths = torch.tensor([len(said.tokens) for said in answers], device=chosen.device)
    mask = (torch.arange(longest, 0, -1, device=chosen.device) <= lengths[:, None]).to(every.dtype)
    entropies = -(every.detach().exp() * every.detach()).sum(-1)
    return Scored(every.gather(2, chosen[..., None])[..., 0], entropies, mask)


def _continued(said: Said) -> Encoded:
    """The prompt with the answer behind it; whatever else there is for each token is that of text there."""
    prompt, tokens = said.prompt, torch.tensor([said.tokens])
    more = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    return {
        name: torch.cat([value, more.get(name, torch.zeros_like(tokens)).to(value.dtype)], 1)
        if value.shape == prompt["input_ids"].shape
        else value
        for name, value in prompt.items()
    }
