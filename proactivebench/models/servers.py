"""Several servers of one model: a request goes where there is room, and its next attempt to another server.

A server that fails rests, longer each time, and is then tried with one request at a time until it answers again. While
all rest, the one that has rested longest is tried, so that nothing waits for a server that is back. One server alone
never rests: how long to wait for it is the `openai` library's affair.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from proactivebench.errors import UsageError
from proactivebench.work.files import read_text

SHORTEST_REST, LONGEST_REST = 1.0, 60.0
"""Seconds that a server rests after its first failure; twice as long after each further one, up to this."""


@dataclass
class Server:
    """One server.

    Attributes:
        address: What `/chat/completions` is appended to.
        under_way: Requests that it has not answered yet.
        failures: How often it was sent to rest since its last answer.
        rests_until: When it may be asked again, on the clock of `time.monotonic`.
    """

    address: str
    under_way: int = 0
    failures: int = 0
    rests_until: float = -math.inf

    @property
    def is_awake(self) -> bool:
        """Whether it does not rest."""
        return self.rests_until <= time.monotonic()

    def failed(self) -> None:
        """Sends it to rest, unless it rests: what was under way fails together."""
        if self.is_awake:
            self.rests_until = time.monotonic() + min(LONGEST_REST, SHORTEST_REST * 2**self.failures)
            self.failures += 1

    def answered(self) -> None:
        """It is well."""
        self.failures, self.rests_until = 0, -math.inf


class Servers:
    """All servers of a model.

    Args:
        addresses: At least one.
        room: Requests that each of several has under way at once.
    """

    def __init__(self, addresses: Sequence[str], room: int):
        self.all = [Server(address) for address in addresses]
        self._room = room if len(self.all) > 1 else math.inf
        self._changed = asyncio.Condition()

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Server]:
        """The server for the next attempt, once one has room for it."""
        async with self._changed:
            while (server := self._roomiest()) is None:
                await self._changed.wait()
            server.under_way += 1
        try:
            yield server
        finally:
            server.under_way -= 1
            async with self._changed:
                self._changed.notify_all()

    def _roomiest(self) -> Server | None:
        awake = [server for server in self.all if server.is_awake]
        asked = awake or [min(self.all, key=lambda server: server.rests_until)]
        free = [server for server in asked if server.under_way < (1 if self._is_on_trial(server) else self._room)]
        return min(free, key=lambda server: server.under_way, default=None)

    def _is_on_trial(self, server: Server) -> bool:
        return server.failures > 0 and len(self.all) > 1

    def judge(self, server: Server, status: int | None) -> bool:
        """Notes how an attempt ended; returns whether another server should have the next one at once.

        Args:
            server: Who had it.
            status: What it answered; None where it did not.
        """
        if len(self.all) == 1:
            return False
        if status is not None and status < 500 and status != 429:
            server.answered()
            return False
        server.failed()
        return any(other.is_awake for other in self.all)

    def redirect(self, request: Any, server: Server) -> None:
        """Addresses a request that was made for the first server to another one."""
        if server is self.all[0]:
            return
        kind = type(request.url)
        first, there = kind(self.all[0].address), kind(server.address)
        path = request.url.path.removeprefix(first.path.rstrip("/"))
        request.url = there.copy_with(path=there.path.rstrip("/") + path)
        request.headers["Host"] = request.url.netloc.decode().rpartition("@")[2]


def public_address(url: str) -> str:
    """An address without user, password, query and fragment.

    Raises:
        UsageError: It is none.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL("")
    if address.scheme not in ("http", "https") or not address.host:
        raise UsageError(
            "--base-url must be an address like http://localhost:8000/v1, or a file with one such address a line."
        )
    return str(address.copy_with(userinfo=b"", query=None, fragment=None)).rstrip("/")


def read_addresses(given: str | Sequence[str]) -> list[str]:
    """The addresses that a user gave, each of them once; those of a file are its lines, but for comments (`#`).

    Raises:
        UsageError: A file holds none, or is not text.
    """
    found: list[str] = []
    for one in [given] if isinstance(given, str) else given:
        if not Path(one).is_file():
            found.append(one)
            continue
        lines = [line.partition("#")[0].strip() for line in read_text(Path(one)).splitlines()]
        if not any(lines):
            raise UsageError(f"{one} is empty: expected the address of a server on each line.")
        found += filter(None, lines)
    return list(dict.fromkeys(found))
