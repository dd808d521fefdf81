"""`hf:` models: any image-text-to-text model of transformers, from the Hub or a local folder; as a judge any of text.

Decided here: how a request becomes tensors, how a batch is answered, how large it is, and what the replies depend on.
How requests become batches is told in `batching`, how a name becomes a loaded model in `checkpoints`.
"""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from math import inf

import PIL
import torch
import transformers
from accelerate.utils.memory import should_reduce_batch_size
from PIL import Image
from transformers import LogitsProcessorList, StoppingCriteriaList

from proactivebench.errors import UsageError
from proactivebench.models.base import Model, PictureError, Reply, ReplyError, Request
from proactivebench.models.batching import PREPARED_TOKENS, Batcher, BatchLimit
from proactivebench.models.checkpoints import Checkpoint
from proactivebench.models.choosing import Confidence, cut_off, drawing, effective, generated, generation_settings
from proactivebench.models.decoded import DecodedPictures
from proactivebench.models.memory import memory_of
from proactivebench.models.processors import (
    Encoded,
    collate,
    encode,
    opened_thinking,
    picture_settings,
    sees_pictures,
)

DEFAULT_BATCH = 32
"""Requests in a batch where the user names no number; on a GPU the number to start with."""

EPISODES_PER_REQUEST = 4
"""Episodes in play for each request of a batch: some generate while the others are prepared and grouped by length."""


@dataclass(frozen=True, slots=True)
class _Prompt:
    """A request that is ready to be batched."""

    tensors: Encoded
    seed: int
    confidence: bool
    opened: str

    def __len__(self) -> int:
        return self.tensors["input_ids"].shape[1]


