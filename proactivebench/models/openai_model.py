"""`openai:` models: any server that speaks OpenAI's chat completions (vLLM, SGLang, transformers serve, hosted ones).

The `openai` library sends, waits and retries: with growing pauses where a connection fails or the server is overloaded,
and as long as `Retry-After` says, up to two minutes. Of several servers of one model another is asked instead
(`servers`). `request_form` says what is sent, `bounded_http` how long and how much is listened to, `completions` what
counts as an answer; everything else ends the episode as an error. Where no request would fare better (a key or a model
that the server does not know, a form that it refuses, no money left, every request refused from the first on) the run
ends with the server's words. The key is read from the environment, sent, and cut out of whatever the server says.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence

import openai

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.models.base import Model, ReplyError, Request
from proactivebench.models.bounded_http import BoundedClient, UnusableResponse, lacks_money
from proactivebench.models.completions import read_completion
from proactivebench.models.data_uris import chat_messages, shared_encoder
from proactivebench.models.request_form import OTHER_FORM, RequestForm
from proactivebench.models.servers import Servers, public_address
from proactivebench.plain_text import SHORTEST_KEY

OPENAI = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
"""The environment variable that holds the key."""

NO_KEY = "none-needed"
"""Sent where no key is set: local servers want none, the library does."""

SHOWN_CHARACTERS = 300
"""Length to which a server's own words are cut in messages."""

NO_MONEY_LEFT = "Repeat the command when the account has money again; what was answered is kept."

SETUP_ERRORS = {
    401: f"Set {KEY} to a key that it accepts.",
    402: NO_MONEY_LEFT,
    404: "Check the name of the model, and whether --base-url ends as the server wants it, mostly in /v1.",
    **dict.fromkeys((301, 302, 303, 307, 308), "Requests are not sent on: give the address itself as --base-url."),
}
"""Status -> advice, where no other request would fare better and the run therefore ends."""

TEMPORARY = (408, 409, 429)
"""Statuses below 500 that say nothing about the next request."""

FIRST_REFUSALS = 3
"""Requests that a server has to refuse, before it has answered a single one, to be believed that it refuses all."""


class ServerError(ReplyError):
    """A request that a server did not answer, or not with a reply."""

    kind = "server"


class OpenAIModel(Model):
    """A model behind an OpenAI-compatible server.

    Args:
        name: The model, as the server calls it.
        base_url: Address that `/chat/completions` is appended to, or those of several servers of this very model; None
            is OpenAI's own.
        concurrency: Requests that each server has under way at once.
        timeout: Seconds after which an attempt without the whole reply has failed.
        retries: Further attempts after the first.
        max_pixels: Pixels to which larger pictures are scaled down; None sends them as they are.
        form: What requests say besides the conversation.

    Raises:
        UsageError: The address is not valid, or the key is missing or malformed.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | Sequence[str] | None = None,
        concurrency: int = 64,
        timeout: float = 120,
        retries: int = 8,
        max_pixels: int | None = None,
        form: RequestForm = RequestForm(),  # noqa: B008  # it cannot change
    ):
        addresses = [base_url or OPENAI] if isinstance(base_url, str | None) else list(base_url)
        self.concurrency = concurrency * len(addresses)
        self.draws = form.draws
        self._name = name
        self._servers = [public_address(address) for address in addresses]
        self._key = _read_key(required=base_url is None)
        self._max_pixels = max_pixels
        self._form = form
        self._encode_picture = shared_encoder(max_pixels)
        self._tells = not form.reasoning  # hosted models that think refuse to say how probable an answer is
        self._answered = False
        self._refused = 0
        self._client = openai.AsyncOpenAI(
            api_key=self._key,
            base_url=addresses[0],
            timeout=timeout,
            max_retries=retries,
            http_client=BoundedClient(timeout, Servers(addresses, concurrency)),
        )

    async def reply(self, request: Request) -> str:
        body = {
            "model": self._name,
            "messages": await asyncio.to_thread(chat_messages, request.messages, self._encode_picture),
            **self._form.parameters(request.seed),
        }
        tells = {"logprobs": True} if request.confidence and self._tells else {}
        try:
            # The library's typed method for this would spend a millisecond on checking the body.
            text = await self._client.post("/chat/completions", body=tells | body, cast_to=str)
        except openai.APIStatusError as error:
            if tells and error.status_code in (400, 422) and "logprobs" in error.response.text:
                self._tells = False  # and nobody who plays on this server is asked again
                return await self.reply(request)
            raise self._refused_request(error) from None
        except openai.APIConnectionError as error:
            reason = str(error.__cause__ or "") or str(error)  # the cause tells more, except for a time-out
            raise ServerError(self._safe(f"gave no answer: {reason.rstrip('.')}.", error.request.url)) from None
        except UnusableResponse as error:
            raise ServerError(self._safe(str(error))) from None
        try:
            reply = read_completion(text, self._name)
        except ValueError as error:
            raise ServerError(self._safe(str(error))) from None
        self._answered = True
        return reply

    def identity(self) -> Mapping[str, object]:
        return {
            "model": f"openai:{self._name}",
            "server": self._servers[0] if len(self._servers) == 1 else sorted(self._servers),
            "max_pixels": self._max_pixels,
            "request": self._form.describe(),
        }

    async def close(self) -> None:
        await self._client.close()

    def _refused_request(self, error: openai.APIStatusError) -> ProactiveBenchError:
        said, status = error.response.text, error.status_code
        place = error.response.headers.get("Location", "")
        message = self._safe(f"answered {status}: {place and f'look at {place} '}{said}", error.request.url)
        advice = SETUP_ERRORS.get(status)
        if lacks_money(said):
            advice = NO_MONEY_LEFT
        elif status in (400, 422) and error.param in OTHER_FORM:
            advice = OTHER_FORM[error.param]
        elif advice is None and status < 500 and status not in TEMPORARY and not self._answered:
            self._refused += 1
            if self._refused >= FIRST_REFUSALS:
                advice = f"It has refused the first {self._refused} requests and answered none: is it set up for them?"
        return UsageError(f"{message} {advice}") if advice else ServerError(message)

    def _safe(self, text: str, asked: object = None) -> str:
        """A message about a server that does not give the key away, in one line.

        Args:
            text: What there is to say.
            asked: Where the request went; None where that is not known.
        """
        server = public_address(str(asked)).removesuffix("/chat/completions") if asked else " or ".join(self._servers)
        hidden = text.replace(self._key, "[key]") if len(self._key) >= SHORTEST_KEY else text
        words = " ".join(hidden.split())
        line = "".join(character if character.isprintable() else "?" for character in words)
        shown = line if len(line) <= SHOWN_CHARACTERS else f"{line[:SHOWN_CHARACTERS]} ..."
        return f"{server} {shown}"


def _read_key(required: bool) -> str:
    key = os.environ.get(KEY, "").strip()
    if not key and required:
        raise UsageError(
            f"OpenAI's server needs a key: set the environment variable {KEY}, or name another --base-url."
        )
    if not (key.isascii() and key.isprintable()):
        raise UsageError(f"The environment variable {KEY} holds characters that no key has.")
    return key or NO_KEY
