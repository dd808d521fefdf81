"""Downloading one large file over a connection that may break.

Bytes go to `NAME.part`; a note beside it (`NAME.part.json`) keeps which version of the file they belong to: ETag,
Last-Modified and length as the server told them. A later attempt asks for the rest of that version. Where the server
has another one, or serves no ranges, the download starts again, so that two versions that the server tells apart are
never mixed. Only a file of the right length and checksum gets its name. What may pass (a broken connection, 429, 5xx)
is tried again, with growing pauses or as long as the server asks, and each time it is said; the count of attempts
starts anew whenever more of the file has arrived. A server that was never reached gets fewer: most likely there is no
network.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, NoReturn

import httpx
from rich.filesize import decimal

from raw_sources.base import SourceError, StoppedError
from raw_sources.responses import PassingError, Version, require_file

if TYPE_CHECKING:
    from pathlib import Path

    from raw_sources.catalog import RemoteFile

ATTEMPTS = 6
"""How often a request is made without anything more arriving."""

ATTEMPTS_TO_CONNECT = 2
"""How often it is made where no connection came about at all."""

Report = Callable[[int, int | None], None]
"""Called with the bytes that are there and the length of the file, if it is known."""

Waits = Callable[[str, float], None]
"""Called before a pause with the reason, and the seconds until the next attempt."""

_NOTHING = Version(None, None, None)


class _Part:
    """The bytes of an unfinished download and the version they belong to."""

    def __init__(self, target: Path, url: str) -> None:
        self.path = target.with_name(f"{target.name}.part")
        self.note = target.with_name(f"{target.name}.part.json")
        self.url = url
        self.version = _NOTHING
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            noted = json.loads(self.note.read_text(encoding="utf-8"))
            if noted.pop("url") == url:
                self.version = Version(**noted)
        size = self.version.size
        if not isinstance(size, int) or self.length > size:
            self.discard()

    @property
    def length(self) -> int:
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def complete(self) -> bool:
        return self.path.exists() and self.length == self.version.size

    def start(self, version: Version) -> None:
        """Forgets the bytes that are there; those to come belong to `version`."""
        self.path.unlink(missing_ok=True)
        self.version = version
        self.note.write_text(json.dumps({"url": self.url} | asdict(version)), encoding="utf-8")

    def discard(self) -> None:
        self.version = _NOTHING
        self.path.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


def download(
    client: httpx.Client,
    file: RemoteFile,
    target: Path,
    report: Report,
    sleep: Callable[[float], None] = time.sleep,
    waits: Waits = lambda why, seconds: None,
) -> None:
    """Downloads a file, or the rest of it; one that is already there is left alone.

    Args:
        client: Makes the requests.
        file: Its address, and its length and checksum where they are known.
        target: Where it goes; the folder is created.
        report: Told about the progress.
        sleep: Waits for a number of seconds between attempts.
        waits: Told about every pause.

    Raises:
        StoppedError: The connection broke, the file arrived damaged, or the disk is full; the next call continues.
        SourceError: The server does not give it, or it is not the file that the catalogue means.
    """
    if target.exists():
        _require_size(file, target.stat().st_size, f"{target} is there but")
        return
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _Part(target, file.url)
        _complete(client, file, part, report, sleep, waits)
        _verify(file, part)
        part.path.replace(target)
        part.discard()
    except OSError as error:
        raise StoppedError(f"{target} cannot be written: {error.strerror or error}.") from error


def _complete(
    client: httpx.Client, file: RemoteFile, part: _Part, report: Report, sleep: Callable[[float], None], waits: Waits
) -> None:
    failures, furthest, attempts = 0, part.length, ATTEMPTS_TO_CONNECT
    while not part.complete:
        try:
            _receive(client, file, part, report)
            return
        except PassingError as error:
            if part.length > furthest:
                failures, furthest = 0, part.length
            failures += 1
            if not error.unreachable:
                attempts = ATTEMPTS
            if failures == attempts:
                arrived = f"{decimal(part.length)} have" if part.length else "nothing has"
                raise StoppedError(
                    f"{_sentence(file, error)} Gave up after {attempts} attempts without progress; {arrived} arrived."
                ) from error
            pause = min(2.0**failures, 60.0) if error.pause is None else error.pause
            waits(_sentence(file, error), pause)
            sleep(pause)


def _sentence(file: RemoteFile, error: PassingError) -> str:
    return f"{file.url}: {error}" + ("" if str(error).endswith("?") else ".")


def _receive(client: httpx.Client, file: RemoteFile, part: _Part, report: Report) -> None:
    """One request: appends what it brings, to the end of the file."""
    headers = {"Accept-Encoding": "identity"}
    if part.length:
        headers |= {"Range": f"bytes={part.length}-"} | part.version.condition
    try:
        with client.stream("GET", file.url, headers=headers) as response:
            if response.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE and part.length:
                _start_again(part, "the file on the server has become shorter")
            require_file(response, part.url)
            version = Version.of(response)
            if version.size is not None:
                _require_size(file, version.size, f"{file.url} leads to a file that")
                _require_space(part, version.size - part.length)
            if response.status_code == httpx.codes.PARTIAL_CONTENT:
                _require_continuation(response, version, part)
            else:
                part.start(version)
            arrived = part.length
            with part.path.open("ab") as stream:
                for chunk in response.iter_raw():
                    stream.write(chunk)
                    arrived += len(chunk)
                    report(arrived, version.size)
    except (httpx.UnsupportedProtocol, httpx.TooManyRedirects, httpx.InvalidURL) as error:
        raise SourceError(f"{file.url} leads to an address that cannot be used: {error}.") from error
    except (httpx.ConnectError, httpx.ConnectTimeout) as error:
        host = httpx.URL(file.url).host
        why = f"{host} cannot be reached ({error or 'no answer'}). Is this machine connected to the internet?"
        raise PassingError(why, unreachable=True) from error
    except httpx.TransportError as error:
        raise PassingError(f"the connection broke ({error or type(error).__name__})") from error
    if version.size is not None and not part.complete:
        raise PassingError(f"the server sent {part.length:,} of {version.size:,} bytes")


def _require_continuation(response: httpx.Response, version: Version, part: _Part) -> None:
    begins_right = response.headers.get("Content-Range", "").startswith(f"bytes {part.length}-")
    if version != part.version or not begins_right:
        _start_again(part, "the file on the server has changed")


def _start_again(part: _Part, why: str) -> NoReturn:
    part.discard()
    raise PassingError(why, pause=0.0)


def _require_size(file: RemoteFile, size: int, what: str) -> None:
    if file.size not in (None, size):
        raise SourceError(
            f"{what} has {size:,} bytes; the catalogue expects {file.size:,}. A file on disk that is not yours can be "
            "deleted and fetched again; a changed one on the server needs a new entry in the catalogue."
        )


def _require_space(part: _Part, needed: int) -> None:
    free = shutil.disk_usage(part.path.parent).free
    if free < needed:
        raise StoppedError(
            f"{part.path.parent} has {decimal(free)} free, but {decimal(needed)} are still to come. Free some space."
        )


def _verify(file: RemoteFile, part: _Part) -> None:
    for what, expected in (("length", file.size), ("md5", file.md5), ("sha256", file.sha256)):
        if expected is not None and (found := _measure(part.path, what)) != expected:
            part.discard()
            raise StoppedError(
                f"{file.url}: the download is damaged: its {what} is {found}, expected {expected}, so it was deleted."
            )


def _measure(path: Path, what: str) -> int | str:
    if what == "length":
        return path.stat().st_size
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, what).hexdigest()
