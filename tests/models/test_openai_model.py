"""`openai:` models and a server that misbehaves: what is sent, what is retried, and what never becomes an answer."""

from __future__ import annotations

import base64
import io
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image

from cli import main
from proactivebench.errors import UsageError
from proactivebench.images import load_picture
from proactivebench.models.base import Message, Picture, Reply, Request
from proactivebench.models.data_uris import encode_picture
from proactivebench.models.openai_model import OpenAIModel
from proactivebench.models.request_form import RequestForm
from proactivebench.views import Crop, ShortEdge
from tests.support.noise import noise
from tests.support.openai_requests import SECRET, ask, ask_one, picture_of
from tests.support.processes import PATIENCE
from tests.support.stub_server import Answer, StubServer, completion

pytestmark = pytest.mark.usefixtures("openai_environment")


def decode(uri: str) -> tuple[str, bytes]:
    head, _, data = uri.partition(";base64,")
    return head, base64.b64decode(data)


def test_a_request_is_greedy_short_and_holds_the_picture(server: StubServer, request_of: Request) -> None:
    assert ask_one(server, request_of) == "a reply"
    (body,) = server.requests
    (message,) = body.pop("messages")
    assert body == {"model": "m", "max_tokens": 50, "temperature": 0}
    picture, text = message["content"]
    assert text == {"type": "text", "text": "What is this?"}
    head, stored = decode(picture["image_url"]["url"])
    assert (head, stored) == ("data:image/png", picture_of(request_of).path.read_bytes())
    assert server.headers[0]["authorization"] == f"Bearer {SECRET}"


def test_a_judge_is_told_its_instructions(server: StubServer) -> None:
    request = Request((Message("system", "You judge."), Message("user", "Is it right?")), None, seed=0)
    assert ask_one(server, request, form=RequestForm(max_new_tokens=9)) == "a reply"
    assert server.requests[0]["max_tokens"] == 9
    assert server.requests[0]["messages"] == [
        {"role": "system", "content": "You judge."},
        {"role": "user", "content": "Is it right?"},
    ]


def test_sampling_leaves_the_temperature_to_the_server_and_names_the_seed(
    server: StubServer, request_of: Request
) -> None:
    assert ask_one(server, request_of, form=RequestForm(sample=True)) == "a reply"
    assert server.requests[0]["seed"] == 7
    assert "temperature" not in server.requests[0]


