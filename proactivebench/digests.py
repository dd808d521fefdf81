"""SHA-256 of files and of frames in tars, read once and remembered until a file is touched.

What a run was played on and with is told apart by every byte of it, and reading gigabytes before each run would be too
slow. So digests are kept in a file of the user's cache (`XDG_CACHE_HOME`), by path, device, inode, size, and the times
of the last change of contents and of metadata; the latter moves even where a copy restores the former. A file that was
changed a moment ago could change again without its times moving, so it is not remembered yet. The memory saves time and
nothing else: where it cannot be read or written, the files are read.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock

from proactivebench.frame_bytes import FrameBytes, find_frame

QUIET_SECONDS = 2.0
"""How long a file must have been left alone before its digest is remembered; coarser than any file system's clock."""

PATIENCE = 10.0
"""Seconds to wait while another process writes the memory."""


def memory_file() -> Path:
    """Where digests are remembered."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base).absolute() / "proactivebench" / "digests.sqlite"


def file_digests(
    files: Iterable[Path], report: Callable[[int, int], None] = lambda done, total: None
) -> dict[Path, str]:
    """SHA-256 of the bytes of some files, in hex; links count as what they lead to.

    Args:
        files: The files.
        report: Told, from several threads in turn, the bytes that were read and those that must be; never where all
            is remembered.

    Raises:
        OSError: A file is missing or cannot be read; `filename` is its path.
    """
    paths = {file: os.path.abspath(file) for file in dict.fromkeys(files)}  # noqa: PTH100 - Path.absolute is slow
    found = {path: find_frame(Path(path)) for path in paths.values()}
    marks = {path: one.mark for path, one in found.items()}
    known = _recall(marks)
    owed = {path: one for path, one in found.items() if path not in known}
    fresh = _read_all(owed, report)
    now = time.time()
    settled = {
        path: digest
        for path, digest in fresh.items()
        if (there := found[path].seen_again()).mark == marks[path]
        and now - max(there.stat.st_mtime, there.stat.st_ctime) > QUIET_SECONDS
    }
    _remember(settled, marks)
    return {file: known.get(path) or fresh[path] for file, path in paths.items()}


def _read_all(owed: Mapping[str, FrameBytes], report: Callable[[int, int], None]) -> dict[str, str]:
    total, done, lock = sum(one.size for one in owed.values()), 0, Lock()

    def read(one: FrameBytes) -> str:
        nonlocal done
        digest = hashlib.sha256()
        for chunk in one.chunks():
            digest.update(chunk)
            with lock:
                done += len(chunk)
                report(done, total)
        return digest.hexdigest()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return dict(zip(owed, pool.map(read, owed.values()), strict=True))


def _recall(marks: Mapping[str, str]) -> dict[str, str]:
    """The digests that are remembered of files that have not changed since."""
    known = {}
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{memory_file().as_uri()}?mode=ro", uri=True)) as memory:
        for path, mark in marks.items():
            row = memory.execute("SELECT sha256 FROM digests WHERE path = ? AND mark = ?", (path, mark)).fetchone()
            if row is not None:
                known[path] = str(row[0])
    return known


def _remember(digests: Mapping[str, str], marks: Mapping[str, str]) -> None:
    if not digests:
        return
    file = memory_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, timeout=PATIENCE)) as memory, memory:
            memory.execute(
                "CREATE TABLE IF NOT EXISTS digests (path TEXT PRIMARY KEY, mark TEXT, sha256 TEXT) WITHOUT ROWID"
            )
            rows = ((path, marks[path], digest) for path, digest in digests.items())
            memory.executemany("INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", rows)
    except (OSError, sqlite3.OperationalError):  # read-only, full, or in use for long: the next call reads again
        pass
    except sqlite3.DatabaseError:  # damaged
        file.unlink(missing_ok=True)
