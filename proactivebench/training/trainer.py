"""TRL's GRPO trainer, with our own rollout and our own reading of log-probabilities.

TRL keeps the sampler that repeats prompts, the optimizer, accumulation, checkpoints, devices and the log. What it does
to show pictures to a model differs from family to family, and ends after the first turn; here every family goes the way
on which the evaluator shows them (`rollout`), and an episode of many turns is one of single turns one after the other.

The gradient is that of the expected reward: of every answer of an episode the log-probability, as the mean over its
tokens (the loss of the GRPO paper), times the advantage of the episode, (reward - mean) / standard deviation among the
episodes of the same prompt. Answers are learned from once, by the weights that gave them, so nothing is clipped.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from transformers import GenerationConfig, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl.models.utils import unwrap_model_for_generation
from trl.trainer.grpo_trainer import GRPOTrainer

from proactivebench.models.processors import Encoded
from proactivebench.training.plays import Play
from proactivebench.training.preflight import TOKENS, preflight
from proactivebench.training.rollout import Rollout
from proactivebench.training.sharing import Said, count_prompts, generate, score

Row = dict[str, Any]

_TINY = 1e-4
"""Added to the standard deviation of rewards, as in TRL."""


class Lesson(NamedTuple):
    """What one backward pass learns from.

    Attributes:
        answers: All answers of some episodes.
        advantages: Of the episode of each.
        episodes: How many they are.
    """

    answers: tuple[Said, ...]
    advantages: torch.Tensor
    episodes: int


class Trainer(GRPOTrainer):
    """Trains on episodes.

    Args:
        begin: Begins the episode of a row of the data set.
        at_once: Answers that are generated at once.
        room: Tokens that a prompt may have.
        named: Arguments of TRL's trainer.
    """

    def __init__(self, *, begin: Callable[[Row], Play], at_once: int, room: int, **named: Any):
        self._to_report: dict[str, float] = {}
        super().__init__(reward_funcs=_never_called, **named)
        self._begin = begin
        self._at_once = at_once
        self._network = cast(Any, self.model)
        self._passes: int = named["args"].steps_per_generation
        self.rollout = Rollout(self.processing_class, self._network.dtype, room, self.draw)
        self._lessons: list[Lesson] = []

    def report(self, metrics: Mapping[str, float]) -> None:
        """Adds metrics to the next entry of the log."""
        self._to_report.update(metrics)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        super().log(logs | self._to_report, start_time)
        self.state.log_history[-1].pop("step_time", None)  # so that a repeated training has the same checkpoints
        self._to_report.clear()

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """Writes nothing: `train.json` says what was done."""

    def draw(self, prompts: Sequence[Encoded]) -> list[tuple[int, ...]]:
        """Draws a reply to each prompt, as tokens up to the first that ends it."""
        batches = [prompts[start : start + self._at_once] for start in range(0, len(prompts), self._at_once)]
        return [reply for batch in batches for reply in self._drawn(batch, self.generation_config)[0]]

    def draw_told(self, prompts: Sequence[Encoded], tokens: int) -> tuple[list[tuple[int, ...]], torch.Tensor]:
        """Draws replies of at most so many tokens to one batch of prompts.

        Returns:
            The replies, and with which log-probability each token was drawn: shape (prompts, tokens).
        """
        config = copy.copy(self.generation_config)
        config.max_new_tokens = min(tokens, config.max_new_tokens)
        replies, drawn, logits = self._drawn(prompts, config, output_logits=True)
        every = (torch.stack(logits, 1).float() / self.temperature).log_softmax(-1)
        return replies, every.gather(2, drawn[..., None])[..., 0]

    def _drawn(
        self, prompts: Sequence[Encoded], config: GenerationConfig, *, output_logits: bool = False
    ) -> tuple[list[tuple[int, ...]], torch.Tensor, list[torch.Tensor]]:
        with self._weights() as network, self._own_settings(network):
            drawn, logits = generate(network, prompts, self.pad_token_id, config, output_logits=output_logits)
        return [self._cut(row) for row in drawn.tolist()], drawn, logits

    def log_probs(self, answers: Sequence[Said]) -> torch.Tensor:
        """How probable each token of some answers is, each computed on its own: logarithms, shape (tokens of all)."""
        with self._weights() as network:
            parts = [score(network, [said], self.temperature).log_probs[0] for said in answers]
        return torch.cat(parts)

    def require_fit(self, plays: Iterable[Play]) -> None:
        """Tries the model on the first of some episodes; see `preflight`.

        Raises:
            UsageError: It cannot be trained so that it learns what it should.
        """
        with torch.random.fork_rng():
            preflight(
                self.rollout,
                partial(self.draw_told, tokens=TOKENS),
                self.log_probs,
                plays,
                model=self._network.name_or_path,
                exact=self._network.dtype == torch.float32 and not self.args.bf16,
            )

    @contextmanager
    def _own_settings(self, network: Any) -> Iterator[None]:
        """Leaves the model's generation settings out, from which `generate` would fill in what ours leave open."""
        its, network.generation_config = network.generation_config, self.generation_config
        try:
            yield
        finally:
            network.generation_config = its

    @contextmanager
    def _weights(self) -> Iterator[Any]:
        """All the weights, of which a device may hold but a part, for use without gradients and dropout."""
        unwrapped = unwrap_model_for_generation(
            self.model_wrapped, self.accelerator, generation_kwargs=self.generation_kwargs
        )
        with unwrapped as network, torch.no_grad(), self.accelerator.autocast():
            was_training = network.training
            network.eval()
            yield network
            network.train(was_training)

    @property
    def pad_token_id(self) -> int:
        """What fills short rows of a batch."""
        return int(self._tokenizer.pad_token_id)

    def _cut(self, tokens: list[int]) -> tuple[int, ...]:
        ends = [place for place, token in enumerate(tokens) if token in self.eos_token_ids]
        return tuple(tokens[: ends[0] + 1] if ends else tokens)

    def _prepare_inputs(self, generation_batch: Sequence[Row]) -> Lesson:  # type: ignore[override]
        """What the next backward pass learns from; for several of them at once episodes are played."""
        turn: int = self._step % self._passes
        if turn == 0 or not self._lessons:
            self._lessons = self._play(generation_batch)
        return self._lessons[turn]

    def _play(self, rows: Sequence[Row]) -> list[Lesson]:
        plays = [self._begin(row) for row in rows]
        said = self.rollout.play(plays)
        advantages = self._advantages([play.reward for play in plays])
        self._tell(plays, [answer for answers in said for answer in answers])
        episodes = list(zip(said, advantages, strict=True))
        each = len(plays) // self._passes
        return [_lesson(episodes[start : start + each]) for start in range(0, len(plays), each)]

    def _advantages(self, rewards: list[float]) -> list[float]:
        """Among the episodes of a prompt, which may be spread over several processes."""
        mine = torch.tensor(rewards, device=self.accelerator.device)
        every = self.accelerator.gather(mine)
        groups = every.view(-1, self.num_generations)
        deviation = groups.std(1, keepdim=True)
        found = ((groups - groups.mean(1, keepdim=True)) / (deviation + _TINY)).flatten()
        self._note("reward", every.mean().item())
        self._note("reward_std", every.std().item())
        self._note("frac_reward_zero_std", deviation.isclose(torch.zeros_like(deviation)).float().mean().item())
        first = self.accelerator.process_index * len(rewards)
        return [float(value) for value in found[first : first + len(rewards)]]

    def _tell(self, plays: Sequence[Play], answers: Sequence[Said]) -> None:
        """Puts means over the episodes, and over the answers, of all processes into the log."""
        told = [play.told for play in plays]
        for name in told[0]:
            self._note_mean(name, [float(one[name]) for one in told])
        self._note_mean("completions/mean_length", [float(len(said.tokens)) for said in answers])
        cut_off = [float(said.tokens[-1] not in self.eos_token_ids) for said in answers]
        self._note_mean("completions/clipped_ratio", cut_off)

    def _note_mean(self, name: str, values: Sequence[float]) -> None:
        sums = torch.tensor([[sum(values), len(values)]], device=self.accelerator.device)
        total, count = self.accelerator.gather(sums).sum(0).tolist()
        self._note(name, total / max(count, 1))

    def _note(self, name: str, value: float) -> None:
        self._metrics["train"][name].append(value)

    def _compute_loss(self, model: Any, inputs: Lesson) -> torch.Tensor:
        mine = torch.tensor([count_prompts(inputs.answers)], device=self.accelerator.device)
        most = int(self.accelerator.gather(mine).max())
        with self.accelerator.autocast():
            scored = score(model, inputs.answers, self.temperature, prompts=most)
        lengths = scored.mask.sum(1)
        ratios = (scored.log_probs - scored.log_probs.detach()).exp()  # 1; the gradient is that of the log-probability
        gains = (ratios * scored.mask).sum(1) / lengths * inputs.advantages.to(ratios.device)
        self._note_mean("entropy", [((scored.entropies * scored.mask).sum() / lengths.sum()).item()])
        return -gains.sum() / inputs.episodes / self.current_gradient_accumulation_steps


class Fit(TrainerCallback):
    """Tries a model before the first step; see `preflight`.

    Args:
        trainer: Whose model.
        plays: Episodes at their starts.
    """

    def __init__(self, trainer: Trainer, plays: Iterable[Play]):
        self._trainer = trainer
        self._plays = plays

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step == 0:
            self._trainer.require_fit(self._plays)


def _lesson(episodes: Sequence[tuple[list[Said], float]]) -> Lesson:
    answers = tuple(answer for said, _ in episodes for answer in said)
    advantages = torch.tensor([advantage for said, advantage in episodes for _ in said])
    return Lesson(answers, advantages, len(episodes))


def _never_called(**_: Any) -> list[float | None]:
    """TRL wants a reward function; ours are part of the episodes."""
    raise NotImplementedError
