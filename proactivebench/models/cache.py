"""Replies that were paid for once: a folder in which any model's replies are kept, for this run and for others.

A reply is found again only by everything that decided it: the whole conversation with the bytes and views of its
pictures, the model's identity, the version of the toolkit that renders the views, and the seed where replies are drawn,
so that repeats of a sample are draws of their own. Of a model that takes the most probable reply, repeats get the same.
Failures and refusals are never kept, nor are replies that say how
probable they are. SQLite does the storing, so that several processes can share a folder on a local
disk; an entry that is damaged is answered anew.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import filelock

from proactivebench import __version__
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.images import PictureError, read_stored
from proactivebench.models.base import Message, Model, Refusal, Reply, Request

FILE = "replies.sqlite"

PATIENCE = 60
"""Seconds to wait while another process writes."""


class CachedModel(Model):
    """Another model, asked only what it has not answered yet.

    Args:
        model: The model. What it replies may depend on the conversation and the seed, not on the environment.
        folder: Where the replies are; created if missing.

    Raises:
        UsageError: The folder cannot be used, or holds something else.
    """

    def __init__(self, model: Model, folder: Path):
        self.concurrency = model.concurrency
        self.draws = model.draws
        self._model = model
        self._identity = json.dumps(model.identity(), sort_keys=True)
        self._replies = _Replies(folder)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="cache")  # SQLite and hashing, off the event loop

    async def reply(self, request: Request) -> str:
        run = asyncio.get_running_loop().run_in_executor
        try:
            key = await run(self._thread, self._key, request)
        except (OSError, PictureError):  # a picture that cannot be read; the model says what is wrong with it
            return await self._model.reply(request)
        known = await run(self._thread, self._replies.get, key)
        if known is not None:
            return known
        reply = await self._model.reply(request)
        if not isinstance(reply, Refusal) and getattr(reply, "confidence", None) is None:
            await run(self._thread, self._replies.put, key, reply)
        return reply

    def identity(self) -> Mapping[str, object]:
        return self._model.identity()

    def machine(self) -> Mapping[str, object]:
        return self._model.machine()

    def expect(self, episodes: int) -> None:
        self._model.expect(episodes)
        self.concurrency = self._model.concurrency  # which may have grown

    async def close(self) -> None:
        await self._model.close()
        self._thread.shutdown()
        self._replies.close()

    def _key(self, request: Request) -> str:
        parts = (
            __version__,
            self._identity,
            [_describe(message) for message in request.messages],
            request.seed if self.draws else None,
            *(["confidence"] if request.confidence else []),
        )
        return _digest(json.dumps(parts))


def _describe(message: Message) -> tuple[str, ...]:
    if message.picture is None:
        return message.role, message.text
    stored = hashlib.sha256(read_stored(message.picture)).hexdigest()
    return message.role, message.text, stored, repr(message.picture.view)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


class _Replies:
    """The file: key -> reply, and a digest of both by which damage is noticed."""

    def __init__(self, folder: Path):
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with filelock.FileLock(folder / ".lock", timeout=PATIENCE):  # SQLite changes to its log one at a time
                self._file = sqlite3.connect(
                    self._path, timeout=PATIENCE, isolation_level=None, check_same_thread=False
                )
                self._file.execute("PRAGMA journal_mode = WAL")
                self._file.execute("PRAGMA synchronous = NORMAL")
                self._file.execute(
                    "CREATE TABLE IF NOT EXISTS kept "
                    "(key TEXT PRIMARY KEY, reply TEXT, answered_by TEXT, cut INTEGER, tokens INTEGER, digest TEXT) "
                    "WITHOUT ROWID"
                )
        except (OSError, sqlite3.Error) as error:
            raise UsageError(f"{self._path} cannot be used as a cache of replies ({error}); choose another.") from error

    def get(self, key: str) -> Reply | None:
        """The reply; None where there is none, or a damaged one."""
        try:
            query = "SELECT reply, answered_by, cut, tokens, digest FROM kept WHERE key = ?"
            with closing(self._file.execute(query, (key,))) as rows:
                row = rows.fetchone()
        except sqlite3.DatabaseError:
            return None
        sound = row and isinstance(row[0], str) and row[4] == _digest(key, *map(str, row[:4]))
        return Reply(row[0], row[1], cut=bool(row[2]), tokens=row[3]) if sound else None

    def put(self, key: str, reply: str) -> None:
        """Keeps a reply.

        Raises:
            ProactiveBenchError: It could not be written.
        """
        try:
            known = reply if isinstance(reply, Reply) else Reply(reply)
            row = (str(known), known.answered_by, int(known.cut), known.tokens)
            values = (key, *row, _digest(key, *map(str, row)))
            self._file.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?)", values)
        except sqlite3.Error as error:
            raise ProactiveBenchError(
                f"{self._path}: cannot keep a reply ({error}). Make room, delete the file if it is damaged, or "
                "continue without --cache."
            ) from error

    def close(self) -> None:
        self._file.close()
