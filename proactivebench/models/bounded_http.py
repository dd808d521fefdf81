"""The connection to a server that is trusted with nothing: every attempt is bounded in time and in size.

The limits of HTTP libraries count silence, so that a server which sends a byte now and then holds a request for ever,
and read whatever comes. Here an attempt has one deadline from its first to its last byte. No compression is asked for
and none accepted, for a few kilobytes of it can hold gigabytes. A redirect is not followed: it would turn a POST into a
GET, or take conversation and pictures to an address that nobody named.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import httpx
import openai

from proactivebench.models.servers import Servers, public_address

_log = logging.getLogger(__name__)

LARGEST_BODY = 8 << 20
"""Bytes of the longest response, many times those of the longest reply."""

NO_MONEY = ("insufficient_quota", "billing_hard_limit_reached", "billing_not_active", "credit balance is too low")
"""What servers call an account without money, with the status of one that is merely busy, or of a bad request."""


class UnusableResponse(openai.OpenAIError):
    """A response that is not read to its end; the text continues "The server ..."."""


def lacks_money(body: str) -> bool:
    """Whether a response says that the account is empty, which no repetition mends."""
    return any(words in body for words in NO_MONEY)


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """The `openai` library's HTTP client with limits.

    Args:
        seconds: Time of one attempt, from connecting to the last byte.
        servers: Who may get it; requests are made for the first of them.
    """

    def __init__(self, seconds: float, servers: Servers):
        super().__init__(follow_redirects=False, headers={"Accept-Encoding": "identity"})
        self._seconds = seconds
        self._servers = servers
        self._told = False

    async def send(self, request: Any, *, stream: bool = False, **options: Any) -> Any:
        """Sends a request and reads the whole response.

        Raises:
            httpx.ReadTimeout: It was not there in time.
            UnusableResponse: It is compressed, or too long.
        """
        async with self._servers.one() as server:
            self._servers.redirect(request, server)
            status = None
            try:
                response, body = await self._attempt(request, **options)
                status = response.status_code
            except UnusableResponse:
                raise
            except Exception as error:  # of the HTTP library that `openai` has chosen
                self._tell(f"{public_address(server.address)} gives no answer ({error or type(error).__name__})")
                raise
            finally:
                elsewhere = self._servers.judge(server, status)
        headers = response.headers.copy()
        if status == 429 and lacks_money(body.decode(errors="replace")):
            headers["x-should-retry"] = "false"  # tells the library that no pause helps
        elif elsewhere:
            headers["retry-after-ms"] = "1"  # or that none is needed
        return type(response)(status, headers=headers, content=body, request=request)

    def _tell(self, trouble: str) -> None:
        """Says, once, why nothing moves: the attempts that follow can take minutes."""
        if not self._told:
            self._told = True
            _log.warning("%s. Trying again, with growing pauses.", trouble)

    async def _attempt(self, request: Any, **options: Any) -> tuple[Any, bytes]:
        try:
            async with asyncio.timeout(self._seconds):
                response = await super().send(request, stream=True, **options)
                try:
                    return response, await _read(response)
                finally:
                    await response.aclose()
        except TimeoutError:
            raise httpx.ReadTimeout(f"No whole reply within {self._seconds:g} seconds.") from None


async def _read(response: Any) -> bytes:
    if (encoding := response.headers.get("Content-Encoding", "identity")) != "identity":
        raise UnusableResponse(f"sent a reply compressed as {encoding[:40]}, though none was asked for.")
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > LARGEST_BODY:
            raise UnusableResponse(f"sent more than {LARGEST_BODY >> 20} MiB as one reply.")
    return bytes(body)
