"""One commit of a data set repository: which files it has, and how one of them gets here whole.

The Hub states a checksum for every file: SHA-256 for a large one, git's for the others. A file is taken only if it has
that checksum. Our own client downloads it, which continues a file after an interruption.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import httpx

from builders.hub.client import TransferError, explained
from proactivebench.provenance import git_checksum
from raw_sources.catalog import RemoteFile
from raw_sources.download import download

if TYPE_CHECKING:
    from collections.abc import Mapping

    from huggingface_hub import HfApi
    from rich.progress import Progress

_TIMEOUT_SECONDS = 60.0


class Stored(NamedTuple):
    """A file in a repository: its size in bytes, and its SHA-256 if it is large, else git's checksum."""

    size: int
    checksum: str
    is_large: bool

    def is_copy(self, path: Path) -> bool:
        """Whether a file on disk is this one."""
        if path.stat().st_size != self.size:
            return False
        return (sha256 if self.is_large else git_checksum)(path) == self.checksum


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A repository at one commit.

    Attributes:
        api: Client of the Hub.
        repo: USER/NAME on the Hub.
        commit: The commit.
        is_private: Whether only some people see it.
        files: Path -> file.
    """

    api: HfApi
    repo: str
    commit: str
    is_private: bool
    files: Mapping[str, Stored]

    @classmethod
    def open(cls, api: HfApi, repo: str, revision: str | None = None) -> Self:
        """Looks up a branch, tag or commit, by default the newest commit.

        Raises:
            UsageError: The name is not valid, or there is no such revision.
            HubError: The repository does not exist or may not be read, or the Hub cannot be reached.
        """
        with explained(repo):
            info = api.dataset_info(repo, revision=revision, files_metadata=True)
            api.auth_check(repo, repo_type="dataset")
        files = {
            file.rfilename: Stored(
                file.size or 0, file.lfs.sha256 if file.lfs else str(file.blob_id), is_large=file.lfs is not None
            )
            for file in info.siblings or ()
        }
        return cls(api, repo, str(info.sha), bool(info.private), files)

    def fetch(self, path: str, folder: Path, progress: Progress) -> Path:
        """Downloads a file, or the rest of it, to its path below a folder.

        Raises:
            TransferError: It is not the file that the Hub promised.
            SourceError: The server does not give it, or the disk is full. What has arrived stays, for the next call.
        """
        from huggingface_hub import hf_hub_url
        from huggingface_hub.utils import build_hf_headers

        stored, target = self.files[path], folder / path
        if target.exists() and not stored.is_copy(target):
            target.unlink()

        def waits(why: str, seconds: float) -> None:
            said = f"{why} Trying again in {seconds:.0f} s."
            progress.console.print(said, style="yellow", markup=False, soft_wrap=True)

        url = hf_hub_url(self.repo, path, repo_type="dataset", revision=self.commit, endpoint=self.api.endpoint)
        task = progress.add_task(path, total=stored.size)
        headers = build_hf_headers(token=self.api.token)
        with httpx.Client(headers=headers, follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client:
            file = RemoteFile(part=path, url=url, path=path, size=stored.size)
            download(client, file, target, lambda done, _: progress.update(task, completed=done), waits=waits)
        if not stored.is_copy(target):
            target.unlink()
            raise TransferError(
                f"{self.repo}: {path} did not arrive as the Hub says that it is (checksum {stored.checksum}), "
                "so it was deleted."
            )
        progress.remove_task(task)
        return target
