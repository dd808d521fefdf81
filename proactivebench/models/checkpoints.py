"""From a name to a loaded model of transformers, and to what tells its weights from any others.

A name is a folder or an id on the Hub, whose files are brought into the Hub's cache first; from there on all is local.
Its configuration says whether it sees pictures; a model of text alone can serve as a judge. Weights are too large to be
read just to tell them apart, so of every file in a folder its name, its size and three pieces count: training changes
all weights, and thereby every piece.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import snapshot_download
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING

from proactivebench.errors import UsageError
from proactivebench.models.demo import DEMO
from proactivebench.models.processors import Processor, Tokenizer, load_processor

SUFFIXES = (".safetensors", ".json", ".jinja", ".model", ".txt")
"""Endings of the files that a model is loaded from."""

PIECE_BYTES = 1 << 20


Network = Any
"""A `transformers.PreTrainedModel` that generates."""


@dataclass(frozen=True)
class Checkpoint:
    """A model that is ready to reply.

    Attributes:
        network: The model in evaluation mode, on its device.
        processor: Its processor; of a model of text alone its tokenizer.
        origin: Name, revision, adapter and data type, as JSON values.
    """

    network: Network
    processor: Processor
    origin: Mapping[str, str]

    @property
    def tokenizer(self) -> Tokenizer:
        """The processor's tokenizer."""
        return getattr(self.processor, "tokenizer", self.processor)


def load_checkpoint(
    name: str,
    *,
    revision: str | None = None,
    adapter: str | None = None,
    device: str | None = None,
    dtype: str | None = None,
) -> Checkpoint:
    """Loads a model and its processor.

    Args:
        name: A folder, an id on the Hub, or one of `DEMO`.
        revision: Branch, tag or commit on the Hub; None is its main branch.
        adapter: Folder or id of a LoRA adapter, which is merged into the weights.
        device: As torch names it (`cuda:1`); None is the GPU if there is one, of several that of this process.
        dtype: As torch names it (`float16`); None is bfloat16 on a GPU, float32 on a CPU.

    Raises:
        UsageError: There is no such thing, or it is not a model that replies to conversations.
    """
    place = _device(device)
    precision = _precision(dtype, place)
    folder, commit = locate(name, revision)
    origin = {"model": name, "revision": commit, "dtype": str(precision).removeprefix("torch.")}
    try:
        sees = type(AutoConfig.from_pretrained(folder)) in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING
        auto: Any = AutoModelForImageTextToText if sees else AutoModelForCausalLM
        network: Network = auto.from_pretrained(folder, dtype=precision)
        processor = load_processor(folder)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise UsageError(f"{name} cannot be loaded as a model that replies to conversations: {error}") from error
    if adapter is not None:
        adapter_folder, adapter_commit = locate(adapter)
        network = _merge(network, adapter_folder)
        origin |= {"adapter": adapter, "adapter_revision": adapter_commit}
    return Checkpoint(network.to(place).eval(), processor, origin)


def _device(name: str | None) -> torch.device:
    if name is None:
        name = f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if torch.cuda.is_available() else "cpu"
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"The device {name!r} cannot be used: {error}") from error


def _precision(name: str | None, device: torch.device) -> torch.dtype:
    precision = getattr(torch, name or ("float32" if device.type == "cpu" else "bfloat16"), None)
    if not isinstance(precision, torch.dtype) or not precision.is_floating_point:
        raise UsageError(f"{name!r} is no data type for weights. Usual are bfloat16, float16 and float32.")
    return precision


def _merge(network: Network, adapter: Path) -> Network:
    try:
        from peft import PeftModel
    except ImportError:
        raise UsageError("Adapters need peft: pip install 'proactivebench-toolkit[train]'.") from None
    try:
        return PeftModel.from_pretrained(network, str(adapter)).merge_and_unload()
    except (OSError, ValueError, RuntimeError) as error:
        raise UsageError(f"{adapter} is no adapter for this model: {error}") from error


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
    if name.startswith("demo:") and name not in DEMO:
        raise UsageError(f"There is no model {name!r}. There are: {', '.join(DEMO)}.")
    folder = DEMO.get(name, Path(name))
    if folder.is_dir():
        if revision is not None:
            raise UsageError(f"{name} is a folder; a revision ({revision}) exists for models on the Hub only.")
        return folder, fingerprint(folder)
    try:
        snapshot = snapshot_download(
            name,
            revision=revision,
            allow_patterns=[f"*{suffix}" for suffix in SUFFIXES],
            ignore_patterns=["original/*", "consolidated*"],  # the same weights again, in their authors' format
        )
    except (OSError, ValueError) as error:
        raise UsageError(f"{name} is no folder, and cannot be had from the Hub: {error}") from error
    return Path(snapshot), Path(snapshot).name


def fingerprint(folder: Path) -> str:
    """SHA-256 over begin, middle and end of the files in a folder; subfolders are left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        if path.suffix in SUFFIXES and path.is_file():
            size = path.stat().st_size
            digest.update(f"{path.name}\0{size}\0".encode())
            with path.open("rb") as file:
                for start in (0, size // 2, size - PIECE_BYTES):
                    file.seek(max(0, start))
                    digest.update(file.read(PIECE_BYTES))
    return f"sha256:{digest.hexdigest()}"
