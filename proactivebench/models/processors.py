"""From a conversation to the tensors that a Hugging Face Transformers model takes, for every family alike.

A conversation is encoded alone, in whatever thread is free, and batches are padded here. The processors could do both
at once; but then nothing is ready while the accelerator works, lengths are unknown when requests are grouped, and one
picture that a processor refuses takes its whole batch along.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from PIL import Image
from transformers import AutoConfig, AutoProcessor
from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
from transformers.utils.import_utils import is_torchvision_available

Processor = Any
"""A `transformers.ProcessorMixin`, whose own type hints do not fit what it takes and returns."""

Tokenizer = Any
"""A `transformers.PreTrainedTokenizerBase`."""

Encoded = dict[str, torch.Tensor]
"""What the model's `generate` takes, by argument; every tensor's first dimension is rows or pictures."""


LENGTHS = ("max_length", "truncation", "truncation_strategy", "stride", "padding", "pad_to_multiple_of")
"""Settings of a tokenizer by which it cuts or fills texts."""


def load_processor(folder: Path) -> Processor:
    """The processor of the model in a folder; of a model of text alone its tokenizer.

    A tokenizer keeps how it was last made to cut and fill texts, in a training for instance, and a processor does that
    again, silently. Here nothing is cut, and batches are filled in `collate`.
    """
    processor = _from_folder(folder)
    tokenizer: Tokenizer = getattr(processor, "tokenizer", processor)
    for name in LENGTHS:
        tokenizer.init_kwargs.pop(name, None)
    if tokenizer.is_fast:
        tokenizer.backend_tokenizer.no_truncation()
        tokenizer.backend_tokenizer.no_padding()
    return processor


def _from_folder(folder: Path) -> Processor:
    """Loads a processor, without a part that is not needed.

    The processors of many families carry one for videos that needs torchvision. Where that is missing they are loaded
    without it: this benchmark shows pictures only.
    """
    if not is_torchvision_available():
        config = AutoConfig.from_pretrained(folder, trust_remote_code=False)
        if type(config) in PROCESSOR_MAPPING:
            family: Any = PROCESSOR_MAPPING[type(config)]
            if "video_processor" in family.get_attributes():
                return image_only(family).from_pretrained(folder, trust_remote_code=False)
    auto: Any = AutoProcessor
    return auto.from_pretrained(folder, trust_remote_code=False)


def image_only(family: type[Processor]) -> type[Processor]:
    """A processor class of transformers without its video part, under the same name."""

    class ImageOnly(family):  # type: ignore[misc]  # a class known at run time only
        video_processor = SimpleNamespace(num_frames=1, fps=1)  # SmolVLM looks at these for pictures too

        @classmethod
        def get_attributes(cls) -> list[str]:
            return [part for part in super().get_attributes() if part != "video_processor"]

        @classmethod
        def from_args_and_dict(cls, args: Any, processor_dict: dict[str, Any], **kwargs: Any) -> Any:
            return super().from_args_and_dict(args, processor_dict | {"video_processor": None}, **kwargs)

    ImageOnly.__name__ = family.__name__  # it is written into, and read from, the saved configuration
    return ImageOnly


def sees_pictures(processor: Processor) -> bool:
    """Whether a conversation may have pictures; a tokenizer alone takes none."""
    return hasattr(processor, "image_processor")


def picture_settings(processor: Processor) -> dict[str, object]:
    """How pictures become tensors: the image processor's settings, and where the processor overrides them, its own."""
    own = json.loads(processor.image_processor.to_json_string())
    passed = getattr(processor.valid_processor_kwargs, "_defaults", {}).get("images_kwargs", {})
    return {**own, **{name: value for name, value in passed.items() if isinstance(value, (bool, int, float, str))}}


def encode(processor: Processor, turns: Iterable[tuple[str, Image.Image | None, str]], dtype: torch.dtype) -> Encoded:
    """Encodes one conversation.

    Args:
        processor: The model's processor.
        turns: Role (`system`, `user` or `assistant`), picture in front of the text or None, text.
        dtype: Floating point type of the model.

    Returns:
        Tensors of one row; floating point ones in `dtype`, all on the CPU.
    """
    blocks = sees_pictures(processor)  # templates for text alone want the text itself
    conversation = [
        {"role": role, "content": _content(picture, text) if blocks else text} for role, picture, text in turns
    ]
    return encode_messages(processor, conversation, dtype)


def encode_messages(processor: Processor, conversation: Sequence[dict[str, Any]], dtype: torch.dtype) -> Encoded:
    """Encodes one conversation of messages as chat templates take them; see `encode`."""
    tensors = processor.apply_chat_template(
        [conversation], add_generation_prompt=True, tokenize=True, return_dict=True, return_tensors="pt"
    )
    return {name: value.to(dtype) if value.is_floating_point() else value for name, value in tensors.items()}


def opened_thinking(processor: Processor, prompt: Encoded) -> str:
    """`<think>` where the template opens it at the end of a prompt, and the reply begins inside it; else nothing."""
    tokenizer: Tokenizer = getattr(processor, "tokenizer", processor)
    end = tokenizer.decode(prompt["input_ids"][0, -16:], skip_special_tokens=True)
    return "<think>" if end.rstrip().endswith("<think>") else ""


def _content(picture: Image.Image | None, text: str) -> list[dict[str, object]]:
    shown: list[dict[str, object]] = [] if picture is None else [{"type": "image", "image": picture}]
    return [*shown, {"type": "text", "text": text}]


def collate(rows: Sequence[Encoded], pad_token_id: int) -> Encoded:
    """Joins encoded conversations into one batch.

    What has one entry per token is padded on the left. All else has one entry per row or per picture; where its further
    dimensions differ (tiles of a picture, pictures of a conversation), it is padded at the end, which the models expect
    as zeros.
    """
    batch = {}
    for name in rows[0]:
        per_token = all(row[name].shape[:2] == row["input_ids"].shape for row in rows)
        fill = pad_token_id if name == "input_ids" else 0
        batch[name] = join([row[name] for row in rows], fill, left=per_token)
    return batch


def join(values: Sequence[torch.Tensor], fill: int = 0, *, left: bool = False) -> torch.Tensor:
    """Joins tensors along their first dimension; where others differ, the smaller are filled up.

    Args:
        values: Tensors with the same number of dimensions.
        fill: What fills them up.
        left: Fill up the second dimension on the left; all others, and without this all, at the end.
    """
    sizes = [max(value.shape[d] for value in values) for d in range(1, values[0].dim())]
    padded = []
    for value in values:
        missing = [size - have for size, have in zip(sizes, value.shape[1:], strict=True)]
        edges = [(0, n) for n in missing]
        if left:
            edges[0] = (missing[0], 0)
        flat = [edge for pair in reversed(edges) for edge in pair]
        padded.append(torch.nn.functional.pad(value, flat, value=fill) if any(flat) else value)
    return torch.cat(padded)
