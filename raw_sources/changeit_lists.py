"""Lists of ChangeIt's videos for yt-dlp, and the command that gets them.

Its annotations name YouTube videos, which users get themselves. The lists hold addresses and not bare identifiers, for
these may begin with `-` and would then be taken for options.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

from raw_sources.base import Fetched, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_VIDEO_ID = re.compile(r"[A-Za-z0-9_-]{11}")


def write_lists(root: Path, annotated: Sequence[tuple[str, str]]) -> Fetched:
    """Writes `urls/<category>.txt` beside the annotations, one address per video.

    Args:
        root: The folder that holds the annotations.
        annotated: Category and identifier of every annotated video.

    Raises:
        SourceError: An identifier is not one of YouTube's, or a list cannot be written.
    """
    addresses: dict[str, str] = {}
    for category, video in annotated:
        if not _VIDEO_ID.fullmatch(video):
            raise SourceError(f"{root}: annotations of {category}: {video!r} is not a YouTube id.")
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
