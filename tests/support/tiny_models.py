"""Vision-language models of a few thousand weights, made from nothing: no download, loaded in milliseconds.

Weights are random, but large enough that replies depend on picture and text; they mean nothing. Everything else is what
a real model folder holds: configuration, tokenizer with a chat template, processor. There is one of text alone too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
import transformers as hf
from transformers import AutoModelForCausalLM, AutoModelForImageTextToText, PreTrainedTokenizerFast
from transformers.utils.import_utils import is_torchvision_available

from proactivebench.models.processors import image_only
from tests.support.tiny_tokenizers import tiny_tokenizer, token_id

WIDTH = 32
TEXT = {
    "hidden_size": WIDTH,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}
VISION = {"hidden_size": WIDTH, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
SMALL_PICTURES = {"image_size": 28, "patch_size": 14}
SQUARE = {"height": 28, "width": 28}
TILES = [[28, 56], [56, 28], [56, 56]]


@dataclass(frozen=True)
class Family:
    """What sets a family apart.

    Attributes:
        picture: Text that its chat template puts where a picture is.
        special: Its special tokens, by the name under which its processor looks for them, or any other.
        config: Token -> id, and the settings of the language model, to the model's configuration.
        processor: Name of the processor's class.
        image_processor: Name of the image processor's class.
        pictures: Settings of the image processor.
        video_processor: Name of the video processor's class, which needs torchvision; None has none.
        settings: Further arguments of the processor.
        turn: Text around a message.
    """

    picture: str
    special: dict[str, str]
    config: Callable[[Callable[[str], int], dict[str, Any]], Any]
    processor: str
    image_processor: str
    pictures: dict[str, Any]
    video_processor: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    turn: tuple[str, str] = ("<|im_start|>", "<|im_end|>\n")


def tiny_model(family: str | Family, folder: Path, texts: Sequence[str] = ()) -> Path:
    """Saves a model of a family to a folder, as `from_pretrained` wants it.

    Args:
        family: One of `FAMILIES` by name, or another.
        folder: Where to save; made if necessary.
        texts: What its tokenizer learns from; without any its tokens are bytes.
    """
    kind = FAMILIES[family] if isinstance(family, str) else family
    tokenizer = tokenizer_of(kind, texts)
    text = TEXT | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    _save_random(AutoModelForImageTextToText, kind.config(partial(token_id, tokenizer), text), folder)
    processor_of(kind, tokenizer).save_pretrained(folder)
    return folder


def tokenizer_of(kind: Family, texts: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """A family's tokenizer; of bytes alone, or of what is frequent in some texts."""
    blocks = (
        "{% for block in message['content'] %}{% if block['type'] == 'image' %}" + kind.picture + "{% else %}"
        "{{ block['text'] }}{% endif %}{% endfor %}"
    )
    return tiny_tokenizer(kind.turn, kind.special, blocks, texts)


def tiny_text_model(folder: Path) -> Path:
    """Saves a model of text alone (Qwen3) to a folder; its chat template takes no blocks, as those of real ones."""
    tokenizer = tiny_tokenizer(("<|im_start|>", "<|im_end|>\n"), {}, "{{ message['content'] }}")
    text = TEXT | {"vocab_size": len(tokenizer), "eos_token_id": tokenizer.eos_token_id, "pad_token_id": 0}
    _save_random(AutoModelForCausalLM, hf.Qwen3Config(**text, head_dim=8), folder)
    tokenizer.save_pretrained(folder)
    return folder


def _save_random(auto: Any, config: Any, folder: Path) -> None:
    torch.manual_seed(0)
    model = auto.from_config(config)
    with torch.no_grad():
        for weights in model.parameters():
            if weights.dim() > 1:
                weights.normal_(std=0.3)
    model.save_pretrained(folder)


def processor_of(kind: Family, tokenizer: PreTrainedTokenizerFast) -> Any:
    """A family's processor around a tokenizer."""
    pillow = "" if is_torchvision_available() else "Pil"
    parts = {"image_processor": getattr(hf, kind.image_processor + pillow)(**kind.pictures), "tokenizer": tokenizer}
    processor = getattr(hf, kind.processor)
    if kind.video_processor and is_torchvision_available():
        parts["video_processor"] = getattr(hf, kind.video_processor)()
    elif kind.video_processor:
        processor, parts["video_processor"] = image_only(processor), None
    return processor(**parts, **kind.settings, chat_template=tokenizer.chat_template)


def _qwen(name: str, patch: int, **vision: Any) -> Family:
    def config(token: Callable[[str], int], text: dict[str, Any]) -> Any:
        rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2]}
        return getattr(hf, f"{name}Config")(
            text_config=text | {"rope_parameters": rope},
            vision_config={"depth": 2, "num_heads": 2, "patch_size": patch, "hidden_size": WIDTH} | vision,
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
        )

    return Family(
        picture="<|vision_start|><|image_pad|><|vision_end|>",
        special={
            "image_token": "<|image_pad|>",
            "video_token": "<|video_pad|>",
            "vision_bos_token": "<|vision_start|>",
            "vision_eos_token": "<|vision_end|>",
        },
        config=config,
        processor=f"{name}Processor",
        image_processor="Qwen2VLImageProcessor",
        pictures={"patch_size": patch, "size": {"shortest_edge": 4 * patch**2, "longest_edge": 64 * patch**2}},
        video_processor="Qwen3VLVideoProcessor" if name == "Qwen3VL" else "Qwen2VLVideoProcessor",
    )


