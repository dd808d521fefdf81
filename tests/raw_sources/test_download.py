from __future__ import annotations

import errno
import hashlib
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import IO, Any

import httpx
import pytest

from raw_sources.base import SourceError, StoppedError
from raw_sources.catalog import RemoteFile
from raw_sources.download import ATTEMPTS, download
from tests.support.http_server import LocalServer, Served, serve
from tests.support.processes import PATIENCE

BODY = Random(1).randbytes(300_000)
OTHER = Random(2).randbytes(300_000)
NOTE = '{"url": "URL", "etag": null, "modified": null, "size": %s}'


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with serve() as running:
        yield running


class Downloading:
    """Downloads `/file` of a server into a folder, and remembers pauses and progress."""

    def __init__(self, server: LocalServer, folder: Path) -> None:
        self.server, self.target = server, folder / "new" / "file.bin"
        self.pauses: list[float] = []
        self.sleep: Callable[[float], None] = self.pauses.append
        self.progress: list[tuple[int, int | None]] = []
        self.said: list[tuple[str, float]] = []

    def __call__(self, **known: Any) -> None:
        file = RemoteFile(part="file", url=f"{self.server.url}/file", path="file.bin", **known)
        with httpx.Client(follow_redirects=True, timeout=PATIENCE) as client:
            download(client, file, self.target, self.told, self.sleep, self.waits)

    def told(self, done: int, total: int | None) -> None:
        self.progress.append((done, total))

    def waits(self, *said: Any) -> None:
        self.said.append(said)

    def left(self) -> list[str]:
        return sorted(path.name for path in self.target.parent.iterdir())

    def stop_half_way(self, served: Served) -> None:
        """A first call that gives up after 100,000 bytes."""
        self.server.files["/file"] = served
        served.breaks = [100_000] + [0] * ATTEMPTS
        with pytest.raises(SourceError, match="Gave up after"):
            self()
        served.breaks.clear()
        self.server.requests.clear()
        self.server.sent = 0
        self.pauses.clear()


@pytest.fixture
def get(server: LocalServer, tmp_path: Path) -> Downloading:
    return Downloading(server, tmp_path)


def test_a_file_arrives_whole_with_progress(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY)
    get(size=len(BODY), md5=hashlib.md5(BODY).hexdigest(), sha256=hashlib.sha256(BODY).hexdigest())
    assert get.target.read_bytes() == BODY
    assert get.left() == ["file.bin"]
    assert get.progress[-1] == (len(BODY), len(BODY))
    assert get.pauses == []


def test_a_file_that_is_there_is_left_alone(server: LocalServer, get: Downloading) -> None:
    get.target.parent.mkdir()
    get.target.write_bytes(b"mine")
    get()
    get(size=4)
    assert (get.target.read_bytes(), server.requests) == (b"mine", [])
    with pytest.raises(SourceError, match="is there but has 4 bytes; the catalogue expects 5"):
        get(size=5)
    assert get.target.read_bytes() == b"mine"


@pytest.mark.parametrize(
    "served",
    [
        Served(BODY),
        Served(BODY, etag=None, modified="Fri, 20 Nov 2026 10:00:00 GMT"),
        Served(BODY, etag='W/"weak"'),
        Served(BODY, etag=None),
    ],
    ids=["etag", "last-modified", "weak etag", "size alone"],
)
def test_after_a_break_only_the_rest_is_requested(server: LocalServer, get: Downloading, served: Served) -> None:
    server.files["/file"] = served
    served.breaks = [100_000, 50_000]
    get()
    assert get.target.read_bytes() == BODY
    assert server.requests == [("/file", None), ("/file", "bytes=100000-"), ("/file", "bytes=150000-")]
    assert server.sent == len(BODY)


def test_a_later_call_goes_on_where_the_first_gave_up(server: LocalServer, get: Downloading) -> None:
    served = Served(BODY)
    get.stop_half_way(served)
    assert get.left() == ["file.bin.part", "file.bin.part.json"]
    get()
    assert get.target.read_bytes() == BODY
    assert server.requests == [("/file", "bytes=100000-")]
    assert server.sent == len(BODY) - 100_000
    assert get.left() == ["file.bin"]


def test_a_download_killed_before_its_last_step_is_not_repeated(server: LocalServer, get: Downloading) -> None:
    get.stop_half_way(Served(BODY))
    part = get.target.with_name("file.bin.part")
    part.write_bytes(BODY)
    get()
    assert get.target.read_bytes() == BODY
    assert server.requests == []


@pytest.mark.parametrize("honest", [True, False], ids=["If-Range honoured", "If-Range ignored"])
def test_a_file_that_changed_in_between_starts_again(server: LocalServer, get: Downloading, honest: bool) -> None:
    get.stop_half_way(Served(BODY))
    server.files["/file"] = Served(OTHER, etag='"2"', honest=honest)
    get()
    assert get.target.read_bytes() == OTHER


def test_a_file_that_shrank_starts_again(server: LocalServer, get: Downloading) -> None:
    get.stop_half_way(Served(BODY))
    server.files["/file"] = Served(OTHER[:500], etag='"2"', honest=False)
    get()
    assert get.target.read_bytes() == OTHER[:500]


def test_a_server_without_ranges_starts_again(server: LocalServer, get: Downloading) -> None:
    get.stop_half_way(Served(BODY))
    server.files["/file"] = Served(BODY, ranges=False)
    get()
    assert get.target.read_bytes() == BODY
    assert server.sent == len(BODY)


def test_a_file_of_unknown_length_arrives_and_is_never_resumed(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, length=False)
    get()
    assert get.target.read_bytes() == BODY
    assert get.progress[-1] == (len(BODY), None)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[]",
        "{}",
        '{"url": 1}',
        '{"url": "URL"}',
        NOTE % '"3"',
        NOTE % "3",
        NOTE % "null",
        '{"url": "http://elsewhere/x", "size": 3}',
    ],
)
def test_a_part_of_unknown_origin_is_not_used(server: LocalServer, get: Downloading, note: str) -> None:
    get.target.parent.mkdir()
    get.target.with_name("file.bin.part").write_bytes(b"x" * 1000)
    get.target.with_name("file.bin.part.json").write_text(note.replace("URL", f"{server.url}/file"))
    server.files["/file"] = Served(BODY)
    get()
    assert get.target.read_bytes() == BODY


def test_a_damaged_download_is_deleted_and_named(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY)
    with pytest.raises(SourceError, match=r"/file: the download is damaged: its md5 is \w+, expected 0000"):
        get(md5="0" * 32)
    assert get.left() == []
    with pytest.raises(SourceError, match="its sha256 is"):
        get(sha256="0" * 64)
    assert get.left() == []


def test_a_file_of_another_size_is_refused_before_it_is_downloaded(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY)
    with pytest.raises(SourceError, match="has 300,000 bytes; the catalogue expects 5"):
        get(size=5)
    assert get.left() == []


def test_a_file_of_unknown_length_is_measured(server: LocalServer, get: Downloading) -> None:
    server.files["/file"] = Served(BODY, length=False)
    with pytest.raises(SourceError, match="its length is 300000, expected 5"):
        get(size=5)
    assert get.left() == []


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
