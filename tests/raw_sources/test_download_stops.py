"""A download that cannot go its way: a busy server, a wrong address, a full disk."""

from __future__ import annotations

import errno
import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import IO, Any

import pytest

from raw_sources.base import SourceError, StoppedError
from raw_sources.download import ATTEMPTS
from tests.support.downloading import BODY, Downloading
from tests.support.http_server import LocalServer, Served, serve


def test_a_missing_file_is_said_at_once(server: LocalServer, get: Downloading) -> None:
    with pytest.raises(SourceError, match="/file: the server answers 404 Not Found"):
        get()
    assert len(server.requests) == 1
    assert get.left() == []


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for_as_long_as_it_asks(server: LocalServer, get: Downloading, status: int) -> None:
    when = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    answers = [(status, {"Retry-After": "7"}), (status, {"Retry-After": when}), (status, {"Retry-After": "soon"})]
    server.files["/file"] = Served(BODY, answers=answers)
    get()
    assert get.target.read_bytes() == BODY
    assert get.pauses[0] == 7
    assert 95 < get.pauses[1] <= 100
    assert get.pauses[2] == 8


def test_a_server_that_asks_for_hours_is_not_waited_for(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, answers=[(429, {"Retry-After": "7200"})])
    with pytest.raises(SourceError, match="429 Too Many Requests and asks to wait 7,200 s"):
        get()
    assert get.pauses == []


def test_every_pause_is_told_with_its_reason(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, breaks=[100_000])
    get()
    assert get.target.read_bytes() == BODY
    [(why, seconds)] = get.said
    assert [seconds] == get.pauses
    assert why.startswith(f"{server.url}/file: ")
    assert why.endswith(".")


def test_a_server_that_nobody_can_reach_is_given_up_soon(get: Downloading) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    get.server = LocalServer(f"http://127.0.0.1:{port}", {})
    with pytest.raises(SourceError, match=r"127\.0\.0\.1 cannot be reached \(.*internet\? Gave up after 2 attempts"):
        get()
    assert get.pauses == [2.0]
    assert [why.endswith("Is this machine connected to the internet?") for why, _ in get.said] == [True]


def test_attempts_are_bounded_with_growing_pauses(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, answers=[(500, {})] * 100)
    with pytest.raises(SourceError, match=f"500 .*Gave up after {ATTEMPTS} attempts"):
        get()
    assert get.pauses == [2, 4, 8, 16, 32]
    assert len(server.requests) == ATTEMPTS


def test_progress_renews_the_patience(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, breaks=[20_000] * 14)
    get()
    assert get.target.read_bytes() == BODY
    assert get.pauses == [2] * 14


def test_a_server_that_is_off_is_named(get: Downloading) -> None:
    with serve() as gone:
        pass
    get.server = gone
    with pytest.raises(SourceError, match="cannot be reached"):
        get()


def test_redirects_are_followed(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(answers=[(302, {"Location": "/moved"})])
    server.files["/moved"] = Served(BODY)
    get()
    assert get.target.read_bytes() == BODY


@pytest.mark.parametrize("location", ["/file", "ftp://127.0.0.1/file"])
def test_redirects_to_nowhere_are_said_once(server: LocalServer, get: Downloading, location: str) -> None:
    server.files["/file"] = Served(answers=[(302, {"Location": location})] * 50)
    with pytest.raises(SourceError, match="leads to an address that cannot be used"):
        get()
    assert get.pauses == []


def test_a_web_page_is_not_taken_for_the_file(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(b"<html>log in</html>", kind="text/html; charset=utf-8")
    with pytest.raises(SourceError, match="sends a web page instead of the file"):
        get()
    assert not get.target.exists()


def test_too_little_room_is_said_before_the_download(
    server: LocalServer, get: Downloading, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/file"] = Served(BODY)
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=200_000))
    with pytest.raises(SourceError, match=r"200\.0 kB free, but 300\.0 kB are still to come"):
        get()
    assert not get.target.exists()


def test_a_disk_that_runs_full_keeps_what_arrived(
    server: LocalServer, get: Downloading, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.files["/file"] = Served(BODY, breaks=[100_000])
    original = Path.open

    def full_once_something_is_there(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> IO[Any]:
        if mode == "ab" and path.exists() and path.stat().st_size:
            raise OSError(errno.ENOSPC, "No space left on device")
        return original(path, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", full_once_something_is_there)
    with pytest.raises(StoppedError, match=r"file\.bin cannot be written: No space left on device"):
        get()
    assert get.left() == ["file.bin.part", "file.bin.part.json"]
    monkeypatch.undo()
    get()
    assert get.target.read_bytes() == BODY
    assert server.requests[-1] == ("/file", "bytes=100000-")


def test_an_interrupt_keeps_what_arrived(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, breaks=[100_000])

    def interrupt(seconds: float) -> None:
        raise KeyboardInterrupt

    get.sleep = interrupt
    with pytest.raises(KeyboardInterrupt):
        get()
    get()
    assert get.target.read_bytes() == BODY
    assert server.sent == len(BODY)
