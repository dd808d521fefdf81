"""A stand-in for the module `vllm`: the same calls with the same names, answered by transformers one by one.

Signatures are those of vLLM 0.32 (`entrypoints/llm.py`, `sampling_params.py`), as far as the toolkit uses them.
"""

from __future__ import annotations

import base64
import copy
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from PIL import Image
from transformers import AutoModelForImageTextToText

from proactivebench.models.processors import load_processor


@dataclass
class SamplingParams:
    n: int = 1
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    seed: int | None = None
    max_tokens: int | None = 16
    logprobs: int | None = None

    def clone(self) -> SamplingParams:
        return copy.deepcopy(self)


@dataclass
class CompletionOutput:
    text: str
    finish_reason: str | None
    token_ids: list[int]
    cumulative_logprob: float | None = None
    logprobs: list[dict[int, float]] | None = None


@dataclass
class RequestOutput:
    outputs: list[CompletionOutput]


class LLM:
    """Remembers how it was made and what it was asked.

    Attributes:
        calls: Conversations and settings of all calls.
        finish_reason: How it says that replies end; None says it as it is.
    """

    made: dict[str, Any]
    calls: list[tuple[list[Any], list[SamplingParams]]]
    finish_reason: str | None = None

    def __init__(
        self,
        model: str,
        *,
        trust_remote_code: bool = False,
        tensor_parallel_size: int = 1,
        dtype: str = "auto",
        seed: int = 0,
        gpu_memory_utilization: float = 0.92,
        limit_mm_per_prompt: dict[str, int] | None = None,
        enable_prefix_caching: bool | None = None,
        **kwargs: Any,
    ):
        if "no_such_argument" in kwargs:
            raise TypeError("EngineArgs.__init__() got an unexpected keyword argument 'no_such_argument'")
        type(self).made = {
            "seed": seed,
            "limit_mm_per_prompt": limit_mm_per_prompt,
            "enable_prefix_caching": enable_prefix_caching,
            "tensor_parallel_size": tensor_parallel_size,
            **kwargs,
        }
        type(self).calls = []
        network: Any = AutoModelForImageTextToText.from_pretrained(model, dtype=torch.float32)
        self._network = network.eval()
        self._processor = load_processor(Path(model))

    def get_default_sampling_params(self) -> SamplingParams:
        return SamplingParams(temperature=0.7, top_p=0.9, repetition_penalty=1.05)

    def chat(
        self,
        messages: Sequence[list[dict[str, Any]]],
        sampling_params: Sequence[SamplingParams],
        use_tqdm: bool = True,
    ) -> list[RequestOutput]:
        assert len(messages) == len(sampling_params)
        self.calls.append((list(messages), list(sampling_params)))
        return [self._reply(*pair) for pair in zip(messages, sampling_params, strict=True)]

    def _reply(self, messages: list[dict[str, Any]], settings: SamplingParams) -> RequestOutput:
        conversation = [{**message, "content": [*map(_block, _blocks(message["content"]))]} for message in messages]
        inputs = self._processor.apply_chat_template(
            [conversation], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
        )
        with torch.inference_mode():
            made = self._network.generate(
                **inputs,
                do_sample=False,
                max_new_tokens=settings.max_tokens,
                output_scores=True,
                return_dict_in_generate=True,
            )
        new = made.sequences[:, inputs["input_ids"].shape[1] :]
        sure = torch.stack(made.scores, 1).log_softmax(-1).gather(2, new[:, :, None])[0, :, 0].tolist()
        text = self._processor.batch_decode(new, skip_special_tokens=True)[0]
        ends = self._network.generation_config.eos_token_id
        ended = bool(torch.isin(new, torch.tensor(ends)).any())
        output = CompletionOutput(text, self.finish_reason or ("stop" if ended else "length"), new[0].tolist())
        if settings.logprobs is not None:
            output.cumulative_logprob = sum(sure)
            output.logprobs = [{int(token): value} for token, value in zip(new[0], sure, strict=True)]
        return RequestOutput([output])


def _blocks(content: Any) -> list[dict[str, Any]]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _block(block: dict[str, Any]) -> dict[str, Any]:
    if block["type"] != "image_url":
        return block
    data = base64.b64decode(block["image_url"]["url"].partition(";base64,")[2])
    return {"type": "image", "image": Image.open(io.BytesIO(data)).convert("RGB")}


def module() -> ModuleType:
    """What `import vllm` gives."""
    made = ModuleType("vllm")
    made.__dict__.update(LLM=LLM, SamplingParams=SamplingParams, __version__="0.0")
    return made
