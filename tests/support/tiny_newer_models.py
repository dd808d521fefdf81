"""Tiny models of newer families, made as in `tiny_models`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import transformers as hf

from tests.support.tiny_models import SIGLIP, SQUARE, VISION, WIDTH, Family


def _glm(token: Callable[[str], int], text: dict[str, Any]) -> Any:
    rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [1, 1, 2], "partial_rotary_factor": 1.0}
    return hf.Glm4vConfig(
        text_config=text | {"rope_parameters": rope},
        vision_config={
            "depth": 2,
            "num_heads": 2,
            "hidden_size": WIDTH,
            "intermediate_size": 64,
            "out_hidden_size": WIDTH,
            "image_size": 56,
            "patch_size": 14,
        },
        image_token_id=token("<|image|>"),
        video_token_id=token("<|video|>"),
        image_start_token_id=token("<|begin_of_image|>"),
        image_end_token_id=token("<|end_of_image|>"),
        video_start_token_id=token("<|begin_of_video|>"),
        video_end_token_id=token("<|end_of_video|>"),
    )


NEWER = {
    "aya_vision": Family(
        picture="<image>",
        special={
            "start_of_img_token": "<|START_OF_IMG|>",
            "end_of_img_token": "<|END_OF_IMG|>",
            "img_patch_token": "<|IMG_PATCH|>",
            "tile_global_token": "TILE_GLOBAL",
        }
        | {f"tile_{number}": f"TILE_{number}" for number in range(1, 5)},
        config=lambda token, text: hf.AyaVisionConfig(
            text_config={"model_type": "cohere2"} | text | {"head_dim": 8, "sliding_window": 64},
            vision_config=VISION | SIGLIP | {"image_size": 28, "patch_size": 7},
            image_token_index=token("<|IMG_PATCH|>"),
        ),
        processor="AyaVisionProcessor",
        image_processor="GotOcr2ImageProcessor",
        pictures={"size": SQUARE, "crop_to_patches": True, "min_patches": 1, "max_patches": 4},
        settings={"patch_size": 7, "img_size": 28, "downsample_factor": 2},
    ),
    "glm4v": Family(
        picture="<|begin_of_image|><|image|><|end_of_image|>",
        special={
            "image_token": "<|image|>",
            "video_token": "<|video|>",
            "image_start": "<|begin_of_image|>",
            "image_end": "<|end_of_image|>",
            "video_start": "<|begin_of_video|>",
            "video_end": "<|end_of_video|>",
        },
        config=_glm,
        processor="Glm4vProcessor",
        image_processor="Glm4vImageProcessor",
        pictures={"patch_size": 14, "size": {"shortest_edge": 8 * 28**2, "longest_edge": 64 * 28**2}},
        video_processor="Glm4vVideoProcessor",
    ),
    "mllama": Family(
        picture="<|image|>",
        special={"image_token": "<|image|>", "bos_token": "<|begin_of_text|>"},
        config=lambda token, text: hf.MllamaConfig(
            text_config=text | {"num_hidden_layers": 3, "cross_attention_layers": [1], "bos_token_id": 1},
            vision_config={
                "hidden_size": WIDTH,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_global_layers": 1,
                "attention_heads": 2,
                "vision_output_dim": 2 * WIDTH,
                "image_size": 28,
                "patch_size": 14,
                "intermediate_layers_indices": [0],
            },
            image_token_index=token("<|image|>"),
        ),
        processor="MllamaProcessor",
        image_processor="MllamaImageProcessor",
        pictures={"size": SQUARE, "max_image_tiles": 4},
    ),
}
"""Family -> how it is made, as in `FAMILIES`."""
