"""`inspect:PROVIDER/NAME` models: all providers of inspect_ai (Anthropic, Google, Bedrock, Mistral, Grok ...).

inspect_ai sends, retries and finds the keys in the environment as its own documentation says; pictures and limits are
those of `openai:` models, and so is what counts as an answer: a reply ends well, at a limit or as a refusal, and
everything else is an error of its episode.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any

from inspect_ai.model import (
    ChatMessage,
    ChatMessageAssistant,
    ChatMessageSystem,
    ChatMessageUser,
    ContentImage,
    ContentText,
    GenerateConfig,
    ModelOutput,
    get_model,
)

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.models.base import Message, Model, Picture, Refusal, Reply, Request
from proactivebench.models.bounded_http import lacks_money
from proactivebench.models.data_uris import shared_encoder
from proactivebench.models.openai_model import FIRST_REFUSALS, NO_MONEY_LEFT, SHOWN_CHARACTERS, ServerError
from proactivebench.models.request_form import LARGEST_SEED, RequestForm

_LIMITS = ("max_tokens", "model_length")

GOOD_ENDS = ("stop", "tool_calls", *_LIMITS)
"""inspect_ai's words for the end of an answer."""

FATAL = (401, 402, 403, 404)
"""Statuses with which no other request would fare better."""

_ROLES: dict[str, Any] = {"system": ChatMessageSystem, "user": ChatMessageUser, "assistant": ChatMessageAssistant}


class InspectModel(Model):
    """A model of one of inspect_ai's providers.

    Args:
        name: `PROVIDER/NAME`, as inspect_ai writes it.
        base_url: Address of the provider; None is its own.
        concurrency: Requests under way at once.
        timeout: Seconds after which an attempt has failed, rounded up.
        retries: Further attempts after the first.
        max_pixels: Pixels to which larger pictures are scaled down; None sends them as they are.
        engine: Further arguments of inspect_ai's `get_model`.
        form: What requests say besides the conversation.

    Raises:
        UsageError: There is no such provider, or it lacks its library or its key.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        concurrency: int = 64,
        timeout: float = 120,
        retries: int = 8,
        max_pixels: int | None = None,
        engine: Mapping[str, Any] | None = None,
        form: RequestForm = RequestForm(),  # noqa: B008  # it cannot change
    ):
        self.concurrency = concurrency
        self.draws = form.draws
        self._name, self._base_url, self._engine = name, base_url, dict(engine or {})
        self._form, self._max_pixels = form, max_pixels
        self._encode = shared_encoder(max_pixels)
        self._answered = False
        self._failed = 0
        limits = GenerateConfig(max_connections=concurrency, max_retries=retries, attempt_timeout=int(-(-timeout // 1)))
        try:
            self._model = get_model(name, config=limits, base_url=base_url, memoize=False, **self._engine)
        except Exception as error:  # whatever a provider raises
            raise UsageError(f"inspect:{name} cannot be used: {_words(error)}") from error

    async def reply(self, request: Request) -> str:
        conversation = await asyncio.to_thread(lambda: [chat_message(m, self._encode) for m in request.messages])
        try:
            output = await self._model.generate(conversation, config=self._config(request.seed))
            reply = read_output(output, self._name)
        except ServerError:
            raise
        except Exception as error:  # whatever a provider raises
            raise self._failure(error) from error
        self._answered = True
        return reply

    def identity(self) -> Mapping[str, object]:
        return {
            "model": f"inspect:{self._name}",
            "server": self._base_url,
            "max_pixels": self._max_pixels,
            "request": self._form.describe(),
            "engine": self._engine,
            "versions": {"inspect_ai": version("inspect_ai")},
        }

    async def close(self) -> None:
        await self._model.api.aclose()

    def _config(self, seed: int) -> GenerateConfig:
        said = dict(self._form.said)
        return GenerateConfig(
            max_tokens=said.pop("max_completion_tokens", None) or said.pop("max_tokens"),
            seed=seed % LARGEST_SEED if self.draws else None,
            extra_body=dict(self._form.extra) or None,
            **said,
        )

    def _failure(self, error: Exception) -> ProactiveBenchError:
        said = f"inspect:{self._name}: {_words(error)}"
        self._failed += not self._answered
        if lacks_money(said):
            return UsageError(f"{said} {NO_MONEY_LEFT}")
        if getattr(error, "status_code", None) in FATAL or self._failed >= FIRST_REFUSALS:
            return UsageError(f"{said} Is the provider set up, and is the model's name right?")
        return ServerError(said)


def chat_message(message: Message, encode: Callable[[Picture], str]) -> ChatMessage:
    """A message in inspect_ai's form; `encode` makes the data URI of a picture."""
    shown = [] if message.picture is None else [ContentImage(image=encode(message.picture))]
    chat: ChatMessage = _ROLES[message.role](content=[*shown, ContentText(text=message.text)])
    return chat


def read_output(output: ModelOutput, asked: str) -> Reply:
    """The answer in what a provider sent.

    Args:
        output: What was sent.
        asked: The model that was asked, as `PROVIDER/NAME`.

    Raises:
        ServerError: It is no answer.
    """
    if output.error or output.empty:
        raise ServerError(f"sent no reply: {(output.error or 'nothing at all')[:SHOWN_CHARACTERS]}")
    tokens = None if output.usage is None else output.usage.output_tokens
    by = None if asked.endswith(f"/{output.model}") else output.model
    if output.stop_reason == "content_filter":
        return Refusal(output.completion, by, tokens=tokens)
    if output.stop_reason not in GOOD_ENDS:
        raise ServerError(f"ended the reply with {output.stop_reason!r}, which is not the end of an answer.")
    return Reply(output.completion, by, cut=output.stop_reason in _LIMITS, tokens=tokens)


def _words(error: Exception) -> str:
    """What an error says, in one line without markup."""
    line = " ".join(re.sub(r"\[/?bold\]", "", str(getattr(error, "message", error))).split())
    return f"{type(error).__name__}: {line[:SHOWN_CHARACTERS]}"
