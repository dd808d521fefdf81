"""The warm-up: from random weights to a model that names complete drawings, always guesses and never asks.

First the tower learns to name: the mean of a picture's vectors, as the decoder will read them, is compared with the
vectors of all categories of which there are drawings. Then the decoder learns to answer multiple-choice prompts as the
benchmark shows them: of the words at which the picture points it says the one that is among the options. Only complete
drawings are shown, each time drawn a little differently.

A model that never says something cannot learn by reinforcement to say it. So some answers are the suggestion, whatever
the picture shows: half of them at first, to learn which of the options it is, and in the end one in thirty. A sampled
answer is a suggestion now and then, while the most probable one is a category.

And in one prompt in ten the picture is that of another drawing: hardly ever does an option fit, and the model has to
name one all the same. Without these it would ask wherever nothing fits, because a suggestion always does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import cos, pi
from pathlib import Path
from random import Random
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from torch.nn.functional import cross_entropy

from builders.negatives import draw_wrong_categories
from builders.quickdraw import QUESTIONS, SUGGESTIONS
from builders.quickdraw_frames import draw_prefixes
from builders.wording import category_text, draw_texts
from experiments.learn_to_ask.model import MEAN, PICTURE, PIXELS, STD, make_model, make_processor
from proactivebench import prompts
from proactivebench.models.checkpoints import Checkpoint, Network
from proactivebench.models.processors import Processor
from proactivebench.scenarios import is_abstention
from proactivebench.work.files import whole
from raw_sources.quickdraw import CATEGORIES, QuickDraw
from raw_sources.quickdraw_lines import Drawing, Stroke

BATCH = 64
SUGGESTIONS_FIRST, SUGGESTIONS_LAST = 0.5, 0.03
"""Share of the answers that are the suggestion when the second phase begins, and from its middle on."""

BLUFFS = 0.1
"""Share of the prompts whose options have nothing to do with the picture."""

REFERENCES = 0.2
"""Share of the batches whose prompts offer categories alone, as where the benchmark shows the reference view."""

_ALL_NAMES = [category_text(category) for category in CATEGORIES]
"""Also those of which no drawing is shown: they stand among the wrong options of every benchmark."""

LABEL_SMOOTHING = 0.1
NAMING_RATE = 2e-3
ANSWERING_RATE = 2e-3
"""Highest learning rates of the two phases; they rise over the first 5% of the steps and fall as a cosine."""


def learn_to_name(drawings: Path, out: Path, *, steps: int, seed: int, progress: Progress) -> None:
    """Trains the tower of a new model on the drawings in a folder, and saves the model with its processor."""
    torch.manual_seed(seed)
    processor = make_processor()
    lessons = _Lessons(make_model(processor), processor, drawings, seed)
    lessons.train(lessons.naming, NAMING_RATE, progress.track(range(steps), description="Learning to name"), steps)
    lessons.save(out)


def learn_to_answer(named: Checkpoint, drawings: Path, out: Path, *, steps: int, seed: int, progress: Progress) -> None:
    """Trains the decoder of a model that can name to answer prompts, and saves the model with its processor."""
    torch.manual_seed(seed)
    for part in (named.network.model.vision_tower, named.network.model.multi_modal_projector):
        part.requires_grad_(False)
    lessons = _Lessons(named.network, named.processor, drawings, seed)
    lessons.train(
        lessons.answering, ANSWERING_RATE, progress.track(range(steps), description="Learning to answer"), steps
    )
    lessons.save(out)


class _Turn(NamedTuple):
    """A prompt without its picture, and what is to be said."""

    text: str
    reply: str


class _Lessons:
    """Draws batches, and tells how far the model is from what it should do with them."""

    def __init__(self, network: Network, processor: Processor, drawings: Path, seed: int):
        self._network = network.train()
        self._processor = processor
        self._known = list(QuickDraw.locate(drawings).records())
        self._names = sorted({category_text(drawing.category) for drawing in self._known})
        self._random = Random(seed)
        self._generator = np.random.default_rng(seed)
        self._done = 0.0  # share of the steps

    def naming(self) -> torch.Tensor:
        """The loss of naming a batch of drawings."""
        drawings = self._random.choices(self._known, k=BATCH)
        vectors = self._network.get_image_features(self._pictures(drawings)).pooler_output
        return self._naming_loss(torch.stack(list(vectors)), drawings)

    def answering(self) -> torch.Tensor:
        """The loss of answering prompts about a batch of drawings."""
        drawings = self._random.choices(self._known, k=BATCH)
        suggestions = max(SUGGESTIONS_LAST, SUGGESTIONS_FIRST + 2 * self._done * (SUGGESTIONS_LAST - SUGGESTIONS_FIRST))
        reference = self._random.random() < REFERENCES
        turns = [self._turn(drawing, suggestions, reference=reference) for drawing in drawings]
        replies = self._tokens([turn.reply for turn in turns])
        ends = torch.full_like(replies, self._processor.tokenizer.eos_token_id)
        input_ids = torch.cat([self._prompts(turns), replies[:, None], ends[:, None]], 1)
        labels = input_ids.clone()
        labels[:, :-2] = -100
        loss: torch.Tensor = self._network(
            input_ids=input_ids, pixel_values=self._pictures(drawings), labels=labels
        ).loss
        return loss

    def train(self, loss: Callable[[], torch.Tensor], peak: float, steps: Iterable[int], total: int) -> None:
        """One update per step, each with a new batch."""
        weights = [weights for weights in self._network.parameters() if weights.requires_grad]
        optimizer = torch.optim.AdamW(weights, lr=peak, weight_decay=0.05, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min((step + 1) / (0.05 * total), 0.5 + 0.5 * cos(pi * step / total))
        )
        for step in steps:
            self._done = step / total
            optimizer.zero_grad()
            torch.autograd.backward(loss())
            torch.nn.utils.clip_grad_norm_(weights, 1.0)
            optimizer.step()
            schedule.step()

    def save(self, out: Path) -> None:
        """Saves the model and its processor; the folder appears complete or not at all."""
        with whole(out) as unfinished:
            self._network.eval().save_pretrained(unfinished)
            self._processor.save_pretrained(unfinished)

    def _naming_loss(self, vectors: torch.Tensor, drawings: Sequence[Drawing]) -> torch.Tensor:
        words = self._network.get_input_embeddings()(self._tokens(self._names))
        right = torch.tensor([self._names.index(category_text(drawing.category)) for drawing in drawings])
        return cross_entropy(vectors.mean(1) @ words.T, right, label_smoothing=LABEL_SMOOTHING)

    def _tokens(self, phrases: list[str]) -> torch.Tensor:
        return torch.tensor(self._processor.tokenizer.convert_tokens_to_ids(phrases))

    def _turn(self, drawing: Drawing, suggestions: float, *, reference: bool) -> _Turn:
        bluff = self._random.random() < BLUFFS
        answer = self._random.choice(_ALL_NAMES) if bluff else category_text(drawing.category)
        texts = draw_texts(self._random, QUESTIONS, [self._random.choice(SUGGESTIONS)])
        categories = [answer, *draw_wrong_categories(self._random, answer, _ALL_NAMES)]
        self._random.shuffle(categories)
        if reference:
            return _Turn(prompts.multiple_choice(texts.prompt, categories, short_answer=True), answer)
        options = [*texts.options, *categories]
        suggestion = options[is_abstention(options[0])]
        reply = suggestion if self._random.random() < suggestions else answer
        return _Turn(prompts.multiple_choice(texts.prompt, options, short_answer=True), reply)

    def _prompts(self, turns: Sequence[_Turn]) -> torch.Tensor:
        """Token ids of shape (turns, length): prompts with equally many options are equally long."""
        conversations = [
            [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": turn.text}]}] for turn in turns
        ]
        texts = self._processor.apply_chat_template(conversations, add_generation_prompt=True)
        room = PICTURE * self._network.config.image_seq_length
        tokens: torch.Tensor = self._processor.tokenizer(
            [text.replace(PICTURE, room) for text in texts], return_tensors="pt"
        ).input_ids
        return tokens

    def _pictures(self, drawings: Sequence[Drawing]) -> torch.Tensor:
        """Complete drawings, varied, as the processor would prepare them (which takes twenty times as long)."""
        grey = np.stack([draw_complete(vary(drawing.strokes, self._generator)) for drawing in drawings])
        values = (torch.from_numpy(grey).float() / 255 - MEAN) / STD
        return values[:, None].expand(-1, 3, -1, -1)


def draw_complete(strokes: Sequence[Stroke]) -> NDArray[np.uint8]:
    """The last frame of a drawing at the size that the model sees: shape (PIXELS, PIXELS), 0 is black."""
    *_, complete = draw_prefixes(strokes)
    return cv2.resize(complete, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]


def vary(strokes: Sequence[Stroke], generator: np.random.Generator) -> list[Stroke]:
    """Draws a drawing again: turned, slanted and stretched a little, perhaps mirrored, by an unsteady hand."""
    everything = np.concatenate([np.array(stroke, float) for stroke in strokes], axis=1)
    low, extent = everything.min(1, keepdims=True), max(np.ptp(everything, axis=1).max(), 1e-6)
    turn, slant, stretch = generator.uniform(-0.2, 0.2, 3)
    mirror = generator.choice((-1.0, 1.0))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    matrix = turned @ np.array([[mirror * (1 + stretch), slant], [0.0, 1.0]])
    waves, phases = generator.uniform(-8, 8, (2, 2)), generator.uniform(0, 2 * pi, (2, 1))
    drawn = []
    for stroke in strokes:
        points = (np.array(stroke, float) - low) / extent
        points = points + 0.03 * np.sin(waves @ points + phases) + generator.normal(0, 0.01, (2, 1))
        x, y = matrix @ points
        drawn.append(Stroke(x.tolist(), y.tolist()))
    return drawn
