"""Frames of every stage of drawings, as all of the model but its last layer sees them.

What decides when to ask, how sure the name is and how complete the drawing looks, is there before the last layer; that
layer alone learns to ask (`asking`). So the long part of the work is done once: pictures and prompts become the states
that the last layer reads, and the rest takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from builders.negatives import draw_wrong_categories
from builders.quickdraw import QUESTIONS, SUGGESTIONS
from builders.quickdraw_frames import draw_prefixes
from builders.wording import category_text, draw_texts
from experiments.learn_to_ask.model import MEAN, PICTURE, PIXELS, STD
from experiments.learn_to_ask.warmup import vary
from proactivebench import prompts
from proactivebench.models.checkpoints import Checkpoint
from proactivebench.scenarios import is_abstention
from raw_sources.quickdraw import CATEGORIES, QuickDraw
from raw_sources.quickdraw_lines import Drawing, Stroke

NAMES = [category_text(category) for category in CATEGORIES]

RESEMBLING = 20
"""Names among which the wrong ones are drawn where they are to resemble the right one."""

_AT_ONCE = 128


class Stages(NamedTuple):
    """Drawings, stage by stage.

    Attributes:
        asked: States behind the frozen layers, of prompts that offer a suggestion: (frames, tokens, width), float16.
        forced: The same of prompts with categories alone.
        options: Tokens of the suggestion and of the four categories: (drawings, 5).
        lengths: Frames of each drawing, one after the other.
        right: Place of the right name among the categories.
        frames: The pictures: (frames, PIXELS, PIXELS), 0 is black.
    """

    asked: torch.Tensor
    forced: torch.Tensor
    options: torch.Tensor
    lengths: list[int]
    right: list[int]
    frames: NDArray[np.uint8]

    @property
    def starts(self) -> NDArray[np.int64]:
        """Where the frames of each drawing begin, and the end of all."""
        return np.concatenate([[0], np.cumsum(self.lengths)])


def read(folder: Path, first: int, end: int | None = None) -> list[Drawing]:
    """Some drawings of every class: from the `first` to in front of the `end` in the order in which they lie."""
    source = QuickDraw.locate(folder)
    drawings: dict[str, list[Drawing]] = {}
    for drawing in source.records():
        drawings.setdefault(drawing.category, []).append(drawing)
    return [drawing for found in drawings.values() for drawing in found[first:end]]


def resembling(model: Checkpoint) -> Mapping[str, Sequence[str]]:
    """Of every name those that the model's words are nearest to: they are the ones that its tower mixes up."""
    words = model.network.get_input_embeddings().weight[model.tokenizer.convert_tokens_to_ids(NAMES)].detach()
    words = words / words.norm(dim=1, keepdim=True)
    nearest = (words @ words.T).argsort(1, descending=True)[:, 1 : RESEMBLING + 1]
    return {name: [NAMES[place] for place in row] for name, row in zip(NAMES, nearest.tolist(), strict=True)}


def make_stages(
    model: Checkpoint, drawings: Sequence[Drawing], *, variants: int = 0, alike: float = 0.0, seed: int = 0
) -> Stages:
    """Draws, asks about and looks at every stage of some drawings.

    Args:
        model: The guesser.
        drawings: What to show.
        variants: How often each is drawn, a little differently each time; 0 shows them once, as they are.
        alike: Share of the prompts, 0 to 1, whose wrong names resemble the right one.
        seed: Of the variations, texts and wrong names.
    """
    random, generator, near = Random(seed), np.random.default_rng(seed), resembling(model)
    token = model.tokenizer.convert_tokens_to_ids
    frames, texts, options, lengths, right = [], [], [], [], []
    for drawing in drawings:
        for _ in range(max(1, variants)):
            drawn = draw_stages(vary(drawing.strokes, generator) if variants else drawing.strokes)
            answer = category_text(drawing.category)
            pool = near[answer] if random.random() < alike else NAMES
            categories = [answer, *draw_wrong_categories(random, answer, pool, NAMES)]
            random.shuffle(categories)
            said = draw_texts(random, QUESTIONS, [random.choice(SUGGESTIONS)])
            every = [*said.options, *categories]
            suggestion = said.options[is_abstention(said.options[0])]
            both = [prompts.multiple_choice(said.prompt, shown, short_answer=True) for shown in (every, categories)]
            frames.append(drawn)
            texts += [both] * len(drawn)
            options.append([token(suggestion), *map(token, categories)])
            lengths.append(len(drawn))
            right.append(categories.index(answer))
    shown = np.concatenate(frames)
    asked, forced = _look(model, shown, texts)
    return Stages(asked, forced, torch.tensor(options), lengths, right, shown)


def draw_stages(strokes: Sequence[Stroke]) -> NDArray[np.uint8]:
    """The frames of a drawing at the size that the model sees: shape (frames, PIXELS, PIXELS), 0 is black."""
    shape = (PIXELS, PIXELS)
    return np.stack(
        [cv2.resize(np.asarray(frame), shape, interpolation=cv2.INTER_AREA) for frame in draw_prefixes(strokes)]
    ).astype(np.uint8)


@torch.inference_mode()
def _look(model: Checkpoint, frames: NDArray[np.uint8], texts: Sequence[Sequence[str]]) -> tuple[torch.Tensor, ...]:
    network, decoder = model.network, model.network.model.language_model
    layers, norm = decoder.layers, decoder.norm
    found: tuple[list[torch.Tensor], ...] = ([], [])
    try:
        decoder.layers, decoder.norm = layers[:-1], torch.nn.Identity()
        for start in range(0, len(frames), _AT_ONCE):
            pictures = (torch.from_numpy(frames[start : start + _AT_ONCE]).float() / 255 - MEAN) / STD
            seen = network.get_image_features(pictures[:, None].expand(-1, 3, -1, -1)).pooler_output
            for place, states in enumerate(found):
                tokens = _tokens(model, [both[place] for both in texts[start : start + _AT_ONCE]])
                read = network.get_input_embeddings()(tokens).clone()
                read[tokens == network.config.image_token_id] = torch.cat(list(seen))
                states.append(decoder(inputs_embeds=read, use_cache=False).last_hidden_state.half())
    finally:
        decoder.layers, decoder.norm = layers, norm
    return tuple(map(torch.cat, found))


def _tokens(model: Checkpoint, texts: Sequence[str]) -> torch.Tensor:
    """Token ids of shape (texts, length): prompts with equally many options are equally long."""
    room = PICTURE * model.network.config.image_seq_length
    messages = [[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": text}]}] for text in texts]
    shown = model.processor.apply_chat_template(messages, add_generation_prompt=True)
    filled = [text.replace(PICTURE, room) for text in shown]
    tokens: torch.Tensor = model.tokenizer(filled, return_tensors="pt").input_ids
    return tokens
