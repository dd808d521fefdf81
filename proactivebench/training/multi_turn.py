"""`--multi-turn`: whole episodes instead of single turns. This goes beyond the paper.

The model plays the environments of a benchmark as the evaluator's history setting plays them: a suggestion brings the
next picture as the user's next message, anything else ends the episode. The reward is 1 for the right category at the
end, minus a cost for each suggestion; so it is the length of the way, not a fixed r_p, that asking is weighed against.

TRL carries new pictures into an episode where a model calls tools. Our models call none, they answer; so an answer that
names a suggestion is handed to TRL as the call of a tool, `Rollout.answer`, and what the tool returns is shown as a
message of the user. Where a suggestion ends the episode (it came in the last turn, or was not valid), TRL lets the
model say one more thing, which nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import datasets

from proactivebench.answers import Choices, Outcome, what_counts
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.frames import Frames, data_identity
from proactivebench.images import load_picture
from proactivebench.models.processors import Processor
from proactivebench.prompts import multiple_choice, shown
from proactivebench.scenarios import Environment, Sample, is_abstention, make_environment
from proactivebench.training.rewards import CATEGORIES, message_text
from proactivebench.training.settings import TrainSettings
from proactivebench.views import HISTORY_SHORT_EDGE

FAMILIES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
"""Families whose pictures TRL can add in the middle of an episode, by their `model_type`."""

EPISODE_TOKENS = 4096
"""Tokens of an episode after the first picture; one that gets longer ends without an answer."""

ENDED = "The episode has ended."

Block = dict[str, Any]
Samples = Mapping[tuple[str, int], Sample]

_TOOLS_AS_TURNS = """\
{%- set turns = namespace(messages=[]) -%}
{%- for message in messages -%}
{%- if message.role == 'tool' -%}
{%- set turns.messages = turns.messages + [{'role': 'user', 'content': message.content}] -%}
{%- elif message.tool_calls -%}
{%- set said = [{'type': 'text', 'text': message.tool_calls | string}] -%}
{%- set turns.messages = turns.messages + [{'role': 'assistant', 'content': said}] -%}
{%- else -%}
{%- set turns.messages = turns.messages + [message] -%}
{%- endif -%}
{%- endfor -%}
{%- set messages = turns.messages -%}
{%- set tools = none -%}
"""
"""Goes in front of a model's chat template: what a tool returns is said by the user, and no tools are announced."""


class Rollout:
    """One episode in the form that TRL plays: `reset` begins it, and the public method is its tool.

    Args:
        samples: What to play, by short scenario name and id.
        frames: What they can show.

    Attributes:
        environment: The episode that is being played.
    """

    environment: Environment

    def __init__(self, samples: Samples, frames: Frames):
        self._samples = samples
        self._frames = frames

    def reset(self, scenario: str, id: int, **_: Any) -> list[Block]:  # noqa: A002  # a column's name
        """Begins the episode of a row and returns what the model sees first."""
        self.environment = make_environment(self._samples[scenario, id], short_edge=HISTORY_SHORT_EDGE)
        return self._shown()

    def answer(self, text: str) -> list[Block]:
        """Answers with a suggestion.

        Args:
            text: The suggestion.

        Returns:
            What the model sees next.
        """
        if not self.environment.done:
            self.environment.step(what_counts(text))
        return [{"type": "text", "text": ENDED}] if self.environment.done else self._shown()

    def _shown(self) -> list[Block]:
        seen = self.environment.observe()
        text = multiple_choice(seen.question, seen.options, short_answer=True)
        picture = load_picture(self._frames.picture(seen.frame_path, seen.view))
        return [{"type": "image", "image": picture}, {"type": "text", "text": text}]


