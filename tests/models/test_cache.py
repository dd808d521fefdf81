"""The cache of replies: found again by exactly the same request, never wrong, shared by processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.models.base import Message, Model, Picture, PictureError, Reply, ReplyError, Request
from proactivebench.models.cache import FILE, CachedModel
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.views import Crop
from tests.support.processes import PATIENCE


class Counting(Model):
    """Replies with the number of the call; `fail` makes it refuse."""

    draws = False

    def __init__(self, **identity: object):
        self.calls = 0
        self.fail: ReplyError | None = None
        self.expected: list[int] = []
        self.closed = False
        self._identity = {"model": "counting"} | identity

    async def reply(self, request: Request) -> str:
        self.calls += 1
        if self.fail:
            raise self.fail
        return f"reply {self.calls} ünï"

    def identity(self) -> Mapping[str, object]:
        return self._identity

    def expect(self, episodes: int) -> None:
        self.expected.append(episodes)
        self.concurrency = 2 * episodes

    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def request_of(tmp_path: Path) -> Request:
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    return Request((Message("user", "What is it?", Picture(tmp_path / "a.png")),), None, seed=1)


def ask(model: Model, folder: Path, *requests: Request) -> list[str]:
    """Asks one after the other, through a cache of its own that is closed afterwards."""

    async def run() -> list[str]:
        cached = CachedModel(model, folder)
        try:
            return [await cached.reply(request) for request in requests]
        finally:
            await cached.close()

    return asyncio.run(run())


def test_the_same_request_is_asked_once_in_all_runs(tmp_path: Path, request_of: Request) -> None:
    model = Counting()
    assert ask(model, tmp_path / "c", request_of, request_of) == ["reply 1 ünï"] * 2
    assert ask(model, tmp_path / "c", request_of) == ["reply 1 ünï"]
    assert model.calls == 1
    assert model.closed


def test_the_seed_counts_only_where_replies_are_drawn(tmp_path: Path, request_of: Request) -> None:
    other = replace(request_of, seed=2)
    assert len(set(ask(Counting(), tmp_path / "greedy", request_of, other))) == 1
    drawing = Counting()
    drawing.draws = True
    assert len(set(ask(drawing, tmp_path / "drawn", request_of, other))) == 2


def test_whatever_decides_a_reply_tells_requests_apart(tmp_path: Path, request_of: Request) -> None:
    (asked,) = request_of.messages
    assert asked.picture is not None
    Image.new("RGB", (8, 8), "blue").save(tmp_path / "b.png")
    Image.new("RGB", (8, 8), "red").save(tmp_path / "same.png")
    others = [
        (replace(asked, text="What is this?"),),
        (replace(asked, picture=None),),
        (replace(asked, picture=Picture(tmp_path / "b.png")),),
        (replace(asked, picture=Picture(asked.picture.path, Crop(0, 0, 4, 4))),),
        (replace(asked, picture=Picture(asked.picture.path, Crop(0, 0, 4, 5))),),
        (asked, Message("assistant", "More."), asked),
        (asked, Message("assistant", "Move."), asked),
        (Message("system", "Be brief."), asked),
        (replace(asked, role="system"),),
    ]
    requests = [request_of, *(Request(messages, None, 1) for messages in others)]
    assert len(set(ask(Counting(), tmp_path / "c", *requests))) == len(requests)
    moved = Request((replace(asked, picture=Picture(tmp_path / "same.png")),), None, 1)
    assert ask(Counting(), tmp_path / "c", moved) == ["reply 1 ünï"]
    fresh = Counting(revision="b")
    ask(fresh, tmp_path / "c", request_of)
    assert fresh.calls == 1


def test_a_changed_file_is_another_picture(tmp_path: Path, request_of: Request) -> None:
    first = ask(model := Counting(), tmp_path / "c", request_of)
    Image.new("RGB", (8, 8), "green").save(tmp_path / "a.png")
    assert ask(model, tmp_path / "c", request_of) != first


def test_failures_are_not_kept(tmp_path: Path, request_of: Request) -> None:
    model = Counting()
    model.fail = ReplyError("the server is down")
    with pytest.raises(ReplyError, match="down"):
        ask(model, tmp_path / "c", request_of)
    model.fail = None
    assert ask(model, tmp_path / "c", request_of) == ["reply 2 ünï"]


def test_a_missing_picture_is_left_to_the_model(tmp_path: Path) -> None:
    model = Counting()
    model.fail = PictureError("no such file")
    with pytest.raises(PictureError):
        ask(model, tmp_path / "c", Request((Message("user", "?", Picture(tmp_path / "none.png")),), None, 0))


@pytest.mark.parametrize("cut", [False, True])
def test_what_is_known_of_a_reply_is_kept(tmp_path: Path, request_of: Request, cut: bool) -> None:
    class Cut(Counting):
        async def reply(self, request: Request) -> str:
            return Reply(await super().reply(request), "another model", cut=cut, tokens=7)

    for _ in range(2):
        [reply] = ask(Cut(), tmp_path / "c", request_of)
        assert isinstance(reply, Reply)
        assert (reply, reply.answered_by, reply.cut, reply.tokens) == ("reply 1 ünï", "another model", cut, 7)


@pytest.mark.parametrize(
    "column", ["reply = 'A'", "reply = NULL", "reply = x'ff'", "cut = 1", "digest = ''", "key = 'another'"]
)
def test_a_damaged_entry_is_answered_anew(tmp_path: Path, request_of: Request, column: str) -> None:
    ask(model := Counting(), tmp_path / "c", request_of)
    with sqlite3.connect(tmp_path / "c" / FILE) as file:
        assert file.execute(f"UPDATE kept SET {column}").rowcount == 1
    file.close()
    assert ask(model, tmp_path / "c", request_of, request_of) == ["reply 2 ünï"] * 2


def test_a_damaged_file_is_named_and_never_answers_wrongly(tmp_path: Path) -> None:
    requests = [Request((Message("user", f"question {n}" * 50),), None, 0) for n in range(200)]
    model = Counting()
    replies = ask(model, tmp_path / "c", *requests)
    path = tmp_path / "c" / FILE
    data = bytearray(path.read_bytes())
    data[len(data) // 3 : len(data) // 3 + 5000] = b"\xaa" * 5000
    path.write_bytes(data)
    for request, reply in zip(requests, replies, strict=True):
        try:
            (again,) = ask(model, tmp_path / "c", request)
        except ProactiveBenchError as error:
            assert str(path) in str(error)
        else:
            assert again in (reply, f"reply {model.calls} ünï")


def test_what_is_no_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"not a database, " * 100)
    with pytest.raises(UsageError, match="cannot be used as a cache"):
        CachedModel(Counting(), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be used as a cache"):
        CachedModel(Counting(), tmp_path / "file")


def test_batching_and_identity_are_the_models(tmp_path: Path) -> None:
    cached = CachedModel(model := Counting(), tmp_path / "c")
    cached.expect(5)
    assert (model.expected, cached.concurrency) == ([5], 10)
    assert cached.identity() == model.identity()
    asyncio.run(cached.close())


def _write(folder: Path, first: int, results: Any) -> None:
    requests = [Request((Message("user", f"question {n}"),), None, 0) for n in range(first, first + 100)]
    results.put(len(ask(Counting(), folder, *requests)))


def test_processes_share_a_folder(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    processes = [context.Process(target=_write, args=(tmp_path / "c", 50 * n, results), daemon=True) for n in range(3)]
    for process in processes:
        process.start()
    assert [results.get(timeout=PATIENCE) for _ in processes] == [100] * 3
    for process in processes:
        process.join()
        assert process.exitcode == 0
    model = Counting()
    ask(model, tmp_path / "c", *[Request((Message("user", f"question {n}"),), None, 0) for n in range(200)])
    assert model.calls == 0


def test_the_option_wraps_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    model = load_model("openai:m", ModelOptions(cache=tmp_path / "c"))
    assert isinstance(model, CachedModel)
    asyncio.run(model.close())
    assert b"sk-secret" not in (tmp_path / "c" / FILE).read_bytes()
