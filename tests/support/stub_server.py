"""A server of chat completions on loopback that fails in every way a real one does, as told, and then answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any


def completion(
    content: object,
    finish_reason: str | None = "stop",
    *,
    message: Mapping[str, object] | None = None,
    choice: Mapping[str, object] | None = None,
    beside: Mapping[str, object] | None = None,
) -> bytes:
    """A chat completion as servers send it, with more fields in the message, in the choice and beside the choices."""
    said = {"role": "assistant", "content": content} | dict(message or {})
    only = {"index": 0, "message": said, "finish_reason": finish_reason} | dict(choice or {})
    whole = {"id": "1", "object": "chat.completion", "model": "m", "choices": [only]} | dict(beside or {})
    return json.dumps(whole).encode()


def streamed(content: str) -> bytes:
    """A chat completion as servers stream it: one piece, the reason why it ended, and the mark of the end."""
    lines = []
    for delta, reason in (({"role": "assistant", "content": content}, None), ({}, "stop")):
        only = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "m", "choices": [only]}
        lines.append(f"data: {json.dumps(chunk)}\n\n")
    return "".join([*lines, "data: [DONE]\n\n"]).encode()


@dataclass
class Answer:
    """What the server does with one request.

    Attributes:
        body: What it sends.
        status: The status.
        headers: Further headers.
        drop: It closes the connection instead, in the middle of the body.
        hang: It says nothing at all until the client or the test ends.
        drip: It sends so many more spaces in front of the body, one every 50 ms.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    hang: bool = False
    drip: int = 0


@dataclass
class StubServer:
    """A running server.

    Attributes:
        url: The base URL for clients.
        answers: Used up in order, one per request; then `reply` answers.
        reply: From the request's body to the model's reply.
        requests: Bodies of all requests so far.
        headers: Their headers, names in lower case.
    """

    url: str
    answers: list[Answer] = field(default_factory=list)
    reply: Callable[[dict[str, Any]], str] = lambda body: "a reply"
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def serve_completions() -> Iterator[StubServer]:
    """Runs a server on a free port of the loopback interface."""
    ended, lock = Event(), Lock()

    def usual_answer(body: dict[str, Any]) -> Answer:
        reply = stub.reply(body)
        if body.get("stream"):
            return Answer(streamed(reply), headers={"Content-Type": "text/event-stream"})
        return Answer(completion(reply))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                stub.requests.append(body)
                stub.headers.append({name.lower(): value for name, value in self.headers.items()})
                answer = stub.answers.pop(0) if stub.answers else usual_answer(body)
            if self.path != "/v1/chat/completions":
                answer = Answer(b'{"detail": "Not Found"}', 404)
            if answer.hang:
                ended.wait(30)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in ({"Content-Type": "application/json"} | answer.headers).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body) + answer.drop + answer.drip))
            self.end_headers()
            for _ in range(answer.drip):
                if ended.wait(0.05):
                    break
                self.wfile.write(b" ")
            self.wfile.write(answer.body)
            self.close_connection = answer.drop

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing where the client went away, in the middle of a request too, as tests make it do."""
            if not isinstance(sys.exc_info()[1], (ConnectionError, json.JSONDecodeError)):
                raise

    server = Server(("127.0.0.1", 0), Handler)
    stub = StubServer(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        ended.set()
        server.shutdown()
        server.server_close()
        thread.join()
