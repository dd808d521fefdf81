"""How the next token is chosen: by transformers' own rules, and yet the same whatever batch a request is answered in.

A model's generation settings hold in both modes, but for those that would make another procedure of it (beams, several
replies, a limit of time). Greedy decoding needs nothing more. Sampling in transformers draws for the whole batch from
one global generator; here every row has its own: the most probable token after Gumbel noise was added to the logarithms
of the probabilities is a sample from them (the Gumbel-max trick). The noise comes last, after all that transformers
makes of the scores with `do_sample=True`, so that the distribution is its own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import torch
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList

_OURS = {"num_beams": 1, "num_return_sequences": 1, "max_length": None, "max_time": None, "stop_strings": None}
_OURS |= {
    "penalty_alpha": None,
    "dola_layers": None,
    "prompt_lookup_num_tokens": None,
    "return_dict_in_generate": False,
}
"""Settings that would make something other of a reply than one text, token by token."""

_DEFAULTS = {"temperature": 1.0, "top_k": 50, "top_p": 1.0}
"""What transformers fills in where a model that samples names nothing."""

_DRAWING = (*_DEFAULTS, "min_p", "top_h", "typical_p", "epsilon_cutoff", "eta_cutoff")
"""Settings that act on sampling alone."""

_SCORES: tuple[str, ...] = (
    "repetition_penalty",
    "no_repeat_ngram_size",
    "min_new_tokens",
    "min_length",
    "bad_words_ids",
)
_SCORES += ("sequence_bias", "suppress_tokens", "begin_suppress_tokens", "forced_bos_token_id", "forced_eos_token_id")
_SCORES += ("exponential_decay_length_penalty", "guidance_scale", "renormalize_logits", "remove_invalid_values")
"""Settings that act on the scores of tokens in either mode."""


def one_text(own: GenerationConfig) -> None:
    """Takes out of a model's own settings what makes another procedure: what is left open is filled in from them."""
    for name, value in _OURS.items():
        setattr(own, name, value)


def generation_settings(own: GenerationConfig, *, sample: bool, pad: int, max_new_tokens: int) -> GenerationConfig:
    """A model's own settings, for one greedy or sampled text.

    Args:
        own: The model's.
        sample: Draw the reply instead of taking the most probable token each time.
        pad: Token that fills short rows.
        max_new_tokens: Tokens of the longest reply.
    """
    settings = copy.deepcopy(own)
    settings.update(**_OURS, do_sample=sample, pad_token_id=pad, max_new_tokens=max_new_tokens)  # type: ignore[no-untyped-call]
    for name in _DRAWING:
        if not sample:
            setattr(settings, name, None)
        elif getattr(settings, name, None) is None:
            setattr(settings, name, _DEFAULTS.get(name))
    return settings


def effective(settings: GenerationConfig) -> dict[str, object]:
    """What decides how tokens are chosen, as JSON values; what is not set is left out."""
    values = {name: getattr(settings, name, None) for name in (*_DRAWING, *_SCORES)}
    return {"do_sample": settings.do_sample} | {name: value for name, value in values.items() if value is not None}


def ending_tokens(settings: GenerationConfig) -> torch.Tensor:
    """The tokens that end a reply, of shape (tokens,); none where the model has none."""
    ends = settings.eos_token_id
    return torch.tensor([] if ends is None else [ends] if isinstance(ends, int) else list(ends), dtype=torch.long)


def cut_off(new: torch.Tensor, settings: GenerationConfig, room: Sequence[float]) -> list[bool]:
    """Which replies used up their tokens without an end.

    Args:
        new: The tokens of a batch's replies, of shape (rows, tokens); behind the last of a row stands padding.
        settings: Which tokens end a reply, and which is padding.
        room: Tokens that each row may have.
    """
    said = (new != settings.pad_token_id).sum(1)
    ended = _ends(new, settings, room).any(1)
    return [not end and count >= most for end, count, most in zip(ended.tolist(), said.tolist(), room, strict=True)]


def generated(new: torch.Tensor, settings: GenerationConfig, room: Sequence[float]) -> list[int]:
    """How many tokens each reply has, the one that ends it among them; arguments as of `cut_off`."""
    ends = _ends(new, settings, room)
    said = (new != settings.pad_token_id).sum(1)
    counts = torch.where(ends.any(1), ends.int().argmax(1) + 1, torch.minimum(said, torch.tensor(room)))
    return [int(count) for count in counts.tolist()]


def _ends(new: torch.Tensor, settings: GenerationConfig, room: Sequence[float]) -> torch.Tensor:
    """Where tokens end a reply; behind a row's room is padding, which may be an end itself."""
    within = torch.arange(new.shape[1]) < torch.tensor(room)[:, None]
    return torch.isin(new, ending_tokens(settings)) & within


class Confidence(LogitsProcessor):
    """Adds up the logarithms of the probabilities of the chosen tokens; the scores stay as they are.

    Args:
        settings: Which tokens end a reply; what is generated behind one in other rows of a batch does not count.
    """

    def __init__(self, settings: GenerationConfig):
        self._ends = ending_tokens(settings)
        self._before: torch.Tensor | None = None
        self._sums: torch.Tensor | None = None

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._count(input_ids[:, -1])
        self._before = scores.float().log_softmax(-1)
        return scores

    def _count(self, chosen: torch.Tensor) -> None:
        if self._before is None:
            return
        if self._sums is None:
            self._sums, self._over = torch.zeros(len(chosen), device=chosen.device), chosen.new_zeros(len(chosen)) > 0
        found = self._before.gather(1, chosen[:, None])[:, 0]
        self._sums = self._sums + torch.where(self._over, 0.0, found)
        self._over = self._over | torch.isin(chosen, self._ends.to(chosen))

    def of(self, tokens: torch.Tensor) -> list[float]:
        """The probability of each reply, 0 to 1, given all tokens in the end, of shape (rows, tokens)."""
        assert self._before is not None
        self._count(tokens[:, -1].to(self._before.device))
        assert self._sums is not None
        return [round(value, 4) for value in self._sums.exp().tolist()]


class GumbelNoise(LogitsProcessor):
    """Adds standard Gumbel noise to scores of shape (rows, vocabulary), each row from its own generator."""

    def __init__(self, seeds: Sequence[int], device: torch.device):
        self._generators = [torch.Generator(device).manual_seed(seed) for seed in seeds]

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        noise = torch.empty_like(scores, dtype=torch.float32)
        for row, generator in zip(noise, self._generators, strict=True):
            row.exponential_(generator=generator)
        return scores - noise.log()


def drawing(seeds: Sequence[int]) -> Callable[..., torch.Tensor]:
    """What `generate` takes as `custom_generate` to draw each row with a seed of its own."""

    def decode(
        network: Any,
        input_ids: torch.Tensor,
        logits_processor: LogitsProcessorList,
        generation_config: GenerationConfig,
        **others: Any,
    ) -> torch.Tensor:
        logits_processor.append(GumbelNoise(seeds, input_ids.device))
        generation_config.do_sample = False  # the most probable token after the noise
        drawn: torch.Tensor = network._sample(
            input_ids, logits_processor=logits_processor, generation_config=generation_config, **others
        )
        return drawn

    return decode
