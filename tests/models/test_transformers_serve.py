"""A tiny model behind a real server: over HTTP it replies as it does in this process."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

for library in ("torch", "transformers", "uvicorn", "fastapi"):
    pytest.importorskip(library, reason="needs transformers[serving]")

from PIL import Image  # noqa: E402  # only where a server can run

from proactivebench.models.base import Message, Picture, Request  # noqa: E402
from proactivebench.models.load import ModelOptions, load_model  # noqa: E402
from proactivebench.views import Crop, ShortEdge  # noqa: E402
from tests.support.asking import ask  # noqa: E402
from tests.support.noise import noise  # noqa: E402
from tests.support.processes import PATIENCE  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model("llava_next", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """The address of `transformers serve`, as a thread of this process, which has imported what it needs."""
    from transformers.cli.serve import Serve

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server: Any = Serve(device="cpu", host="127.0.0.1", port=port, non_blocking=True)
    limit = time.monotonic() + PATIENCE
    while not server.server.started:
        assert time.monotonic() < limit
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/v1"
    server.kill_server()


def test_replies_over_http_are_the_models(model_folder: Path, base_url: str, tmp_path: Path) -> None:
    for name, colour in (("a.png", "red"), ("b.jpg", "blue")):
        grain = noise((60, 40)).convert("RGB")
        Image.blend(grain, Image.new("RGB", (60, 40), colour), 0.5).save(tmp_path / name)
    first = Message("user", "What is it?", Picture(tmp_path / "a.png"))
    second = Message("user", "And now?", Picture(tmp_path / "b.jpg", ShortEdge(30)))
    conversations = [
        (first,),
        (Message("user", "What is it?", Picture(tmp_path / "b.jpg")),),
        (Message("user", "What is it?", Picture(tmp_path / "a.png", Crop(5, 5, 40, 30))),),
        (first, Message("assistant", "Show me more."), second),
    ]
    requests = [Request(messages, None, seed=0) for messages in conversations]
    local = load_model(f"hf:{model_folder}", ModelOptions(device="cpu", max_new_tokens=8))
    served = load_model(f"openai:{model_folder}", ModelOptions(base_url=base_url, max_new_tokens=8))
    replies = ask(served, requests)
    assert replies == ask(local, requests)
    assert len(set(replies)) == len(replies)