def _llava(name: str, image_processor: str, tower: dict[str, Any], pictures: dict[str, Any], **more: Any) -> Family:
    tiles = {"image_grid_pinpoints": pictures["image_grid_pinpoints"]} if "image_grid_pinpoints" in pictures else {}
    return Family(
        picture="<image>",
        special={"image_token": "<image>", "video_token": "<video>"},
        config=lambda token, text: getattr(hf, f"{name}Config")(
            text_config={"model_type": "qwen2"} | text,
            vision_config=VISION | SMALL_PICTURES | tower,
            image_token_index=token("<image>"),
            **tiles,
        ),
        processor=f"{name}Processor",
        image_processor=image_processor,
        pictures=pictures,
        **more,
    )


def _idefics(name: str, **more: Any) -> Family:
    return Family(
        picture="<image>",
        special={
            "image_token": "<image>",
            "fake_image_token": "<fake_token_around_image>",
            "global_image_token": "<global-img>",
            "end_of_utterance_token": "<end_of_utterance>",
        }
        | {f"tile_{row}_{column}": f"<row_{row}_col_{column}>" for row in (1, 2) for column in (1, 2)},
        config=lambda token, text: getattr(hf, f"{name}Config")(
            text_config={"model_type": "llama"} | text,
            vision_config=VISION | SMALL_PICTURES,
            image_token_id=token("<image>"),
            scale_factor=2,
            pad_token_id=0,
        ),
        processor=f"{name}Processor",
        image_processor=f"{name}ImageProcessor",
        pictures={"size": {"longest_edge": 56}, "max_image_size": {"longest_edge": 28}},
        settings={"image_seq_len": 1},
        **more,
    )


CLIP = {"model_type": "clip_vision_model", "projection_dim": WIDTH}
SIGLIP = {"model_type": "siglip_vision_model", "vision_use_head": False}
CLIP_PICTURES = {"size": {"shortest_edge": 28}, "crop_size": SQUARE}
CLIP_TOKENS = {"patch_size": 14, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}

FAMILIES = {
    "qwen2_vl": _qwen("Qwen2VL", 14, embed_dim=16, mlp_ratio=2),
    "qwen2_5_vl": _qwen(
        "Qwen2_5_VL", 14, intermediate_size=64, out_hidden_size=WIDTH, fullatt_block_indexes=[1], window_size=56
    ),
    "qwen3_vl": _qwen(
        "Qwen3VL",
        16,
        intermediate_size=64,
        out_hidden_size=WIDTH,
        num_position_embeddings=16,
        deepstack_visual_indexes=[0, 1],
    ),
    "llava": _llava("Llava", "CLIPImageProcessor", CLIP, CLIP_PICTURES, settings=CLIP_TOKENS),
    "llava_next": _llava(
        "LlavaNext",
        "LlavaNextImageProcessor",
        CLIP,
        CLIP_PICTURES | {"image_grid_pinpoints": TILES},
        settings=CLIP_TOKENS,
    ),
    "llava_onevision": _llava(
        "LlavaOnevision",
        "LlavaOnevisionImageProcessor",
        SIGLIP,
        {"size": SQUARE, "image_grid_pinpoints": TILES},
        video_processor="LlavaOnevisionVideoProcessor",
        settings={"num_image_tokens": 4, "vision_feature_select_strategy": "full"},
    ),
    "internvl": Family(
        picture="<IMG_CONTEXT>",
        special={
            "context_image_token": "<IMG_CONTEXT>",
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "video_token": "<video>",
        },
        config=lambda token, text: hf.InternVLConfig(
            text_config={"model_type": "qwen2"} | text,
            vision_config=VISION | {"image_size": [28, 28], "patch_size": [14, 14]},
            image_token_id=token("<IMG_CONTEXT>"),
            image_seq_length=1,
        ),
        processor="InternVLProcessor",
        image_processor="GotOcr2ImageProcessor",
        pictures={"size": SQUARE, "crop_to_patches": True, "max_patches": 4},
        video_processor="InternVLVideoProcessor",
        settings={"image_seq_length": 1},
    ),
    "idefics3": _idefics("Idefics3"),
    "smolvlm": _idefics("SmolVLM", video_processor="SmolVLMVideoProcessor"),
    "gemma3": Family(
        picture="<start_of_image>",
        special={
            "image_token": "<image_soft_token>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
        },
        config=lambda token, text: hf.Gemma3Config(
            text_config=text
            | {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 64}
            | {"layer_types": ["sliding_attention", "full_attention"]},
            vision_config=VISION | SMALL_PICTURES | SIGLIP,
            tie_word_embeddings=False,
            mm_tokens_per_image=4,
            boi_token_index=token("<start_of_image>"),
            eoi_token_index=token("<end_of_image>"),
            image_token_index=token("<image_soft_token>"),
        ),
        processor="Gemma3Processor",
        image_processor="Gemma3ImageProcessor",
        pictures={"size": SQUARE},
        settings={"image_seq_length": 4},
        turn=("<start_of_turn>", "<end_of_turn>\n"),
    ),
}
