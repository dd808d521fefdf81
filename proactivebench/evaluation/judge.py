"""A judge: a model that reads free replies.

It is told our instructions (or the user's), the question, the valid answers and the reply, and ends its output with one
0 or 1 per valid answer. Output that does not is an error, counted beside the scores, and never silently a 0; a second
set of scores in the metrics takes it for 0, as the published package does.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence

from proactivebench import open_ended
from proactivebench.answers import without_thinking
from proactivebench.errors import UsageError
from proactivebench.models.base import Message, Model, Refusal, ReplyError, Request
from proactivebench.open_ended import Judgement
from proactivebench.scenarios import Environment, Scenario

USER_TEXT = "=== user ==="
"""The line of instructions below which the user's text stands."""


class JudgeError(ReplyError):
    """A judge's output that says nothing usable; the text quotes its end."""

    kind = "judge"


def _parts(text: str) -> tuple[str, str]:
    """The system's text and the template of the user's."""
    system, marked, question = f"\n{text}".partition(f"\n{USER_TEXT}\n")
    if marked and not all(f"{{{name}}}" in question for name in ("correct_answers", "generated_answer")):
        raise UsageError(
            f"Instructions for a judge must show {{correct_answers}} and {{generated_answer}} below `{USER_TEXT}`."
        )
    if found := open_ended.PLACEHOLDER.search(system):
        raise UsageError(f"{found[0]} in the judge's instructions belongs below a line `{USER_TEXT}`.")
    return system.removeprefix("\n"), question if marked else open_ended.JUDGE_QUESTION


class Judge:
    """Reads free replies.

    Args:
        model: Who judges; it sees texts alone.
        instructions: What it is told to do: the system's text, and below a line `=== user ===` perhaps the user's, with
            the placeholders `{user_prompt}`, `{correct_answers}` and `{generated_answer}`. None for our own texts.

    Attributes:
        model: Who judges.
        instructions: As given.

    Raises:
        UsageError: The user's text lacks what is to be judged, or the placeholders are not in the user's text.
    """

    def __init__(self, model: Model, instructions: str | None = None):
        self.model = model
        self.instructions = instructions
        self._text = open_ended.judge_instructions() if instructions is None else instructions
        self._system, self._question = _parts(self._text)

    def identity(self) -> Mapping[str, object]:
        """All that decides the judgements, as JSON values."""
        digest = hashlib.sha256(self._text.encode()).hexdigest()
        version = open_ended.INSTRUCTIONS_VERSION if self.instructions is None else "by hand"
        return {**self.model.identity(), "instructions": {"version": version, "sha256": digest}}

    async def judge(
        self, scenario: Scenario, question: str, valid_replies: Sequence[str], reply: str, seed: int
    ) -> tuple[Judgement, str]:
        """Judges one reply.

        Args:
            scenario: Tells which of the valid replies are suggestions.
            question: What was asked.
            valid_replies: What would be right.
            reply: The model's literal reply.
            seed: Of the judge's sampling.

        Returns:
            The judgement, and the judge's literal output.

        Raises:
            ReplyError: The judge gave no output, or nothing usable.
        """
        asked = Message("user", open_ended.judge_question(question, valid_replies, reply, self._question))
        messages = (Message("system", self._system), asked) if self._system else (asked,)
        output = await self.model.reply(Request(messages, None, seed))
        if isinstance(output, Refusal) and not output:
            raise ReplyError("The judge's server withheld what it said.")
        said = without_thinking(output)
        if said is None:
            raise JudgeError("The judge did not finish thinking; allow it more tokens (--max-new-tokens).")
        judgement = open_ended.read_judgement(said, len(valid_replies), scenario)
        if judgement is None:
            raise JudgeError(
                f"The judge's output must end with {len(valid_replies)} numbers, 0 or 1, separated by commas. "
                f"It ends with {output[-80:]!r}."
            )
        return judgement, output

    async def read_turn(self, environment: Environment, question: str, reply: str, seed: int) -> tuple[str, str]:
        """What a free reply means to an environment.

        Returns:
            The option that it amounts to (`open_ended.option_for`), and the judge's literal output.

        Raises:
            ReplyError: The judge gave no output, or nothing usable.
        """
        replies = open_ended.turn_replies(environment)
        judgement, output = await self.judge(environment.scenario, question, replies, reply, seed)
        return open_ended.option_for(judgement, environment, random.Random(seed)), output
