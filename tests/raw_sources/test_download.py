from __future__ import annotations

import hashlib

import pytest

from raw_sources.base import SourceError
from tests.support.downloading import BODY, NOTE, OTHER, Downloading
from tests.support.http_server import LocalServer, Served


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
