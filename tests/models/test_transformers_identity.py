"""What decides the identity of an `hf:` model, and how one that cannot be used is explained."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from proactivebench.errors import UsageError
from proactivebench.models.checkpoints import load_checkpoint
from proactivebench.models.transformers_model import TransformersModel
from tests.support.tiny_models import tiny_model

ModelFolder = Callable[[str], Path]


def test_the_identity_changes_with_the_weights_and_the_settings(model_folder: ModelFolder, tmp_path: Path) -> None:
    def identity(folder: Path, **settings: Any) -> dict[str, object]:
        model = TransformersModel(load_checkpoint(str(folder), device="cpu"), **settings)
        asyncio.run(model.close())
        return dict(model.identity())

    folder = model_folder("llava")
    first = identity(folder)
    assert json.loads(json.dumps(first)) == first == identity(folder)
    assert (first["dtype"], first["max_new_tokens"]) == ("float32", 50)
    assert identity(folder, max_pixels=5000) != first
    assert identity(folder, sample=True) != first
    other = tiny_model("llava", tmp_path / "other")
    assert identity(other)["revision"] == first["revision"]
    weights = bytearray((other / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (other / "model.safetensors").write_bytes(weights)
    assert identity(other)["revision"] != first["revision"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "no/such/folder"}, "no/such/folder is not a folder"),
        ({"revision": "main"}, "revision"),
        ({"device": "toaster"}, "toaster"),
        ({"dtype": "int8"}, "int8"),
    ],
)
def test_wrong_use_is_explained(model_folder: ModelFolder, settings: dict[str, str], message: str) -> None:
    how: dict[str, Any] = {"name": str(model_folder("llava")), "device": "cpu"} | settings
    with pytest.raises(UsageError, match=message):
        load_checkpoint(**how)


def test_a_folder_without_a_model_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be loaded"):
        load_checkpoint(str(tmp_path))


def test_a_model_without_a_chat_template_is_refused_at_once(tmp_path: Path) -> None:
    folder = tiny_model("llava", tmp_path / "mute")
    (folder / "chat_template.jinja").unlink()
    with pytest.raises(UsageError, match="conversation"):
        TransformersModel(load_checkpoint(str(folder), device="cpu"))
