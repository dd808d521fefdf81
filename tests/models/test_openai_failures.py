"""A server that misbehaves: what is asked again, what is said, and what never becomes an answer."""

from __future__ import annotations

import gzip
import json
import time
from pathlib import Path

import openai
import pytest
from packaging.version import Version

from proactivebench.errors import UsageError
from proactivebench.models.base import Message, Picture, PictureError, ReplyError, Request
from proactivebench.models.openai_model import OpenAIModel
from tests.support.openai_requests import SECRET, ask, ask_one, picture_of
from tests.support.processes import PATIENCE
from tests.support.stub_server import Answer, StubServer, completion, serve_completions

pytestmark = pytest.mark.usefixtures("openai_environment")


def test_an_unreadable_picture_is_the_pictures_fault(server: StubServer, request_of: Request, tmp_path: Path) -> None:
    (tmp_path / "torn.png").write_bytes(picture_of(request_of).path.read_bytes()[:200])
    request = Request((Message("user", "?", Picture(tmp_path / "torn.png")),), request_of.environment, 0)
    assert isinstance(ask_one(server, request), PictureError)
    assert server.requests == []


@pytest.mark.parametrize(
    "failures",
    [
        [Answer(status=500), Answer(b"<html>overloaded</html>", 503)],
        [Answer(completion("torn")[:-5], drop=True)] * 2,
        [Answer(status=429, headers={"Retry-After": "0.01"})] * 2,
    ],
)
def test_passing_failures_are_retried(server: StubServer, request_of: Request, failures: list[Answer]) -> None:
    server.answers = list(failures)
    assert ask_one(server, request_of) == "a reply"
    assert len(server.requests) == 3


def test_retry_after_is_waited_for(server: StubServer, request_of: Request) -> None:
    server.answers = [Answer(status=429, headers={"Retry-After": "0.5"})]
    started = time.monotonic()
    assert ask_one(server, request_of) == "a reply"
    assert time.monotonic() - started >= 0.5


@pytest.mark.skipif(Version(openai.__version__) < Version("3"), reason="openai 2 tries again at its own pace")
def test_a_server_that_asks_for_an_hour_is_not_waited_for(server: StubServer, request_of: Request) -> None:
    server.answers = [Answer(b"come back later", 429, {"Retry-After": "3600"})]
    error = ask_one(server, request_of)
    assert isinstance(error, ReplyError)
    assert str(error) == f"{server.url} answered 429: come back later"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(b"all broken", 500), "answered 500: all broken"),
        (Answer(b'{"error": {"message": "picture too large"}}', 400), "picture too large"),
        (Answer(b"torn", drop=True), "gave no answer: peer closed connection"),
        (Answer(hang=True), "gave no answer: No whole reply within"),
        (Answer(b""), "sent no reply ( Invalid JSON"),
        (Answer(b"<html>hello</html>", headers={"Content-Type": "text/html"}), "<html>hello</html>"),
        (Answer(b"null"), "sent no reply"),
        (Answer(b'{"choices": []}'), "choices List should have at least 1 item"),
        (Answer(b'{"error": {"message": "no capacity"}}'), "no capacity"),
        (Answer(completion(None)), "choices.0.message.content is missing"),
        (Answer(completion([{"type": "text"}])), "choices.0.message.content"),
        (Answer(b"\x1b]0;title\x07 gone", 400), "answered 400: ?]0;title? gone"),
        (Answer(b"\xff\xfe" * 5000), "sent no reply"),
        (Answer(b"no gzip", headers={"Content-Encoding": "gzip"}), "sent a reply compressed as gzip"),
        (Answer(b"?", headers={"Content-Type": "text/plain; charset=none-such"}), "sent no reply"),
        (Answer(b"", 204), "sent no reply"),
    ],
)
def test_what_is_no_reply_is_an_error_of_the_server(
    server: StubServer, request_of: Request, answer: Answer, message: str
) -> None:
    server.answers = [answer] * 100
    error = ask_one(server, request_of, retries=1, timeout=0.3 if answer.hang else PATIENCE)
    assert isinstance(error, ReplyError)
    assert error.kind == "server"
    assert message in str(error)
    assert len(str(error)) < 400


ENDLESS = b" " * (20 << 20) + completion("A")


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (Answer(completion("A"), drip=200), "gave no answer: No whole reply within"),
        (Answer(ENDLESS), "sent more than 8 MiB as one reply."),
        (Answer(ENDLESS, 500), "sent more than 8 MiB as one reply."),
        (Answer(gzip.compress(ENDLESS), headers={"Content-Encoding": "gzip"}), "sent a reply compressed as gzip"),
    ],
)
def test_a_reply_is_bounded_in_time_and_size(
    server: StubServer, request_of: Request, answer: Answer, message: str
) -> None:
    server.answers = [answer]
    error = ask_one(server, request_of, retries=0, timeout=1 if answer.drip else PATIENCE)
    assert isinstance(error, ReplyError), "each would be a good reply at last"
    assert message in str(error)
    assert server.headers[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: StubServer, request_of: Request, status: int) -> None:
    with serve_completions() as elsewhere:
        server.answers = [Answer(b"", status, {"Location": f"{elsewhere.url}/chat/completions"})]
        error = ask_one(server, request_of)
        assert elsewhere.headers == []
    assert isinstance(error, UsageError)
    assert f"look at {elsewhere.url}" in str(error)
    assert "--base-url" in str(error)
    assert len(server.requests) == 1


def test_no_server_at_all(request_of: Request) -> None:
    with serve_completions() as server:
        url = server.url
    (error,) = ask(OpenAIModel("m", base_url=url, retries=0), [request_of])
    assert isinstance(error, ReplyError)
    assert url in str(error)


def test_a_refused_key_ends_the_run_at_once_and_is_not_repeated(server: StubServer, request_of: Request) -> None:
    server.answers = [Answer(json.dumps({"error": {"message": f"Incorrect key {SECRET}"}}).encode(), 401)]
    error = ask_one(server, request_of)
    assert isinstance(error, UsageError)
    assert "Incorrect key [key]" in str(error)
    assert "OPENAI_API_KEY" in str(error)
    assert len(server.requests) == 1


def test_an_address_without_its_path_is_explained(server: StubServer, request_of: Request) -> None:
    (error,) = ask(OpenAIModel("m", base_url=server.url.removesuffix("/v1")), [request_of])
    assert isinstance(error, UsageError)
    assert "--base-url" in str(error)