class EpisodeReward:
    """1 for the right category at the end of an episode, minus the cost of its suggestions.

    Args:
        suggestion_cost: What each suggestion costs, 0 to 1.
    """

    __name__ = "reward"

    def __init__(self, suggestion_cost: float):
        self._cost = suggestion_cost

    def __call__(
        self,
        completions: Sequence[list[dict[str, Any]]],
        environments: Sequence[Rollout],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float]:
        """Reads the last answers, which do not call the tool, and rewards the episodes."""
        played = []
        for rollout, messages in zip(environments, completions, strict=True):
            environment, last = rollout.environment, messages[-1]
            if not environment.done and last["role"] == "assistant" and not last.get("tool_calls"):
                environment.step(what_counts(message_text(last)))
            played.append(environment)
        suggestions = [max(0, environment.turn - 1) for environment in played]
        log_metric("episodes/correct", sum(environment.correct for environment in played) / len(played))
        log_metric("episodes/suggestions", sum(suggestions) / len(played))
        return [
            environment.correct - self._cost * asked for environment, asked in zip(played, suggestions, strict=True)
        ]


def names_suggestion(seen: str, reply: str) -> bool:
    """Whether a reply names one of the suggestions that the last message shows.

    Args:
        seen: The conversation so far, as text.
        reply: The model's answer.
    """
    asking = shown(seen.rpartition(ENDED)[2]).options[:-CATEGORIES]
    choices = Choices(asking, [option for option in asking if not is_abstention(option)])
    return choices.read(what_counts(reply)).outcome is Outcome.CORRECT


def speak_in_turns(processor: Processor) -> Processor:
    """Changes a processor so that TRL sees suggestions as calls of `Rollout.answer`, and the model only messages."""
    tokenizer = processor.tokenizer

    def parse_response(ids: list[int], prefix: list[int], **_: Any) -> dict[str, Any]:
        reply = tokenizer.decode(ids, skip_special_tokens=True)
        message: dict[str, Any] = {"role": "assistant", "content": reply}
        if names_suggestion(tokenizer.decode(prefix, skip_special_tokens=True), reply):
            call = {"name": Rollout.answer.__name__, "arguments": {"text": reply}}
            message["tool_calls"] = [{"type": "function", "function": call}]
        return message

    tokenizer.parse_response = parse_response
    tokenizer.response_template = {}  # says to TRL that replies are parsed
    processor.chat_template = _TOOLS_AS_TURNS + processor.chat_template
    return processor


class Episodes:
    """The samples of a benchmark as what is trained on.

    Args:
        benchmark: What to play; all its scenarios.

    Attributes:
        fingerprint: Tells these samples from any others.
        rows: How many they are.
    """

    def __init__(self, benchmark: Benchmark):
        self._samples = {(s.scenario.name, s.id): s for kind in benchmark.scenarios for s in benchmark.samples(kind)}
        self._frames = Frames.of(benchmark, benchmark.scenarios)
        self.fingerprint = data_identity(benchmark, benchmark.scenarios, self._frames, filtered=True)
        self.rows = len(self._samples)

    def for_trainer(self, settings: TrainSettings, family: str, processor: Processor) -> dict[str, Any]:
        """The arguments of the trainer that say what is trained on.

        Args:
            settings: The training's settings.
            family: The model's `model_type`.
            processor: The model's processor; it is changed.

        Raises:
            UsageError: TRL cannot show new pictures to models of this family.
        """
        if family not in FAMILIES:
            raise UsageError(
                f"{settings.model} is of the family {family}, to which TRL cannot show new pictures in the middle of "
                f"an episode. --multi-turn works with {', '.join(FAMILIES)}; train this model on single turns."
            )
        said_later = [{"role": "user", "content": ""}]  # by Rollout.reset
        rows = [{"prompt": said_later, "scenario": scenario, "id": number} for scenario, number in self._samples]
        return {
            "train_dataset": datasets.Dataset.from_list(rows),
            "reward_funcs": EpisodeReward(settings.suggestion_cost),
            "environment_factory": partial(Rollout, self._samples, self._frames),
            "processing_class": speak_in_turns(processor),
        }
