"""Shards: parts of a work that machines do without knowing of each other, put together when all are there.

Whose a piece is follows from its key alone, so that nothing has to be agreed on. Every shard has a folder of its own
below that of the work, `shards/2-of-7`; a file in it that appears last says that the shard is complete.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from proactivebench.errors import UsageError

SHARDS = "shards"
"""Folder of the shards, below that of the work."""

_FOLDER = re.compile(r"([1-9][0-9]*)-of-([1-9][0-9]*)")


class Shard(NamedTuple):
    """One of several shards, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def owns(self, key: str) -> bool:
        """Whether a piece of the work is this shard's."""
        digest = hashlib.blake2b(key.encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.of == self.number - 1

    def below(self, shards: Path) -> Path:
        """Its folder among those of the others."""
        return shards / f"{self.number}-of-{self.of}"


def read_shard(text: str) -> Shard:
    """Reads what a person calls a shard, such as `2/7`.

    Raises:
        UsageError: It is none.
    """
    match = re.fullmatch(r"([0-9]+)/([0-9]+)", text)
    shard = Shard(*map(int, match.groups())) if match else Shard(0, 0)
    if not 1 <= shard.number <= shard.of:
        raise UsageError(f"{text!r} is not a shard: expected its number and how many there are, from 1/7 to 7/7.")
    return shard


def found_shards(shards: Path) -> Iterator[tuple[Shard, Path]]:
    """Yields the shards of a work and their folders, in their order; anything else in the folder is passed over."""
    matches = [_FOLDER.fullmatch(path.name) for path in shards.iterdir()] if shards.is_dir() else []
    yield from sorted((Shard(int(m[1]), int(m[2])), shards / m[0]) for m in matches if m)


def all_shards(shards: Path, is_complete: Callable[[Path], bool]) -> Sequence[Path]:
    """The folders of all shards of a work.

    Args:
        shards: The folder they lie in.
        is_complete: Whether a shard is.

    Raises:
        UsageError: They belong to different divisions, or one is missing or not complete.
    """
    found = dict(found_shards(shards))
    sizes = sorted({shard.of for shard in found})
    if len(sizes) > 1:
        raise UsageError(
            f"{shards} holds shards of {' and of '.join(map(str, sizes))}, which divide the work differently. Delete "
            "the folders of one kind."
        )
    wanted = [Shard(number, of) for of in sizes for number in range(1, of + 1)]
    missing = [shard for shard in wanted if shard not in found or not is_complete(found[shard])]
    if missing:
        begun = [str(shard) for shard in missing if shard in found]
        shown = ", ".join(map(str, missing[:20])) + (f" and {len(missing) - 20} more" if len(missing) > 20 else "")
        raise UsageError(
            f"{shards} lacks {shown}" + (f" (begun, not complete: {', '.join(begun[:20])})" if begun else "") + ". "
            f"Run the command with --shard {missing[0]}{' and so on' if len(missing) > 1 else ''}, then merge again."
        )
    return [found[shard] for shard in wanted]


def remove_shards(shards: Path) -> None:
    """Removes the shards of a work that is done; stopped in the middle, it leaves none that looks complete."""
    gone = shards.with_name(f".{shards.name}.gone")
    if shards.exists():
        shutil.rmtree(gone, ignore_errors=True)
        shards.replace(gone)
    shutil.rmtree(gone, ignore_errors=True)


def are_gone(shards: Path) -> bool:
    """Whether no shard is left, not even one that was begun; what `remove_shards` left when it was stopped goes."""
    if any(not path.parent.name.startswith(".") for path in shards.glob("*/*")):
        return False
    remove_shards(shards)
    return True
