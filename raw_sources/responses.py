"""What a server's answer to a request for a file means: the file, something that may pass, or the end of it."""

from __future__ import annotations

import contextlib
import email.utils
import re
import time
from dataclasses import dataclass

import httpx

from raw_sources.base import SourceError

LONGEST_PAUSE = 600.0
"""Seconds. A server that asks for more is taken at its word: the download stops with a message."""

_NUMBER = re.compile("[0-9]{1,18}")
_MAY_PASS = frozenset({408, 425, 429, 500, 502, 503, 504})


class PassingError(Exception):
    """A failure that another attempt may not meet.

    Attributes:
        pause: Seconds to wait before, if the server or the reason says so.
        unreachable: Whether there was no connection at all.
    """

    def __init__(self, what: str, pause: float | None = None, *, unreachable: bool = False) -> None:
        super().__init__(what)
        self.pause = pause
        self.unreachable = unreachable


@dataclass(frozen=True)
class Version:
    """Which bytes a server has under an address, as it tells: ETag, Last-Modified, and the length of the whole file."""

    etag: str | None
    modified: str | None
    size: int | None

    @classmethod
    def of(cls, response: httpx.Response) -> Version:
        header = response.headers
        length = header.get("Content-Length", "")
        if response.status_code == httpx.codes.PARTIAL_CONTENT:
            length = header.get("Content-Range", "").rpartition("/")[2]
        return cls(header.get("ETag"), header.get("Last-Modified"), int(length) if _NUMBER.fullmatch(length) else None)

    @property
    def condition(self) -> dict[str, str]:
        """The header that asks for a range of this version alone."""
        validator = self.modified if self.etag is None or self.etag.startswith("W/") else self.etag
        return {"If-Range": validator} if validator else {}


def require_file(response: httpx.Response, url: str) -> None:
    """Passes an answer that carries the file or a part of it.

    Args:
        response: The answer; its body is not read.
        url: The address as the catalogue has it. A redirect may lead to one that holds a signature, never to be shown.

    Raises:
        PassingError: It may be different next time.
        SourceError: It will not be.
    """
    status = response.status_code
    if status not in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        answer = f"the server answers {status} {response.reason_phrase}".rstrip()
        if status not in _MAY_PASS:
            raise SourceError(f"{url}: {answer}. Look on the home page of the source for the new address.")
        pause = _retry_after(response)
        if pause is not None and pause > LONGEST_PAUSE:
            raise SourceError(f"{url}: {answer} and asks to wait {pause:,.0f} s. Try again after that.")
        raise PassingError(answer, pause)
    kind, encoding = response.headers.get("Content-Type", ""), response.headers.get("Content-Encoding", "identity")
    if kind.startswith("text/html") or encoding != "identity":
        what = "a web page" if kind.startswith("text/html") else f"data in the encoding {encoding}"
        raise SourceError(
            f"{url}: the server sends {what} instead of the file. Open the address in a browser: a login page of your "
            "network or a notice of the server may stand in the way."
        )


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that the server asks to wait; it may say so as a number or as a date."""
    text = response.headers.get("Retry-After", "").strip()
    if _NUMBER.fullmatch(text):
        return float(text)
    with contextlib.suppress(ValueError):
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    return None
