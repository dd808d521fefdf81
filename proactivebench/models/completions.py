"""Reading a chat completion: an answer, a refusal, or nothing that may be scored.

A text is an answer only with an end that is known to be good. Servers that are shut down, restarted or out of memory
send what they have so far with status 200, and say so in `finish_reason` or `error` alone; an end that nobody knows is
not trusted either. Three cases are the model's own behaviour and therefore answers:

- a refusal (`refusal`, or the end `content_filter`): its text, or none, is read like any other and counted as refused;
- a limit reached (`length`): what was said until then, counted as cut;
- nothing but reasoning: an empty answer, for reasoning is not read.

Where logarithms of probabilities come with it, those of its tokens add up to the answer's; the token that ends it is
not among them.
"""

from __future__ import annotations

from math import exp, fsum

from pydantic import BaseModel, Field, ValidationError

from proactivebench.models.base import Refusal, Reply

GOOD_ENDS = (None, "stop", "length", "tool_calls", "eos_token", "stop_sequence", "model_length")
"""Values of `finish_reason` with which a text is an answer: OpenAI's, then those of TGI and Mistral; some name none."""

LONGEST_NAME = 120
"""Characters of a model's name that are kept."""

MOST_TOKENS = 1 << 40
"""A number of tokens that no reply has; a larger one is not kept."""

_LIMITS = ("length", "model_length")


class _ReplyMessage(BaseModel):
    content: str | None = None
    refusal: str | None = None
    reasoning: object = None
    reasoning_content: object = None


class _Token(BaseModel):
    logprob: float


class _Logprobs(BaseModel):
    content: list[_Token] | None = None


class _Choice(BaseModel):
    message: _ReplyMessage
    finish_reason: str | None = None
    error: object = None
    logprobs: _Logprobs | None = None

    @property
    def probability(self) -> float | None:
        """How probable the text is, 0 to 1; None where the server does not say it."""
        tokens = self.logprobs.content if self.logprobs is not None else None
        return round(min(1.0, exp(fsum(token.logprob for token in tokens))), 4) if tokens else None


class _Completion(BaseModel):
    """What is read of a chat completion."""

    choices: list[_Choice] = Field(min_length=1)
    usage: object = None
    error: object = None
    model: object = None

    @property
    def tokens(self) -> int | None:
        """How many tokens were generated; None where the server does not say it, or says no number."""
        said = self.usage.get("completion_tokens") if isinstance(self.usage, dict) else None
        return said if isinstance(said, int) and 0 <= said <= MOST_TOKENS else None


def read_completion(body: str, asked: str) -> Reply:
    """The model's answer in the body of a response; a `Refusal` where the model declined.

    Args:
        body: What the server sent.
        asked: Name of the model that was asked. Behind a router, or an alias, another may have answered.

    Raises:
        ValueError: There is none; the text continues "The server ...".
    """
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = ".".join(map(str, problem["loc"]))
        raise ValueError(f"sent no reply ({place} {problem['msg']}): {body}") from None
    choice = completion.choices[0]
    by = completion.model if isinstance(completion.model, str) and completion.model not in ("", asked) else None
    by = by and "".join(character if character.isprintable() else "?" for character in by[:LONGEST_NAME])
    message, end, tokens = choice.message, choice.finish_reason, completion.tokens
    if completion.error or choice.error:
        raise ValueError(f"sent an error beside the reply: {body}")
    if end == "content_filter":
        return Refusal(message.refusal or "", by, tokens=tokens)
    if end not in GOOD_ENDS:
        raise ValueError(f"ended the reply with {end!r}, which is not the end of an answer: {body}")
    if message.refusal:
        return Refusal(message.refusal, by, tokens=tokens)
    cut = end in _LIMITS
    if message.content or (message.content is not None and end != "tool_calls"):
        return Reply(message.content, by, choice.probability, cut=cut, tokens=tokens)
    if cut or message.reasoning or message.reasoning_content:
        return Reply("", by, cut=cut, tokens=tokens)
    raise ValueError(f"sent no reply (choices.0.message.content is missing): {body}")
