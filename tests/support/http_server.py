"""A local HTTP server that misbehaves on request: what downloads meet on the way, without a network."""

from __future__ import annotations

import io
import re
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from raw_sources.catalog import CatalogEntry
from raw_sources.registry import get_entry


@dataclass
class Served:
    """What the server has under one path.

    Attributes:
        body: The file.
        etag: Its ETag; None sends none.
        modified: Its Last-Modified; None sends none.
        ranges: Whether ranges are served.
        honest: Whether If-Range is honoured; else the range is served whatever it says.
        length: Whether Content-Length is sent.
        breaks: The connection breaks after so many bytes of the body; one entry per request, used up in order.
        answers: Status and headers sent instead of the file; one entry per request, used up in order.
        kind: The Content-Type.
    """

    body: bytes = b""
    etag: str | None = '"1"'
    modified: str | None = None
    ranges: bool = True
    honest: bool = True
    length: bool = True
    breaks: list[int] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    kind: str = "application/octet-stream"


@dataclass
class LocalServer:
    """A running server.

    Attributes:
        url: Its root, without a slash at the end.
        files: Path -> what it has there; anything else is 404.
        requests: Path and Range header of every request so far.
        sent: Bytes of bodies sent so far.
    """

    url: str
    files: dict[str, Served]
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0


@contextmanager
def serve() -> Iterator[LocalServer]:
    """Runs a server on a free port of the loopback interface."""
    state = LocalServer("", {})

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requests.append((self.path, wanted))
            served = state.files.get(self.path)
            if served is None:
                self.answer(404, {})
            elif served.answers:
                self.answer(*served.answers.pop(0))
            else:
                self.give(served, wanted)

        def answer(self, status: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in ({"Content-Length": "0"} | headers).items():
                self.send_header(name, value)
            self.end_headers()

        def give(self, served: Served, wanted: str | None) -> None:
            condition = self.headers.get("If-Range")
            same = condition in (None, served.etag, served.modified) or not served.honest
            match = re.fullmatch(r"bytes=(\d+)-", wanted or "")
            start = int(match[1]) if match and served.ranges and same else None
            if start is not None and start >= len(served.body):
                self.answer(416, {"Content-Range": f"bytes */{len(served.body)}"})
                return
            body = served.body[start or 0 :]
            self.send_response(200 if start is None else 206)
            if start is not None:
                self.send_header("Content-Range", f"bytes {start}-{len(served.body) - 1}/{len(served.body)}")
            headers = {"Content-Type": served.kind, "ETag": served.etag, "Last-Modified": served.modified}
            headers["Content-Length"] = str(len(body)) if served.length else None
            for name, value in headers.items():
                if value is not None:
                    self.send_header(name, value)
            if not served.length or served.breaks:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            if served.breaks:
                body = body[: served.breaks.pop(0)]
            state.sent += len(body)  # before the client can have them all
            self.wfile.write(body)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """Says nothing where the client went away, as tests make it do."""
            if not isinstance(sys.exc_info()[1], ConnectionError):
                raise

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def served_by(name: str, server: LocalServer) -> CatalogEntry:
    """The shipped entry of a source with its addresses on a server, whose files have other sizes and checksums."""
    entry = get_entry(name)
    files = [
        file.model_copy(update={"url": re.sub("^https?://[^/]+", server.url, file.url), "size": None, "md5": None})
        for file in entry.files
    ]
    return entry.model_copy(update={"files": tuple(files)})


def zipped(files: dict[str, bytes]) -> Served:
    """A zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as container:
        for name, content in files.items():
            container.writestr(name, content)
    return Served(buffer.getvalue())
