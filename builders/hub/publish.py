"""Publishing a benchmark on the Hugging Face Hub.

Publishing has two steps. `prepare` needs no network: it makes sure that all of it may be shared, and writes what is
still missing beside the build (archives, viewer, card, description), so that a person can look at every byte before
others can. `upload` compares that with the repository and sends what differs in a single commit: readers never see half
of an update, and an interrupted upload resumes where it stopped, since the Hub keeps the files that it has received.
Files that an earlier publication listed and this one does not are removed; whatever else lies there stays.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from rich.progress import Progress

from builders.hub import card, croissant, eval_yaml
from builders.hub.build import Build
from builders.hub.client import explained, require_name
from builders.hub.package import package
from builders.hub.remote import Snapshot, sha256
from builders.hub.rights import require_rights
from builders.hub.viewer import viewer_path, write_viewer
from proactivebench.errors import UsageError, require_extra
from proactivebench.layout import KEPT_IDS, MANIFEST, archive_path, samples_path, table_path
from proactivebench.record_table import StoredFile
from proactivebench.work.files import writing
from proactivebench.work.quiet import QUIET

if TYPE_CHECKING:
    from huggingface_hub import HfApi


@dataclass(frozen=True, slots=True)
class Publication:
    """What a repository is to hold.

    Attributes:
        folder: The benchmark.
        repo: USER/NAME on the Hub.
        address: Its page.
        files: Every file, by its path below the folder and in the repository alike.
    """

    folder: Path
    repo: str
    address: str
    files: list[StoredFile]


@dataclass(frozen=True, slots=True)
class Upload:
    """What an upload did.

    Attributes:
        sent: Files that were new or different.
        removed: Files that an earlier publication had left there.
        unchanged: Number of files that were there already.
    """

    sent: list[StoredFile]
    removed: list[str]
    unchanged: int


def prepare(
    folder: Path,
    repo: str,
    endpoint: str,
    *,
    parts: Collection[str] = (),
    cleared: Collection[str] = (),
    progress: Progress = QUIET,
) -> Publication:
    """Writes everything that is published, without network; what is up to date is left alone.

    Args:
        folder: The benchmark.
        repo: USER/NAME on the Hub.
        endpoint: Address of the Hub.
        parts: Names of the scenarios to publish, and `TRAIN`; by default all that was built.
        cleared: Raw sources for which the publisher has the rights to share.
        progress: Shows how far it is.

    Raises:
        UsageError: The folder was not built here or lacks a part, the name is not valid, or a licence forbids sharing
            something.
        ProactiveBenchError: A file is missing, differs from the manifest or cannot be written.
    """
    build = Build.open(folder).with_train().only(parts)
    require_rights(folder, build.parts, cleared)
    with require_extra("The Hub", "hub"), writing(folder):
        require_name(repo)
        package(build, progress)
        write_viewer(build, progress)
        data = [path for entry in build.scenarios.values() for path in _scenario_files(entry.dataset)]
        data += [
            *(build.train_files if build.train else ()),
            MANIFEST,
            *(table_path(entry.dataset) for entry in build.parts.values()),
        ]
        data += [KEPT_IDS] if build.has_kept_ids else []
        described = [_describe(folder, path) for path in progress.track(data, description="Checksums")]
        page = f"{_public(endpoint)}/datasets/{repo}"
        croissant.write_croissant(build, repo, page, described)
        card.write_card(build, repo, cleared)
        eval_yaml.write_eval_yaml(folder, build.scenarios)
    return Publication(
        folder, repo, page, [*(_describe(folder, one.NAME) for one in (card, croissant, eval_yaml)), *described]
    )


def _public(endpoint: str) -> str:
    """The address without a user and password, which some put into HF_ENDPOINT."""
    parts = urlsplit(endpoint)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _scenario_files(dataset: str) -> Iterable[str]:
    return samples_path(dataset), archive_path(dataset), viewer_path(dataset)


def _describe(folder: Path, path: str) -> StoredFile:
    return StoredFile(path, sha256(folder / path), (folder / path).stat().st_size)


def upload(api: HfApi, publication: Publication, *, private: bool = False) -> Upload:
    """Makes a repository hold a publication.

    Args:
        api: Client of the Hub.
        publication: What it is to hold.
        private: Create it for its owner alone.

    Raises:
        UsageError: No token, or the repository is public although `private`.
        HubError: The Hub refuses, or the connection broke; the same call then continues.
    """
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete

    folder, repo = publication.folder, publication.repo
    with explained(repo):
        api.whoami()
        api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
    there = Snapshot.open(api, repo)
    if private and not there.is_private:
        raise UsageError(f"{repo} exists already and is public. Make it private on its page, or choose another name.")
    stored = there.files
    sent = [
        file
        for file in publication.files
        if file.path not in stored or not stored[file.path].is_copy(folder / file.path)
    ]
    here = {file.path for file in publication.files}
    removed = [path for path in _earlier_files(there) if path in stored and path not in here]
    operations: list[Any] = [CommitOperationDelete(path) for path in removed]
    operations += [CommitOperationAdd(file.path, folder / file.path) for file in sent]
    if operations:
        with explained(repo):
            api.create_commit(
                repo,
                operations,
                commit_message=f"Publish {len(sent)} files" + (f", remove {len(removed)}" if removed else ""),
                repo_type="dataset",
                parent_commit=there.commit,
            )
    return Upload(sent, removed, len(publication.files) - len(sent))


def _earlier_files(there: Snapshot) -> list[str]:
    """What the last publication put into a repository, by its own description."""
    if croissant.NAME not in there.files:
        return []
    with tempfile.TemporaryDirectory() as folder:
        return croissant.listed_files(there.fetch(croissant.NAME, Path(folder), QUIET).read_bytes())
