"""Files that appear complete or not at all, and texts that a person wrote."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from proactivebench.errors import UsageError


def write_whole(path: Path, chunks: Iterable[bytes]) -> None:
    """Writes a file beside its place and moves it there when it is complete; folders above it are made.

    Raises:
        OSError: It cannot be written; what was there before stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.writelines(chunks)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def read_text(path: Path) -> str:
    """Reads a text in UTF-8, with or without a byte order mark.

    Raises:
        UsageError: It is in another encoding.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: expected text in UTF-8 ({error}); save it in that encoding.") from None
