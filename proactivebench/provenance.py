"""Where the samples of a benchmark come from, as far as files prove it.

`pull` notes repository, commit and checksums in `pulled.json`, and the cache of the Hub's own client names a repository
by its folder and a file by its checksum. Samples count as coming from there while they have that checksum. A file that
was downloaded by hand into a folder of one's own names no repository, so it proves nothing.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from proactivebench.errors import UsageError

PUBLISHED = "tdemin16/ProactiveBench"
"""The original benchmark on the Hub, published by its authors."""

RECORD = "pulled.json"


class Record(BaseModel):
    """What `pulled.json` says.

    Attributes:
        repo: USER/NAME on the Hub.
        commit: The commit that everything in the folder is from; empty while it is brought to another one.
        files: Path in the repository -> checksum, as the Hub states it.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    repo: str
    commit: str
    files: dict[str, str]


def read_record(folder: Path) -> Record | None:
    """What was pulled into a folder; None where nothing was.

    Raises:
        UsageError: The file is there and no record.
    """
    path = folder / RECORD
    try:
        return Record.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise UsageError(f"{path} is not a record of a pull. Choose another folder.") from None


def git_checksum(path: Path) -> str:
    """The name under which git knows a file: SHA-1 over a header and its bytes, in hex."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: digest).hexdigest()


def _has_checksum(path: Path, checksum: str) -> bool:
    """Whether a file has a checksum of the Hub, which is SHA-256 for a large file and git's for the others."""
    is_sha256 = len(checksum) == 64
    return checksum == (file_digest(path) if is_sha256 else git_checksum(path))


def file_digest(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def origin(folder: Path, samples: Path) -> tuple[str, str] | None:
    """The repository and the commit that a samples file is from; None where nothing proves it.

    Args:
        folder: The benchmark's folder.
        samples: One of its samples files.

    Raises:
        UsageError: `pulled.json` is there and no record.
    """
    record = read_record(folder)
    if record is not None:
        noted = record.files.get(samples.relative_to(folder).as_posix(), "")
        return (record.repo, record.commit) if record.commit and _has_checksum(samples, noted) else None
    return _origin_in_cache(samples)


def _origin_in_cache(samples: Path) -> tuple[str, str] | None:
    """The same of a file `datasets--USER--NAME/snapshots/COMMIT/test/...`, a link to `blobs/CHECKSUM`."""
    stored = samples.resolve()
    repository = stored.parent.parent
    kind, *names = repository.name.split("--")
    commits = [above.name for above in samples.absolute().parents if above.parent == repository / "snapshots"]
    if kind != "datasets" or len(names) != 2 or not commits or not _has_checksum(samples, stored.name):
        return None
    return "/".join(names), commits[0]
