"""Getting a raw source: what can be downloaded is downloaded, for the rest a person is told the exact steps.

An archive becomes the folder that the catalogue names and is then deleted; that folder is what "already there" means,
so a source that was unpacked by hand in the same place is left alone. A source that cannot be downloaded may still have
something to do here (`Source.prepare`). Who watches is told what happens; nothing is printed here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

import filelock
import httpx

from raw_sources.archives import unpack
from raw_sources.base import Fetched, SourceError
from raw_sources.download import download
from raw_sources.registry import source_class

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from raw_sources.catalog import CatalogEntry, RemoteFile

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


class Watcher(Protocol):
    """Is told how fetching goes."""

    def moved(self, what: str, done: int, total: int | None) -> None:
        """This many bytes of something have arrived or are unpacked; `total` where it is known."""

    def waits(self, why: str, seconds: float) -> None:
        """An attempt failed; the next one follows in some seconds."""


class _Unwatched:
    def moved(self, what: str, done: int, total: int | None) -> None:
        pass

    def waits(self, why: str, seconds: float) -> None:
        pass


UNWATCHED: Watcher = _Unwatched()


def fetch(entry: CatalogEntry, raw: Path, parts: Sequence[str] = (), watcher: Watcher = UNWATCHED) -> Fetched:
    """Gets a source, or says how to get it. Called again, it continues where it stopped.

    Args:
        entry: The source, from the catalogue.
        raw: The raw folder; created if need be.
        parts: The parts wanted (`val2014`, `cat`); without any, all.
        watcher: Is told how it goes.

    Raises:
        UnknownNameError: The source has no such part.
        SourceError: Something cannot be downloaded, verified, unpacked or written. What has arrived stays.
    """
    files = entry.select(parts)
    if not files:
        return source_class(entry.name).prepare(raw) or Fetched(steps=entry.instructions(raw))
    fetched = Fetched()
    with _alone(raw, entry.name), httpx.Client(follow_redirects=True, timeout=_TIMEOUT) as client:
        for number, file in enumerate(files, start=1):
            label = f"{file.part} ({number} of {len(files)})"
            fetched.ready.append(_get(file, raw, client, watcher, label))
    return fetched


@contextmanager
def _alone(raw: Path, source: str) -> Iterator[None]:
    """Keeps out a second process that fetches the same source, for both would write the same files."""
    try:
        raw.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(raw / f".{source}.lock", timeout=0):
            yield
    except filelock.Timeout:
        raise SourceError(f"Another process is fetching {source} into {raw}. Wait for it.") from None


def _get(file: RemoteFile, raw: Path, client: httpx.Client, watcher: Watcher, label: str) -> Path:
    """Brings one file to where it is used."""
    target = raw / file.path
    ready = target if file.unpack is None else raw / file.unpack
    if ready.exists() and ready != target:
        return ready
    watcher.moved(f"{label}: download", 0, file.size)
    download(
        client, file, target, lambda done, total: watcher.moved(f"{label}: download", done, total), waits=watcher.waits
    )
    if ready != target:
        unpack(target, ready, report=lambda written: watcher.moved(f"{label}: unpack", written, None))
        target.unlink()
    return ready
