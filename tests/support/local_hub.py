"""A Hub on this machine, for huggingface_hub and datasets, with people, rights and accidents.

Files live in memory. Small text is kept as git keeps it, everything else as a large file with the basic LFS transfer.
Accidents are switched on by a test: a connection that breaks after some bytes, an answer in place of the right one.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs, unquote, urlsplit

from tests.support.hub_protocol import Answer, RefusedError, Request
from tests.support.hub_store import LocalHub


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LocalHub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""

    def handle_request(self) -> None:
        address = urlsplit(self.path)
        path = unquote(address.path)
        query = {key: values[-1] for key, values in parse_qs(address.query).items()}
        with self.hub.lock:
            self.hub.requests.append((self.command, path))
            if self.command == "PUT" and (length := self.next_of(self.hub.breaks, path)) is not None:
                self.rfile.read(length)
                self.close_connection = True
                self.connection.close()
                return
            request = Request(self.hub, query, self.headers, self.read_body())
            try:
                if status := self.next_of(self.hub.answers, path):
                    raise RefusedError(status, message=f"sorry, {self.headers.get('Authorization')}")
                self.send(request.answer(path), path)
            except RefusedError as refusal:
                self.send(refusal.answer, path)

    do_GET = do_HEAD = do_POST = do_PUT = handle_request  # noqa: N815

    def next_of(self, accidents: dict[str, list[int]], path: str) -> int | None:
        """Uses up the next accident that is in store for a path."""
        return next((left.pop(0) for part, left in accidents.items() if part in path and left), None)

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, answer: Answer, path: str) -> None:
        self.send_response(answer.status)
        for name, value in {"Content-Length": str(len(answer.data)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        data = answer.data
        if answer.is_file:
            length = self.next_of(self.hub.breaks, path)
            if length is not None:
                data = data[:length]
                self.close_connection = True
                if self.hub.after_break:
                    self.hub.after_break()
            self.hub.sent += len(data)
        self.wfile.write(data)


@contextmanager
def serve() -> Iterator[LocalHub]:
    """Runs a Hub on a free port of the loopback interface."""
    hub = LocalHub("", {})

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing where the client went away or the connection was broken on purpose."""
            if not isinstance(sys.exc_info()[1], (ConnectionError, ValueError)):
                raise

    server = Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