class TransformersModel(Model):
    """A model of transformers that answers requests in batches.

    Args:
        checkpoint: The loaded model.
        batch_size: Requests in a batch; None for a number that suits the device, and on a GPU for as many tokens as
            fit, by what earlier batches took of its memory.
        deterministic: Batches are the same whenever the same episodes are played: nothing depends on memory, and
            episodes are played in groups (`group`).
        max_new_tokens: Tokens of the longest reply.
        max_pixels: Pixels to which larger pictures are scaled down; None leaves that to the processor alone.
        sample: Draw replies as the model's own generation settings say (temperature, top-k, top-p) instead of taking
            the most probable token each time.

    Attributes:
        generating: Seconds that the device has spent on generating; `seconds` minus these it waited for the CPU.

    Raises:
        UsageError: The model cannot take a conversation, for want of a chat template for instance.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        batch_size: int | None = None,
        deterministic: bool = False,
        max_new_tokens: int = 50,
        max_pixels: int | None = None,
        sample: bool = False,
    ):
        self.generating = 0.0
        self._checkpoint = checkpoint
        self._network = checkpoint.network
        self._max_pixels = max_pixels
        self._pictures = DecodedPictures(max_pixels)
        self._sees = sees_pictures(checkpoint.processor)
        tokenizer = checkpoint.tokenizer
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        self._pad = tokenizer.pad_token_id
        self.draws = self._sample = sample
        self._settings = generation_settings(
            self._network.generation_config, sample=sample, pad=self._pad, max_new_tokens=max_new_tokens
        )
        self._positions: float = getattr(self._network.config.get_text_config(), "max_position_embeddings", None) or inf
        self._try_out()
        self._memory = memory_of(self._network.device) if batch_size is None and not deterministic else None
        self._limit = BatchLimit(batch_size or DEFAULT_BATCH)
        self._fixed = self._limit.requests if deterministic else None
        self.group = self._fixed or 1
        self.concurrency = self._fixed or EPISODES_PER_REQUEST * self._limit.requests
        workers, ahead = min(8, os.cpu_count() or 1), inf if deterministic else PREPARED_TOKENS
        self._batcher = Batcher(self._prepare, self._answer, self._limit, workers, ahead)

    async def reply(self, request: Request) -> str:
        return await self._batcher.submit(request)

    def expect(self, episodes: int) -> None:
        self._batcher.expect(episodes)

    async def close(self) -> None:
        await self._batcher.close()

    @property
    def seconds(self) -> float:
        """From the first request to the end of the last batch."""
        return self._batcher.waited + self._batcher.worked

    def identity(self) -> Mapping[str, object]:
        processor = self._checkpoint.processor
        return {
            **self._checkpoint.origin,
            "attention": self._network.config._attn_implementation,
            "max_new_tokens": self._settings.max_new_tokens,
            "positions": None if self._positions == inf else self._positions,
            "max_pixels": self._max_pixels,
            "batches_of": self._fixed,
            "sampling": effective(self._settings),
            "image_processor": picture_settings(processor) if self._sees else None,
            "versions": {library.__name__: library.__version__ for library in (torch, transformers, PIL)},
        }

    def machine(self) -> Mapping[str, object]:
        device = self._network.device
        name = torch.cuda.get_device_name(device) if device.type == "cuda" else torch.backends.cpu.get_cpu_capability()
        dealt_out_to = len(set(getattr(self._network, "hf_device_map", {}).values()))
        return {
            "device": f"{device.type}: {name}",
            **({"devices": dealt_out_to} if dealt_out_to > 1 else {}),
            "threads": torch.get_num_threads(),
            "batch_size": f"{DEFAULT_BATCH} and more" if self._memory else self._limit.requests,
        }

    def _try_out(self) -> None:
        """Encodes a conversation, so that an unfit model is found out here and not picture by picture.

        The tokenizer also takes up its padding now, which it could not do in several threads at once.
        """
        picture = Image.new("RGB", (64, 64)) if self._sees else None
        try:
            encode(self._checkpoint.processor, [("user", picture, "?")], self._network.dtype)
        except Exception as error:
            name = self._checkpoint.origin["model"]
            raise UsageError(f"{name} cannot take a conversation{' with a picture' * self._sees}: {error}") from error

    def _prepare(self, request: Request) -> _Prompt:
        shown = [message.picture.path for message in request.messages if message.picture]
        if shown and not self._sees:
            raise UsageError(f"{self._checkpoint.origin['model']} takes texts alone: it can judge, but not play.")
        turns = [
            (message.role, self._pictures.load(message.picture) if message.picture else None, message.text)
            for message in request.messages
        ]
        try:
            tensors = encode(self._checkpoint.processor, turns, self._network.dtype)
        except Exception as error:  # whatever a processor raises, it refuses this request
            refused = f"the model's processor refuses the conversation ({error})."
            if not shown:
                raise ReplyError(refused) from error
            raise PictureError(f"{', '.join(map(str, shown))}: {refused}") from error
        if self._network.device.type == "cuda":
            tensors = {name: value.pin_memory() for name, value in tensors.items()}
        opened = opened_thinking(self._checkpoint.processor, tensors)
        prompt = _Prompt(tensors, request.seed, request.confidence, opened)
        if len(prompt) >= self._positions:
            raise ReplyError(
                f"The conversation has {len(prompt):,} tokens, and the model has positions for {self._positions:,}. "
                "--max-pixels makes pictures shorter."
            )
        return prompt

    def _answer(self, batch: Sequence[_Prompt]) -> list[str]:
        device = self._network.device
        try:
            if self._memory:
                self._memory.begin()
            inputs = collate([_onto(device, prompt.tensors) for prompt in batch], self._pad)
            padding = (inputs["attention_mask"] == 0).sum(1)
            settings = copy.copy(self._settings)
            confidence = Confidence(settings) if any(prompt.confidence for prompt in batch) else None
            settings.max_new_tokens = min(settings.max_new_tokens, self._positions - min(map(len, batch)))
            started = time.perf_counter()
            with torch.inference_mode(), _current(device):
                tokens = self._network.generate(
                    **inputs,
                    generation_config=settings,
                    custom_generate=drawing([prompt.seed for prompt in batch]) if self._sample else None,
                    logits_processor=None if confidence is None else LogitsProcessorList([confidence]),
                    stopping_criteria=StoppingCriteriaList([partial(self._stop, padding)]),
                ).cpu()
            self.generating += time.perf_counter() - started
        except RuntimeError as error:
            if should_reduce_batch_size(error):
                raise MemoryError(str(error)) from None
            raise
        if self._memory:
            self._limit.has_fitted(batch, self._memory.used())
            self.concurrency = max(self.concurrency, 2 * self._limit.requests)  # one batch is prepared beside another
        new = tokens[:, inputs["input_ids"].shape[1] :]
        texts = self._checkpoint.processor.batch_decode(new, skip_special_tokens=True)
        room = [min(self._settings.max_new_tokens, self._positions - len(prompt)) for prompt in batch]
        sure = [None] * len(batch) if confidence is None else confidence.of(tokens)
        known = zip(sure, cut_off(new, settings, room), generated(new, settings, room), strict=True)
        return [
            Reply(f"{prompt.opened}{text}", confidence=value, cut=cut, tokens=tokens)
            for prompt, text, (value, cut, tokens) in zip(batch, texts, known, strict=True)
        ]

    def _stop(self, padding: torch.Tensor, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        """Ends a row that has used up the model's positions, and all when the model is closed."""
        return (input_ids.shape[1] - padding >= self._positions) | (self._batcher.closed is not None)


def _onto(device: torch.device, tensors: Encoded) -> Encoded:
    """Tensors on a device; a GPU takes them while the next are looked at, for they were pinned when they were made."""
    return {name: value.to(device, non_blocking=True) for name, value in tensors.items()}


def _current(device: torch.device) -> AbstractContextManager[object]:
    """Makes a GPU the thread's current one, which kernels of some libraries take for the one they are to run on."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()
