"""Models of full size with random weights: the work of real ones, without their download.

Sizes are those of the published configurations. The tokenizer is learned from the benchmark's own texts, so that a
prompt has about as many tokens as it has for the real model.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import torch
import transformers as hf
from transformers import AutoModelForImageTextToText

from proactivebench.models.checkpoints import Checkpoint
from tests.support.tiny_models import FAMILIES, Family, processor_of, tokenizer_of
from tests.support.tiny_tokenizers import token_id

TEXT_3B = {
    "vocab_size": 151936,
    "hidden_size": 2048,
    "intermediate_size": 11008,
    "num_hidden_layers": 36,
    "num_attention_heads": 16,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
}
TEXT_7B = {
    "vocab_size": 152064,
    "hidden_size": 3584,
    "intermediate_size": 18944,
    "num_hidden_layers": 28,
    "num_attention_heads": 28,
    "num_key_value_heads": 4,
}
QWEN_ROPE = {"rope_type": "default", "rope_theta": 1000000.0, "mrope_section": [16, 24, 24]}
QWEN_VISION = {"depth": 32, "hidden_size": 1280, "intermediate_size": 3420, "num_heads": 16, "patch_size": 14}
INTERN_VISION = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "num_attention_heads": 16,
    "image_size": [448, 448],
    "patch_size": [14, 14],
    "attention_bias": True,
}
TILES = [[384 * rows, 384 * columns] for rows in range(1, 7) for columns in range(1, 7)]
SIGLIP = {
    "model_type": "siglip_vision_model",
    "hidden_size": 1152,
    "intermediate_size": 4304,
    "num_hidden_layers": 26,
    "num_attention_heads": 16,
    "image_size": 384,
    "patch_size": 14,
    "vision_use_head": False,
}


def _qwen(text: dict[str, Any]) -> Family:
    return replace(
        FAMILIES["qwen2_5_vl"],
        config=lambda token, ids: hf.Qwen2_5_VLConfig(
            text_config=text | ids | {"rope_parameters": QWEN_ROPE},
            vision_config=QWEN_VISION | {"out_hidden_size": text["hidden_size"]},
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
        ),
        pictures={"size": {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 16384}},
    )


CONFIGS = {
    "qwen2.5-vl-3b": _qwen(TEXT_3B),
    "qwen2.5-vl-7b": _qwen(TEXT_7B),
    "internvl3-8b": replace(
        FAMILIES["internvl"],
        config=lambda token, ids: hf.InternVLConfig(
            text_config={"model_type": "qwen2", "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}
            | TEXT_7B
            | {"vocab_size": 151674}
            | ids,
            vision_config=INTERN_VISION,
            image_token_id=token("<IMG_CONTEXT>"),
            image_seq_length=256,
            tie_word_embeddings=False,
        ),
        pictures={"size": {"height": 448, "width": 448}, "crop_to_patches": True, "min_patches": 1, "max_patches": 12},
        settings={"image_seq_length": 256},
    ),
    "llava-ov-7b": replace(
        FAMILIES["llava_onevision"],
        config=lambda token, ids: hf.LlavaOnevisionConfig(
            text_config={"model_type": "qwen2", "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0}}
            | TEXT_7B
            | ids,
            vision_config=SIGLIP,
            image_token_index=token("<image>"),
            image_grid_pinpoints=TILES,
        ),
        pictures={"size": {"height": 384, "width": 384}, "image_grid_pinpoints": TILES},
        settings={"num_image_tokens": 729, "vision_feature_select_strategy": "full"},
    ),
}


def weights(name: str) -> int:
    """The number of weights of a model, which is not made."""
    kind = CONFIGS[name]
    auto: Any = AutoModelForImageTextToText
    with torch.device("meta"):
        network = auto.from_config(kind.config(lambda token: 0, {}))
    return sum(weight.numel() for weight in network.parameters())


def full_size(name: str, texts: Sequence[str], device: str = "cuda") -> Checkpoint:
    """A model with random weights in bfloat16.

    Args:
        name: One of `CONFIGS`.
        texts: What it will be asked.
        device: Where it is made.
    """
    kind = CONFIGS[name]
    tokenizer = tokenizer_of(kind, texts)
    ids = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    auto: Any = AutoModelForImageTextToText
    torch.manual_seed(0)
    with torch.device(device):
        network = auto.from_config(kind.config(partial(token_id, tokenizer), ids), dtype=torch.bfloat16)
    return Checkpoint(network.eval(), processor_of(kind, tokenizer), {"model": name, "revision": "random"})
