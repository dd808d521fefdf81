"""Episodes are played as the evaluator plays them: the same encoding, the same reading, one batch per turn.

Every turn is a prompt of its own, encoded anew, so what the model learns from is to the token what it was shown. Of the
prompts of one turn, which are often the same (a prompt is answered several times), each is encoded once, in several
threads, and from then on equal ones are the same object. Replies are drawn with the distribution that is learned from:
temperature alone, no top-k or top-p.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from PIL import Image, ImageOps

from proactivebench.errors import ProactiveBenchError
from proactivebench.images import FORMATS, Picture, load_picture
from proactivebench.models.processors import Encoded, Processor, encode_messages, opened_thinking
from proactivebench.training.plays import Block, Conversation, Play
from proactivebench.training.sharing import Said


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
