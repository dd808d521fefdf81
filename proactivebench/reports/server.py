"""A server for one person on this machine: it shows pages, and takes the answers of `play`.

It listens on the loopback address alone. Other users of the machine and other pages in the browser are kept out: all
paths lie below a random token, requests must name this server as their host (which a page that points its own name here
cannot), and what changes something must come from our own page.
"""

from __future__ import annotations

import hmac
import re
import secrets
import sys
from abc import ABC, abstractmethod
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Any, NamedTuple, Self

from proactivebench.errors import ProactiveBenchError, UsageError

HOST = "127.0.0.1"
MAX_BODY = 65536
"""Bytes of the largest request that is taken."""

_MOST_READ = 16 * MAX_BODY  # bytes that are read of a larger one, for who still sends does not hear the answer

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "frame-ancestors 'none'",  # the rest stands in the pages themselves
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Response(NamedTuple):
    """What a site answers."""

    body: bytes
    kind: str
    status: HTTPStatus = HTTPStatus.OK


NOT_FOUND = Response(b"There is nothing here.\n", "text/plain; charset=utf-8", HTTPStatus.NOT_FOUND)


class Site(ABC):
    """What a server shows; called from several threads at once."""

    @abstractmethod
    def get(self, path: str) -> Response:
        """The page or file of a path, which is empty for the first page."""

    def post(self, path: str, body: bytes) -> Response:
        """Takes something from our own page."""
        return NOT_FOUND


class _Handler(BaseHTTPRequestHandler):
    server: _HttpServer
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self) -> None:
        path = self._path()
        try:
            response = NOT_FOUND if path is None else self.server.site.get(path)
        except ProactiveBenchError as error:  # a run that broke while it is looked at
            response = Response(f"{error}\n".encode(), NOT_FOUND.kind, HTTPStatus.INTERNAL_SERVER_ERROR)
        self._answer(response)

    def do_POST(self) -> None:
        path = self._path()
        length = self.headers.get("Content-Length", "")
        said = int(length) if re.fullmatch("[0-9]{1,9}", length) else None
        body = b"" if said is None else self.rfile.read(min(said, _MOST_READ))
        too_large = said is None or said > MAX_BODY
        self.close_connection |= too_large  # what was not read must not pass for the next request
        if path is None or self.headers.get("Origin") != f"http://{self.headers.get('Host')}":
            self._answer(NOT_FOUND)
        elif too_large:
            self._answer(Response(b"", "text/plain", HTTPStatus.REQUEST_ENTITY_TOO_LARGE))
        else:
            self._answer(self.server.site.post(path, body))

    def _path(self) -> str | None:
        """The path below the token; None where host or token are not ours."""
        port = self.server.server_address[1]
        token, _, path = self.path.partition("?")[0].removeprefix("/").partition("/")
        ours = self.headers.get("Host") in (f"{HOST}:{port}", f"localhost:{port}")
        return path if ours and hmac.compare_digest(token.encode(), self.server.token.encode()) else None

    def _answer(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.kind)
        self.send_header("Content-Length", str(len(response.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base class's
        """Says nothing: the terminal belongs to the command."""


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leaves out what is not a defect: a browser that went away in the middle of an answer."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def __init__(self, site: Site, port: int):
        super().__init__((HOST, port), _Handler)
        self.site = site
        self.token = secrets.token_urlsafe(16)


class Server:
    """Serves a site from a thread of its own; a context manager.

    Args:
        site: What to show.
        port: Port on the loopback address; 0 takes a free one.

    Attributes:
        url: Where a browser finds it, the token included.

    Raises:
        UsageError: The port is taken.
    """

    def __init__(self, site: Site, port: int = 0):
        try:
            self._server = _HttpServer(site, port)
        except OSError as error:
            raise UsageError(f"Port {port} cannot be used ({error.strerror}); choose another --port.") from error
        self.url = f"http://{HOST}:{self._server.server_address[1]}/{self._server.token}/"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
