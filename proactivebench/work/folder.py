"""Folders that work can be continued in: one process at a time works there, and other work is refused.

A description (everything that decides the contents) lies beside the results; `changes` says how another one differs.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import filelock

from proactivebench.errors import UsageError
from proactivebench.work.files import parse_json, write_json, writing
from proactivebench.work.ranks import ALONE, Ranks

MACHINES = "machines"
"""Key of a description under which it says where the work was done; that may change, and decides nothing."""


@contextmanager
def locked(folder: Path, *, waits: bool = False) -> Iterator[None]:
    """Makes a folder where it is missing, and keeps other processes out of it.

    Args:
        folder: The folder.
        waits: Whether to wait for another process that works there.

    Raises:
        UsageError: Another process works there, and this one does not wait.
        ResumableError: It cannot be made.
    """
    lock = filelock.FileLock(folder / ".lock", timeout=-1 if waits else 0)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire()
        except filelock.Timeout:
            message = f"{folder} is in use by another process. Wait for it, or choose another folder."
            raise UsageError(message) from None
    try:
        yield
    finally:
        lock.release()


class DescribedFolder:
    """A locked folder whose description says what decides its contents; a context manager.

    It is locked from the start, and `claim` says what it is for: to find that out can take long, and another process is
    to be refused before.

    Args:
        folder: Created if missing.
        name: Name of the description's file (`run.json`).
        ranks: The processes that work in it together.

    Raises:
        UsageError: The folder is in use by another process, or holds what is not ours.
    """

    def __init__(self, folder: Path, name: str, ranks: Ranks = ALONE):
        self.folder = folder
        self.ranks = ranks
        self._description = folder / name
        self._open = ExitStack()

    def __enter__(self) -> Self:
        if self.ranks.first:
            self._refuse_strange()
            self._open.enter_context(locked(self.folder))
        return self

    def claim(self, identity: Mapping[str, Any]) -> None:
        """Describes the folder, or makes sure that it is described like this, and opens its files.

        Of several processes none leaves before all have read what is there, so that they share out the same work.

        Args:
            identity: The description, as JSON values.

        Raises:
            UsageError: The folder holds other work.
        """
        with self.ranks.first_one_first():
            self._describe(json.loads(json.dumps(identity)))
            self.open_files(self._open.callback)
        self.ranks.wait()

    def open_files(self, at_exit: Callable[[Callable[[], None]], Any]) -> None:
        """Opens what is written to; called once the folder is ours."""

    def instead(self) -> str:
        """What to do about other work in the folder."""
        return "Choose another folder"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def _refuse_strange(self) -> None:
        """Looks before the first file of ours, the lock, lies there."""
        if not self.folder.is_dir() or self._description.exists():
            return
        strange = sorted(path.name for path in self.folder.iterdir() if not path.name.startswith("."))
        if strange:
            raise UsageError(
                f"{self.folder} holds {strange[0]} but no {self._description.name}; choose an empty or new folder."
            )

    def _describe(self, identity: Mapping[str, Any]) -> None:
        if not self._description.exists():
            write_json(self._description, identity)
            return
        try:
            there = parse_json(self._description.read_bytes())
            changed = changes({**there, MACHINES: None}, {**identity, MACHINES: None})
        except (ValueError, TypeError) as error:
            raise UsageError(f"{self._description} cannot be read ({error}); choose another folder.") from error
        if changed:
            raise UsageError(
                f"{self.folder} was begun with other settings: {'; '.join(changed)}. {self.instead()}, or repeat "
                "the command with those settings."
            )


def differences(
    old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, object, object]]:
    """Yields where two descriptions differ: the names on the way there, joined by dots, and both values."""
    for key in sorted(old.keys() | new.keys()):
        before, after = old.get(key), new.get(key)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from differences(before, after, f"{prefix}{key}.")
        elif before != after:
            yield f"{prefix}{key}", before, after


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What differs between two descriptions, in words; of digests only that they do."""
    return [
        f"other {name}"
        if _is_digest(before) and _is_digest(after)
        else f"{name} was {shown(before)}, is now {shown(after)}"
        for name, before, after in differences(old, new)
    ]


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch("[0-9a-f]{64}", value) is not None


def shown(value: object) -> str:
    """A value of a description in at most 80 characters; of a SHA-256, which nobody reads, the first digits."""
    text = json.dumps(f"{str(value)[:8]}..." if _is_digest(value) else value)
    return text if len(text) <= 80 else f"{text[:77]}..."
