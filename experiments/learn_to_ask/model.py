"""A vision-language model of 1.3 million weights, made of parts that transformers has, from random weights.

LLaVA's layout: a Swin tower turns a picture of 64 x 64 pixels into 16 vectors, and a Llama decoder reads these before
the text. Swin, because windows that merge see lines and corners with far fewer drawings than a plain ViT needs.

The vocabulary consists of phrases: every question, option and category of the Quick, Draw! scenario is one token, and
so is each letter label. A prompt has 22 of them and an answer one, which makes training quick on a CPU, and what is
left to learn is seeing and deciding, not spelling. Texts that are not the scenario's become `<unk>`.
"""

from __future__ import annotations

from string import ascii_uppercase
from typing import Any

import torch
import transformers
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers.utils.import_utils import is_torchvision_available

from builders.quickdraw import QUESTIONS, SUGGESTIONS
from builders.wording import ABSTENTIONS, category_text
from proactivebench import prompts
from proactivebench.models.checkpoints import Network
from proactivebench.models.processors import Processor
from raw_sources.quickdraw import CATEGORIES

PIXELS = 64
"""Width and height of the picture that the model sees."""

PIXELS_PER_VECTOR = 16
"""Width and height of the part of it that one vector stands for."""

MEAN, STD = 0.9, 0.3
"""How pixel values, 0 to 1, are normalised; drawings are mostly white."""

_INITIALIZER_RANGE = 0.08
"""Standard deviation of the first weights, about 1 / sqrt(width); the usual 0.02 is meant for much wider layers."""

PAD, UNKNOWN, END, USER, ASSISTANT, PICTURE = "<pad>", "<unk>", "<end>", "<user>", "<assistant>", "<image>"

_CHAT_TEMPLATE = """
{%- for message in messages -%}
  {{- '<user>' if message['role'] == 'user' else '<assistant>' -}}
  {%- if message['content'] is string -%}
    {{- message['content'] -}}
  {%- else -%}
    {%- for part in message['content'] -%}{{- '<image>' if part['type'] == 'image' else part['text'] -}}{%- endfor -%}
  {%- endif -%}
  {{- '<end>' if message['role'] == 'assistant' -}}
{%- endfor -%}
{{- '<assistant>' if add_generation_prompt -}}
"""

_ROPE_THETA = 1e6
"""Base of the decoder's rotary positions: most of a query and a key compare words, few compare where they stand."""

_library: Any = transformers  # its type hints leave out much of what is called here


def phrases() -> list[str]:
    """All texts that the model can tell from others; the first three surround the options."""
    _, before, after = prompts.multiple_choice("\n", [], short_answer=True).split("\n")
    labels = [f"{letter}. " for letter in ascii_uppercase]
    categories = map(category_text, CATEGORIES)
    return [
        before,
        "\n",
        after,
        *labels,
        *QUESTIONS,
        *SUGGESTIONS,
        *ABSTENTIONS,
        *categories,
    ]


def make_processor() -> Processor:
    """The tokenizer of phrases, and the way of a picture to 64 x 64 pixels."""
    known = (PAD, UNKNOWN, END, USER, ASSISTANT, PICTURE, *phrases())
    tokenizer = Tokenizer(models.WordLevel({phrase: number for number, phrase in enumerate(known)}, UNKNOWN))
    before_options = phrases()[0].replace(".", "[.]")
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(rf"\n|(?<=\n)[A-Z][.] |{before_options}"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    pictures = "CLIPImageProcessor" if is_torchvision_available() else "CLIPImageProcessorPil"
    return _library.LlavaProcessor(
        image_processor=getattr(_library, pictures)(
            size={"height": PIXELS, "width": PIXELS},
            do_center_crop=False,
            resample=4,  # the mean of each block of pixels: thin lines fade, but none is lost
            image_mean=[MEAN] * 3,
            image_std=[STD] * 3,
        ),
        tokenizer=_library.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            pad_token=PAD,
            unk_token=UNKNOWN,
            eos_token=END,
            extra_special_tokens={"image_token": PICTURE, "user_token": USER, "assistant_token": ASSISTANT},
            padding_side="left",
            model_max_length=512,
        ),
        patch_size=PIXELS_PER_VECTOR,
        vision_feature_select_strategy="full",
        chat_template=_CHAT_TEMPLATE,
    )


def make_model(processor: Processor) -> Network:
    """The model with random weights, of which a layer's queries equal its keys and its outputs undo its values.

    So attention begins by looking for words like the one that asks, and by copying what it finds (Trockman and Kolter,
    2023, "Mimetic Initialization of Self-Attention Layers"). Choosing the option at which a picture points is both.
    """
    tokenizer = processor.tokenizer
    special = {"pad_token_id": tokenizer.pad_token_id, "bos_token_id": None, "eos_token_id": tokenizer.eos_token_id}
    config = _library.LlavaConfig(
        vision_config={
            "model_type": "swin",
            "image_size": PIXELS,
            "patch_size": 4,
            "embed_dim": 32,
            "depths": [2, 2, 2],
            "num_heads": [1, 2, 4],
            "window_size": 4,
            "drop_path_rate": 0.05,
            "initializer_range": _INITIALIZER_RANGE,
        },
        text_config={
            "model_type": "llama",
            "vocab_size": len(tokenizer),
            "hidden_size": 128,
            "intermediate_size": 256,
            "num_hidden_layers": 4,
            "num_attention_heads": 4,
            "num_key_value_heads": 4,
            "max_position_embeddings": 512,
            "initializer_range": _INITIALIZER_RANGE,
            "rope_parameters": {"rope_type": "default", "rope_theta": _ROPE_THETA},
            **special,
        },
        image_token_index=tokenizer.convert_tokens_to_ids(PICTURE),
        image_seq_length=(PIXELS // PIXELS_PER_VECTOR) ** 2,
        vision_feature_layer=-1,
        vision_feature_select_strategy="full",
        tie_word_embeddings=True,
    )
    network = _library.LlavaForConditionalGeneration(config)
    network.generation_config.update(**special)
    with torch.no_grad():
        for layer in network.model.language_model.layers:
            attention = layer.self_attn
            torch.nn.init.orthogonal_(attention.q_proj.weight)
            attention.k_proj.weight.copy_(attention.q_proj.weight)
            torch.nn.init.orthogonal_(attention.v_proj.weight)
            attention.o_proj.weight.copy_(attention.v_proj.weight.T)
    return network
