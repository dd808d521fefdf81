"""A tiny model behind a real server: over HTTP it replies as it does in this process."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

for library in ("torch", "transformers", "uvicorn", "fastapi"):
    pytest.importorskip(library, reason="needs transformers[serving]")

from PIL import Image  # noqa: E402  # only where a server can run

from proactivebench.models.base import Message, Picture, Request  # noqa: E402
from proactivebench.models.load import ModelOptions, load_model  # noqa: E402
from proactivebench.views import Crop, ShortEdge  # noqa: E402
from tests.support.asking import ask  # noqa: E402
from tests.support.noise import noise  # noqa: E402
from tests.support.processes import started, wait_until  # noqa: E402
from tests.support.tiny_models import tiny_model  # noqa: E402


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model("llava_next", tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def base_url(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of `transformers serve` with the model."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("server")
    program = [str(Path(sys.executable).with_name("transformers")), "serve", str(model_folder)]
    command = [*program, "--device", "cpu", "--port", port]
    variables = {"HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(folder)}

    def answers() -> bool:
        with suppress(httpx.TransportError):
            return bool(httpx.get(f"http://127.0.0.1:{port}/health"))
        return False

    with started(command, variables=variables, log=folder / "log") as server:
        wait_until(answers, server)
        yield f"http://127.0.0.1:{port}/v1"


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
