"""What a local Hub holds: people, repositories with their commits, and the accidents that a test has in store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import RLock
from typing import Any

LARGE_SUFFIXES = (".parquet", ".zip")
LARGE_BYTES = 10 << 20
"""Files with such a name, or of this size, are large ones."""


@dataclass(frozen=True)
class Blob:
    """A file as the Hub keeps it."""

    data: bytes
    large: bool

    @property
    def git_id(self) -> str:
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data).hexdigest()

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def id(self) -> str:
        return self.sha256 if self.large else self.git_id


def is_large(path: str, size: int) -> bool:
    """Whether a file is kept as a large one instead of in git."""
    return path.endswith(LARGE_SUFFIXES) or size > LARGE_BYTES


@dataclass
class Repo:
    """A data set repository: commits from old to new, each with all its files."""

    id: str
    private: bool = False
    gated: bool = False
    commits: list[tuple[str, str, dict[str, Blob]]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, message: str, files: dict[str, Blob]) -> str:
        name = hashlib.sha1(f"{self.id} {len(self.commits)} {message}".encode()).hexdigest()
        self.commits.append((name, message, files))
        return name

    def put(self, path: str, data: bytes | None) -> None:
        """Commits one file, as somebody else would; None removes it."""
        files = dict(self.files)
        if data is None:
            del files[path]
        else:
            files[path] = Blob(data, is_large(path, len(data)))
        self.commit(f"Change {path}", files)

    @property
    def files(self) -> dict[str, Blob]:
        return self.commits[-1][2]

    def at(self, revision: str) -> tuple[str, str, dict[str, Blob]] | None:
        if revision == "main":
            return self.commits[-1]
        wanted = self.tags.get(revision, revision)
        return next((commit for commit in self.commits if commit[0] == wanted), None)


@dataclass
class LocalHub:
    """A running Hub.

    Attributes:
        url: Its address.
        tokens: Token -> user; a user writes to repositories that begin with the own name.
        readers: Tokens that may only read.
        repos: Name -> repository.
        breaks: Part of an address -> bytes after which one transfer each breaks, used up in order.
        answers: Part of an address -> status sent instead of the right answer, used up in order.
        requests: Method and path of every request.
        uploaded: Names of large files that arrived, in order.
        sent: Bytes of file contents sent.
        after_break: Called when a download has broken.
        large: Name of a large file -> its bytes.
        lock: Held while a request is answered.
    """

    url: str
    tokens: dict[str, str]
    readers: set[str] = field(default_factory=set)
    repos: dict[str, Repo] = field(default_factory=dict)
    breaks: dict[str, list[int]] = field(default_factory=dict)
    answers: dict[str, list[int]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    sent: int = 0
    after_break: Callable[[], None] | None = None
    large: dict[str, bytes] = field(default_factory=dict)
    lock: Any = field(default_factory=RLock)
