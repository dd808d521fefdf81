"""A download from the server of a test, which remembers its pauses and its progress."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from raw_sources.base import SourceError
from raw_sources.catalog import RemoteFile
from raw_sources.download import ATTEMPTS, download
from tests.support.http_server import LocalServer, Served
from tests.support.processes import PATIENCE

BODY = Random(1).randbytes(300_000)
OTHER = Random(2).randbytes(300_000)
NOTE = '{"url": "URL", "etag": null, "modified": null, "size": %s}'


class Downloading:
    """Downloads `/file` of a server into a folder, and remembers pauses and progress."""

    def __init__(self, server: LocalServer, folder: Path) -> None:
        self.server, self.target = server, folder / "new" / "file.bin"
        self.pauses: list[float] = []
        self.sleep: Callable[[float], None] = self.pauses.append
        self.progress: list[tuple[int, int | None]] = []
        self.said: list[tuple[str, float]] = []

    def __call__(self, **known: Any) -> None:
        file = RemoteFile(part="file", url=f"{self.server.url}/file", path="file.bin", **known)
        with httpx.Client(follow_redirects=True, timeout=PATIENCE) as client:
            download(client, file, self.target, self.told, self.sleep, self.waits)

    def told(self, done: int, total: int | None) -> None:
        self.progress.append((done, total))

    def waits(self, *said: Any) -> None:
        self.said.append(said)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.target.parent.iterdir())

    def stop_half_way(self, served: Served) -> None:
        """A first call that gives up after 100,000 bytes."""
        self.server.files["/file"] = served
        served.breaks = [100_000] + [0] * ATTEMPTS
        with pytest.raises(SourceError, match="Gave up after"):
            self()
        served.breaks.clear()
        self.server.requests.clear()
        self.server.sent = 0
        self.pauses.clear()
