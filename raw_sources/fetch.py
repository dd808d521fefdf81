"""Getting a raw source: what can be downloaded is downloaded, for the rest a person is told the exact steps.

An archive becomes the folder that the catalogue names and is then deleted; that folder is what "already there" means,
so a source that was unpacked by hand in the same place is left alone. ChangeIt is a case between: its annotations name
YouTube videos, so for these lists of addresses are written that yt-dlp reads. Addresses and not bare ids, because an id
may begin with `-` and would then be taken for an option.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, SpinnerColumn, TextColumn, TransferSpeedColumn

from raw_sources.archives import unpack
from raw_sources.base import SourceError, SourceNotFoundError
from raw_sources.changeit import ChangeIt
from raw_sources.download import download

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from raw_sources.catalog import CatalogEntry, RemoteFile

_TIMEOUT_SECONDS = 60.0
_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


@dataclass(slots=True)
class Fetched:
    """What `fetch` did.

    Attributes:
        ready: Files and folders that are there now, in the order of the catalogue.
        steps: What a person has still to do, in order; empty when nothing is left.
    """

    ready: list[Path] = field(default_factory=list)
    steps: list[str] = field(default_factory=list)


def fetch(entry: CatalogEntry, raw: Path, parts: Sequence[str] = ()) -> Fetched:
    """Gets a source, or says how to get it. Called again, it goes on where it stopped.

    Args:
        entry: The source, from the catalogue.
        raw: The raw folder; created if need be.
        parts: The parts wanted (`val2014`, `cat`); without any, all.

    Raises:
        UnknownNameError: The source has no such part.
        SourceError: Something cannot be downloaded, verified, unpacked or written. What has arrived stays.
    """
    files = entry.select(parts)
    if not files:
        return (_video_lists(raw) if entry.name == ChangeIt.name else None) or Fetched(steps=entry.instructions(raw))
    text = TextColumn("{task.description}", markup=False)
    columns = (SpinnerColumn(), text, BarColumn(), DownloadColumn(), TransferSpeedColumn())
    fetched = Fetched()
    with (
        httpx.Client(follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client,
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        for number, file in enumerate(files, start=1):
            label = f"{file.part} ({number} of {len(files)})"
            fetched.ready.append(_get(file, raw, client, progress, label))
    return fetched


def _get(file: RemoteFile, raw: Path, client: httpx.Client, progress: Progress, label: str) -> Path:
    """Brings one file to where it is used."""
    target = raw / file.path
    ready = target if file.unpack is None else raw / file.unpack
    if ready.exists() and ready != target:
        return ready
    task = progress.add_task(f"{label}: download", total=None)
    download(client, file, target, lambda done, total: progress.update(task, completed=done, total=total))
    if ready != target:
        progress.update(task, description=f"{label}: unpack", completed=0, total=None)
        unpack(target, ready, report=lambda written: progress.update(task, completed=written))
        target.unlink()
    progress.remove_task(task)
    return ready


def _video_lists(raw: Path) -> Fetched | None:
    """Writes `urls/<category>.txt` beside ChangeIt's annotations, one address per video; None without annotations."""
    try:
        changeit = ChangeIt.locate(raw)
    except SourceNotFoundError:
        return None
    root = changeit.folder
    addresses: dict[str, str] = {}
    for category, video in changeit.annotated():
        if not _VIDEO_ID.fullmatch(video):
            raise SourceError(f"{root}: annotations of {category}: {video!r} is no YouTube id.")
        addresses[category] = addresses.get(category, "") + f"https://www.youtube.com/watch?v={video}\n"
    fetched = Fetched()
    for category, text in addresses.items():
        fetched.ready.append(root / "urls" / f"{category}.txt")
        _write(fetched.ready[-1], text)
    lists = shlex.quote(str(root / "urls"))
    downloads = shlex.quote(str(root / "downloads").replace("%", "%%"))  # yt-dlp reads a template
    output = f"""{downloads}/"$(basename "$list" .txt)"/'%(id)s.%(ext)s'"""
    fetched.steps = [
        f"""for list in {lists}/*.txt; do yt-dlp -f 'bestvideo[height<=480]' -o {output} -a "$list"; done""",
        "Videos that YouTube no longer has can be asked for from the authors of ChangeIt by e-mail.",
    ]
    return fetched


def _write(target: Path, text: str) -> None:
    partial = target.with_name(f".{target.name}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.replace(target)
    except OSError as error:
        raise SourceError(f"{target} cannot be written: {error.strerror or error}.") from error
