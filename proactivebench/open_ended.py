"""The open-ended setting: which free replies are valid, what a judge is told, and how its output is read.

The valid replies and the reading of the judge's output are published protocol; the instructions are our own text, with
the same contract: one 0 or 1 per valid reply, comma separated, at the end.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from proactivebench import prompts
from proactivebench.scenarios import Environment, Scenario

INSTRUCTIONS_VERSION = "2"
"""Changes whenever `judge_instructions.txt` changes, so that judgements of different texts are never mixed."""

NOTHING = "\0"
"""A text that no environment reads as an option."""

_RUN_OF_BITS = re.compile(r"[01](?:\s*,\s*[01])*")


def open_question(question: str, hint: bool) -> str:
    """The user's text of an open-ended turn; the hint is the same in all scenarios."""
    return f"{question} {prompts.OPEN_ENDED_HINT}" if hint else question


def judge_instructions() -> str:
    """Our instructions for a judge, version `INSTRUCTIONS_VERSION`."""
    return resources.files("proactivebench").joinpath("judge_instructions.txt").read_text(encoding="utf-8")


_ANSWERS_HEADING, _REPLY_HEADING = "\n\nValid answers:\n", "\n\nReply to judge:\n"
JUDGE_QUESTION = f"Question:\n{{user_prompt}}{_ANSWERS_HEADING}{{correct_answers}}{_REPLY_HEADING}{{generated_answer}}"
"""What a judge is asked, with the placeholders of the published text."""

PLACEHOLDER = re.compile("{(user_prompt|correct_answers|generated_answer)}")


def judge_question(question: str, replies: Sequence[str], reply: str, template: str = JUDGE_QUESTION) -> str:
    """What a judge is asked about one reply: a text whose placeholders are filled, all other braces left alone."""
    numbered = "\n".join(f"{number}. {text}" for number, text in enumerate(replies, start=1))
    values = {"user_prompt": question, "correct_answers": numbered, "generated_answer": reply}
    return PLACEHOLDER.sub(lambda found: values[found[1]], template)


def judged_texts(text: str) -> tuple[list[str], str]:
    """The valid answers and the reply of a `judge_question`."""
    before, _, reply = text.partition(_REPLY_HEADING)
    numbered = before.partition(_ANSWERS_HEADING)[2]
    return [line.partition(". ")[2] for line in numbered.split("\n")], reply


@dataclass(frozen=True)
class Judgement:
    """What a judge's output says about one reply.

    Attributes:
        bits: For each valid reply, whether the judged one expresses it.
        suggestions: How many of them, from the front, are suggestions.
    """

    bits: tuple[bool, ...]
    suggestions: int

    @property
    def suggestion(self) -> bool:
        """Whether the reply makes a valid suggestion (ps)."""
        return any(self.bits[: self.suggestions])

    @property
    def category(self) -> bool:
        """Whether it names the right category (cc)."""
        return any(self.bits[self.suggestions :])

    @property
    def aggregate(self) -> bool:
        """Either of the two (agg)."""
        return any(self.bits)


def read_judgement(output: str, count: int, scenario: Scenario) -> Judgement | None:
    """Reads a judge's output: its last run of comma-separated 0s and 1s.

    Args:
        output: The judge's literal text, without its thinking.
        count: Number of valid replies that it was shown.
        scenario: Tells which of them are suggestions.

    Returns:
        None where there is no such run, or one of another length.
    """
    runs = _RUN_OF_BITS.findall(output)
    bits = tuple(bit == "1" for bit in re.findall("[01]", runs[-1])) if runs else ()
    return Judgement(bits, len(scenario.open_suggestions)) if len(bits) == count else None


def option_for(judgement: Judgement, environment: Environment, rng: random.Random) -> str:
    """What a judged reply means to an environment (multi-turn setting).

    Args:
        judgement: Of the reply, over the replies of `turn_replies`.
        environment: The episode at the turn of the reply.
        rng: Chooses among the suggestions that the environment can carry out, where it cannot carry out the one made.

    Returns:
        The right category, an accepted suggestion, or `NOTHING`, which names no option.
    """
    if judgement.category:
        return environment.sample.answer
    if not judgement.suggestion or not environment.accepted:
        return NOTHING
    made = environment.scenario.open_suggestions_of(environment.sample)[judgement.bits.index(True)]
    action = environment.scenario.action_of(f"{made}.")
    fitting = [option for option in environment.accepted if environment.scenario.action_of(option) is action]
    return rng.choice(fitting or environment.accepted)


def free_reply(option: str, environment: Environment) -> str:
    """The valid reply that says what an option says; an abstention or a category stays as it is."""
    if option not in environment.accepted:
        return option
    action = environment.scenario.action_of(option)
    suggestions = environment.scenario.open_suggestions_of(environment.sample)
    return next((text for text in suggestions if environment.scenario.action_of(f"{text}.") is action), suggestions[0])


def turn_replies(environment: Environment) -> list[str]:
    """The valid replies in one turn of the multi-turn setting: the category is among them as soon as it counts."""
    category = [environment.sample.answer.replace(".", "")] if environment.category_counts() else []
    return [*environment.scenario.open_suggestions_of(environment.sample), *category]