def test_history_is_sent_in_order_and_each_picture_is_encoded_once(
    server: StubServer, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = []

    def load(picture: Picture, max_pixels: int | None = None) -> Image.Image:
        loaded.append(picture)
        return load_picture(picture, max_pixels)

    monkeypatch.setattr("proactivebench.models.data_uris.load_picture", load)
    asked = request_of.messages[0]
    small = Message("user", "And now?", Picture(picture_of(request_of).path, ShortEdge(64)))
    request = Request((asked, Message("assistant", "Move on."), small), request_of.environment, 0)
    replies = ask(OpenAIModel("m", base_url=server.url), [request] * 8)
    assert replies == ["a reply"] * 8
    assert sorted(map(repr, loaded)) == sorted(map(repr, (asked.picture, small.picture)))
    sent = server.requests[0]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[1]["content"] == "Move on."
    _, png = decode(sent[2]["content"][0]["image_url"]["url"])
    assert Image.open(io.BytesIO(png)).size == (64, 64)


@pytest.mark.parametrize(
    ("mode", "name", "save", "as_stored"),
    [
        ("RGB", "a.jpg", {}, True),
        ("L", "a.png", {}, True),
        ("P", "a.png", {}, True),
        ("RGB", "a.webp", {}, True),
        ("RGBA", "a.png", {}, False),
        ("P", "a.png", {"transparency": 3}, False),
        ("CMYK", "a.jpg", {}, False),
        ("I;16", "a.png", {}, False),
        ("RGB", "a.jpg", {"exif": b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"}, False),
        ("RGB", "a.png", {"exif": b"Exif\0\0no metadata"}, False),
    ],
)
def test_a_file_goes_out_unchanged_where_every_reader_sees_the_same(
    tmp_path: Path, mode: str, name: str, save: dict[str, Any], as_stored: bool
) -> None:
    grey = noise((40, 30))
    path = tmp_path / name
    (Image.new(mode, (40, 30), 999) if mode == "I;16" else grey.convert("RGB").convert(mode)).save(path, **save)
    head, data = decode(encode_picture(Picture(path)))
    assert (data == path.read_bytes()) is as_stored
    sent = Image.open(io.BytesIO(data))
    assert head == f"data:image/{str(sent.format).lower()}"
    assert sent.convert("RGB").tobytes() == load_picture(Picture(path)).tobytes()


@pytest.mark.parametrize("view", [Crop(3, 4, 30, 20), ShortEdge(16)])
def test_views_are_sent_without_loss(tmp_path: Path, view: Crop | ShortEdge) -> None:
    noise((40, 30)).save(tmp_path / "a.jpg")
    picture = Picture(tmp_path / "a.jpg", view)
    _, data = decode(encode_picture(picture))
    assert Image.open(io.BytesIO(data)).tobytes() == load_picture(picture).tobytes()
    _, data = decode(encode_picture(picture, max_pixels=50))
    assert Image.open(io.BytesIO(data)).tobytes() == load_picture(picture, 50).tobytes()


def test_an_empty_text_is_a_reply(server: StubServer, request_of: Request) -> None:
    server.answers = [Answer(completion(""))]
    assert ask_one(server, request_of) == ""


def test_the_identity_holds_no_secrets() -> None:
    model = OpenAIModel("org/m", base_url="https://user:word@models.example:8443/v1/?token=abc")
    assert model.identity() == {
        "model": "openai:org/m",
        "server": "https://models.example:8443/v1",
        "max_pixels": None,
        "request": {"max_tokens": 50, "temperature": 0},
    }


@pytest.mark.parametrize(
    "url",
    ["localhost:8000/v1", "ftp://models/v1", "http://", "http://[::1", "http://a:port/v1", "models"],
)
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(UsageError, match="--base-url must be an address like"):
        OpenAIModel("m", base_url=url)


def test_the_key(server: StubServer, request_of: Request, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-one\nsk-two")
    with pytest.raises(UsageError, match="characters that no key has") as caught:
        OpenAIModel("m")
    assert "sk-" not in str(caught.value)
    monkeypatch.delenv("OPENAI_API_KEY")
    with pytest.raises(UsageError, match="set the environment variable OPENAI_API_KEY"):
        OpenAIModel("m")
    assert ask_one(server, request_of) == "a reply"


def evaluate(server: StubServer, data: Path, out: Path, *options: str) -> tuple[int, str]:
    arguments = ["evaluate", "--model", "openai:m", "--base-url", server.url, "--data", str(data), "--out", str(out)]
    result = CliRunner().invoke(main, [*arguments, "--retries", "2", "--timeout", str(PATIENCE), *options])
    return result.exit_code, result.output


def test_a_run_through_a_server_that_stumbles(server: StubServer, data: Path, tmp_path: Path) -> None:
    server.reply = lambda body: "A" if len(server.requests) % 2 else "no idea"
    server.answers = [
        Answer(status=429, headers={"Retry-After": "0.01"}),
        Answer(b"{", 200),
        Answer(completion(None)),
        Answer(drop=True),
        Answer(f"{SECRET} sends too much".encode(), 413),
    ]
    code, output = evaluate(server, data, tmp_path / "run")
    assert code == 0, output
    episodes = [json.loads(line) for line in (tmp_path / "run" / "episodes.jsonl").read_bytes().splitlines()]
    assert len(episodes) == 30
    assert [episode["error"]["kind"] for episode in episodes if "error" in episode] == ["server"] * 3
    assert all(turn["reply"] in ("A", "no idea") for episode in episodes for turn in episode["turns"])
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_bytes())
    assert metrics["scenarios"]["QD"]["errors"] == 3
    for path in (tmp_path / "run").iterdir():
        assert SECRET.encode() not in path.read_bytes()

    asked = len(server.requests)
    code, output = evaluate(server, data, tmp_path / "run")
    assert code == 0, output
    assert json.loads((tmp_path / "run" / "metrics.json").read_bytes())["scenarios"]["QD"]["errors"] == 0
    assert len(server.requests) - asked < 30  # only what had failed


def test_a_run_with_a_wrong_key_says_so(server: StubServer, data: Path, tmp_path: Path) -> None:
    server.answers = [Answer(f"no such key: {SECRET}".encode(), 401)] * 100
    code, output = evaluate(server, data, tmp_path / "run", "--concurrency", "2")
    assert code == 2
    assert f"Error: {server.url} answered 401: no such key: [key] Set OPENAI_API_KEY" in output
    assert SECRET not in output
    assert len(server.requests) <= 4


def test_a_run_against_a_dead_server_stops_early(server: StubServer, data: Path, tmp_path: Path) -> None:
    server.answers = [Answer(b"down", 500)] * 1000
    code, output = evaluate(server, data, tmp_path / "run", "--concurrency", "2", "--retries", "0")
    assert code == 1
    assert "answered 500: down" in output
    assert len(server.requests) <= 6


def with_tokens(text: str, *logprobs: float) -> bytes:
    tokens: list[dict[str, object]] = [{"token": "a", "logprob": value, "top_logprobs": []} for value in logprobs]
    return completion(text, choice={"logprobs": {"content": tokens, "refusal": None}})


def test_how_probable_an_answer_is_comes_from_its_tokens(server: StubServer, request_of: Request) -> None:
    server.answers = [Answer(with_tokens("Cat.", -0.1, -0.2)), Answer(with_tokens("Cat.", -0.1))]
    sure, unasked = ask_one(server, replace(request_of, confidence=True)), ask_one(server, request_of)
    assert isinstance(sure, Reply) and sure.confidence == pytest.approx(math.exp(-0.3), abs=1e-4)
    assert [request.get("logprobs") for request in server.requests] == [True, None]
    assert isinstance(unasked, Reply)


def test_a_server_that_cannot_say_how_probable_an_answer_is_answers_without(
    server: StubServer, request_of: Request
) -> None:
    server.answers = [Answer(b'{"error": {"message": "logprobs are not supported", "param": "logprobs"}}', status=400)]
    asked = replace(request_of, confidence=True)
    model = OpenAIModel("m", base_url=server.url, concurrency=1, retries=0)
    first, second = ask(model, [asked, asked])
    assert (first, second) == ("a reply", "a reply")
    assert sum("logprobs" in request for request in server.requests) <= 2
    assert [getattr(reply, "confidence", None) for reply in (first, second)] == [None, None]
    assert ask_one(server, asked, form=RequestForm(reasoning=True)) == "a reply"
    assert "logprobs" not in server.requests[-1]
