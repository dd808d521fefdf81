"""Where the files of a model are, and what tells them from any others.

A name is a folder or an id on the Hub, whose files are brought into the Hub's cache first; from there on all is local.
The Hub names contents by a commit. A folder is told apart by every byte of every file that a model is loaded from: two
models whose attention alone differs are two models. `digests` reads large files once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from huggingface_hub import snapshot_download

from proactivebench.digests import file_digests
from proactivebench.errors import UsageError
from proactivebench.models.demo import DEMO, require_demo
from proactivebench.work.files import parse_json

FROM_THE_HUB = (".safetensors", ".json", ".jinja", ".model", ".txt", ".tiktoken")
"""Endings of the files that are brought from the Hub: no code, and no pickles."""

SUFFIXES = (*FROM_THE_HUB, ".bin", ".pt", ".pth", ".ckpt", ".h5", ".msgpack", ".gguf", ".spm", ".bpe", ".py")
"""Endings of the files that a model in a folder may be loaded from."""

PART_MARKS = ("tokenizer_config.json", "adapter_config.json")
"""Files that make a folder in a model's folder a part of the model: a second tokenizer, an adapter."""


def locate(name: str, revision: str | None = None) -> tuple[Path, str]:
    """Finds a model or an adapter, and downloads it where necessary.

    Args:
        name: A folder, an id on the Hub, or one of `DEMO`.
        revision: Branch, tag or commit on the Hub; None is its main branch.

    Returns:
        The folder with the files, and what tells its contents from any other: the Hub's commit, or a fingerprint.

    Raises:
        UsageError: There is no such folder, and nothing of that name can be had from the Hub.
    """
    require_demo(name)
    folder = DEMO.get(name, Path(name))
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"{name} is a folder; a revision ({revision}) exists for models on the Hub only.")
        return folder, fingerprint(folder)
    try:
        snapshot = snapshot_download(
            name,
            revision=revision,
            allow_patterns=[f"*{suffix}" for suffix in FROM_THE_HUB],
            ignore_patterns=["original/*", "consolidated*"],  # the same weights again, in their authors' format
        )
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        raise UsageError(f"{name} is not a folder and cannot be downloaded from the Hub: {said}") from error
    return Path(snapshot), Path(snapshot).name


def fingerprint(folder: Path) -> str:
    """SHA-256 over the names and all bytes of the files that a model in a folder is loaded from."""
    digest = hashlib.sha256()
    for path, content in file_digests(sorted(_loaded_from(folder))).items():
        digest.update(f"{path.relative_to(folder)}\0{content}\0".encode())
    return f"sha256:{digest.hexdigest()}"


def _loaded_from(folder: Path) -> Iterator[Path]:
    """The folder's files, those of the parts in it, and what they name; not its runs, nor a training's checkpoints."""
    shards: set[Path] = set()
    for index in folder.glob("*.index.json"):
        with suppress(ValueError, KeyError, AttributeError, TypeError):  # what is damaged says so when it is loaded
            shards.update(folder / name for name in parse_json(index.read_bytes())["weight_map"].values())
    parts = {path.parent for mark in PART_MARKS for path in folder.glob(f"*/{mark}")}
    parts = {part for part in parts if not part.name.startswith("checkpoint-")} | {folder / "additional_chat_templates"}
    for path in {*folder.iterdir(), *shards, *(path for part in parts for path in part.glob("*"))}:
        if path.suffix in SUFFIXES and path.is_file():
            yield path
