"""`vllm:` models: vLLM in this process, without a server.

vLLM's own scheduler packs the requests of a batch into steps, and keeps what conversations have in common (prefix
caching), so that later turns with history cost their last picture alone. Files, identity and limits are those of `hf:`
models, and so is the choice of tokens: the most probable one each time, or drawn as the model's own generation settings
say, by the request's seed. Pictures go in as they do to a server. Rounding differs from transformers', so undecided
replies may too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from math import exp
from typing import Any

import torch
import vllm

from proactivebench.errors import UsageError
from proactivebench.models.base import Model, Reply, ReplyError, Request
from proactivebench.models.batching import Batcher, BatchLimit
from proactivebench.models.data_uris import chat_messages, shared_encoder
from proactivebench.models.files import locate
from proactivebench.models.request_form import LARGEST_SEED

DEFAULT_BATCH = 256
"""Requests that are handed over at once; vLLM decides how many of them it works on."""

BATCHES_IN_PLAY = 2
"""Episodes for each request of a batch: one half is prepared while the other is answered."""

PICTURES = 16
"""Pictures that a conversation may hold unless the engine is told another number; ROD has 14 frames."""

GOOD_ENDS = ("stop", "length")

_OURS = ("model", "revision", "dtype", "trust_remote_code", "tokenizer_revision")
"""Arguments of the engine that options of the toolkit say."""

_GREEDY = {"temperature": 0.0, "top_p": 1.0, "top_k": 0, "min_p": 0.0}


class VllmModel(Model):
    """A model that vLLM runs in this process.

    Args:
        name: A folder, or an id on the Hub.
        revision: Branch, tag or commit on the Hub; None is its main branch.
        dtype: Precision, as torch names it; None is the checkpoint's own.
        batch_size: Requests that are handed over at once.
        max_new_tokens: Tokens of the longest reply.
        max_pixels: Pixels to which larger pictures are scaled down; None leaves that to vLLM.
        engine: Further arguments of `vllm.LLM` (`tensor_parallel_size`, `max_model_len`, `quantization` ...).
        sample: Draw replies as the model's own generation settings say.

    Raises:
        UsageError: There is no such model, or vLLM cannot run it here.
    """

    def __init__(
        self,
        name: str,
        *,
        revision: str | None = None,
        dtype: str | None = None,
        batch_size: int = DEFAULT_BATCH,
        max_new_tokens: int = 50,
        max_pixels: int | None = None,
        engine: Mapping[str, Any] | None = None,
        sample: bool = False,
    ):
        given = dict(engine or {})
        if taken := sorted(given.keys() & set(_OURS)):
            raise UsageError(f"--engine cannot say {taken[0]}: the toolkit's own options do, or nothing may.")
        folder, commit = locate(name, revision)
        self.draws = sample
        self.concurrency = BATCHES_IN_PLAY * batch_size
        self._max_pixels = max_pixels
        self._encode = shared_encoder(max_pixels)
        self._origin = {"model": f"vllm:{name}", "revision": commit, "dtype": dtype or "auto"}
        self._engine = {"enable_prefix_caching": True, "limit_mm_per_prompt": {"image": PICTURES}, "seed": 0} | given
        try:
            self._llm = vllm.LLM(model=str(folder), dtype=dtype or "auto", trust_remote_code=False, **self._engine)
        except Exception as error:  # whatever an engine raises while it starts
            said = " ".join(str(error).split())
            raise UsageError(f"vllm:{name} cannot be run here: {type(error).__name__}: {said[:500]}") from error
        self._settings = self._llm.get_default_sampling_params()
        chosen = {"max_tokens": max_new_tokens, "n": 1} | ({} if sample else _GREEDY)
        for setting, value in chosen.items():
            setattr(self._settings, setting, value)
        self._batcher = Batcher(
            self._prepare, self._answer, BatchLimit(batch_size), workers=min(8, os.cpu_count() or 1)
        )

    async def reply(self, request: Request) -> str:
        return await self._batcher.submit(request)

    def expect(self, episodes: int) -> None:
        self._batcher.expect(episodes)

    async def close(self) -> None:
        await self._batcher.close()

    def identity(self) -> Mapping[str, object]:
        names = ("max_tokens", "temperature", "top_p", "top_k", "min_p", "repetition_penalty")
        return {
            **self._origin,
            "engine": self._engine,
            "max_pixels": self._max_pixels,
            "sampling": {"draws": self.draws} | {name: getattr(self._settings, name) for name in names},
            "versions": {"vllm": vllm.__version__, "torch": torch.__version__},
        }

    def machine(self) -> Mapping[str, object]:
        return {"device": torch.cuda.get_device_name() if torch.cuda.is_available() else "cpu"}

    def _prepare(self, request: Request) -> _Prompt:
        return _Prompt(chat_messages(request.messages, self._encode), request.seed, request.confidence)

    def _answer(self, batch: Sequence[_Prompt]) -> list[str]:
        settings = []
        for prompt in batch:
            own = self._settings.clone()
            own.seed = prompt.seed % LARGEST_SEED if self.draws else None
            own.logprobs = 0 if prompt.confidence else None  # of the chosen tokens, without others beside them
            settings.append(own)
        outputs = self._llm.chat([prompt.messages for prompt in batch], settings, use_tqdm=False)
        return [_read(output.outputs[0]) for output in outputs]


class _Prompt:
    """A request that is ready to be answered; all are alike to vLLM's scheduler."""

    def __init__(self, messages: list[dict[str, object]], seed: int, confidence: bool):
        self.messages = messages
        self.seed = seed
        self.confidence = confidence

    def __len__(self) -> int:
        return 1


def _read(output: Any) -> Reply:
    if output.finish_reason not in GOOD_ENDS:
        raise ReplyError(f"vLLM ended the reply with {output.finish_reason!r}, which is not the end of an answer.")
    sure = None if output.logprobs is None else round(min(1.0, exp(output.cumulative_logprob)), 4)
    return Reply(output.text, confidence=sure, cut=output.finish_reason == "length", tokens=len(output.token_ids))
