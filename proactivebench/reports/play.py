"""A person as the model: the browser shows what a model would see, and what is chosen there is the reply.

Everything else is as for any model: the engine plays, the environment reads, the run log keeps, also how long each
answer took. The page learns nothing that a model would not be told: pictures have numbers instead of names, and nobody
says whether an answer was right before all have been given. Then it shows how they compare with those of models.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from threading import Event, Lock
from time import monotonic
from typing import Any

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation import engine
from proactivebench.evaluation.records import Episode
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.watcher import Watcher
from proactivebench.images import load_picture
from proactivebench.models.base import Message, Model, Reply, Request
from proactivebench.prompts import shown
from proactivebench.reports.page import render
from proactivebench.reports.server import NOT_FOUND, Response, Server, Site
from proactivebench.reports.standing import find_standing
from proactivebench.scenarios import Scenario
from proactivebench.work.files import parse_json

FAREWELL = 3.0
"""Seconds that the server stays to tell the page that everything has been answered."""


@dataclass(frozen=True)
class _Question:
    """A request that waits for the person, and where the reply goes."""

    messages: tuple[Message, ...]
    pictures: tuple[bytes, ...]
    loop: asyncio.AbstractEventLoop
    reply: asyncio.Future[str]

    @property
    def options(self) -> tuple[str, ...]:
        return shown(self.messages[-1].text).options


class _Desk:
    """Where the model lays down a question and the page picks it up; used from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._question: _Question | None = None
        self._shown: float | None = None
        self.standing: dict[str, Any] = {}
        self.number = self.total = self.done = 0
        self.finished = False
        self.farewell = Event()

    def lay_down(self, question: _Question | None) -> None:
        with self._lock:
            self._question, self._shown = question, None
            self.number += question is not None

    def question(self, number: int | None = None) -> _Question | None:
        """The question that waits, if there is one (and it has that number)."""
        with self._lock:
            return self._question if number in (None, self.number) else None

    def show(self) -> _Question | None:
        """The question that waits; from now on it is known how long an answer takes."""
        with self._lock:
            if self._question is not None and self._shown is None:
                self._shown = monotonic()
            return self._question

    def answer(self, number: int, reply: str) -> bool:
        """Takes a reply; False where that question does not wait any more or has no such option."""
        with self._lock:
            question = self._question
            if question is None or number != self.number or reply not in question.options:
                return False
            self._question = None
            seconds = None if self._shown is None else round(monotonic() - self._shown, 2)
        question.loop.call_soon_threadsafe(_settle, question.reply, Reply(reply, seconds=seconds))
        return True


def _settle(future: asyncio.Future[str], reply: str) -> None:
    if not future.done():
        future.set_result(reply)


class HumanModel(Model):
    """A person who answers in the browser, one question at a time."""

    concurrency = 1

    def __init__(self, name: str, desk: _Desk):
        self._name = name
        self._desk = desk

    async def reply(self, request: Request) -> str:
        pictures = await asyncio.to_thread(_encoded, request.messages)
        loop = asyncio.get_running_loop()
        question = _Question(request.messages, pictures, loop, loop.create_future())
        self._desk.lay_down(question)
        try:
            return await question.reply
        finally:
            self._desk.lay_down(None)

    def identity(self) -> Mapping[str, object]:
        return {"model": f"human:{self._name}"}


def _encoded(messages: Sequence[Message]) -> tuple[bytes, ...]:
    """The pictures of a conversation without loss, empty where a message has none."""
    files = []
    for message in messages:
        file = io.BytesIO()
        if message.picture is not None:
            load_picture(message.picture).save(file, "PNG", compress_level=1)
        files.append(file.getvalue())
    return tuple(files)


class PlaySite(Site):
    """`turn` says what to show, `picture/<question>-<message>` shows it, and `answer` takes the reply."""

    def __init__(self, desk: _Desk, title: str):
        self._desk = desk
        self._page = render("play.html", ["play.js"], title=title).encode()

    def get(self, path: str) -> Response:
        if path == "":
            return Response(self._page, "text/html; charset=utf-8")
        if path == "turn":
            return Response(json.dumps(self._turn()).encode(), "application/json")
        if path.startswith("picture/"):
            return self._picture(path.removeprefix("picture/"))
        return NOT_FOUND

    def post(self, path: str, body: bytes) -> Response:
        if path != "answer":
            return NOT_FOUND
        try:
            given = parse_json(body)
            taken = self._desk.answer(given["number"], given["reply"])
        except (ValueError, KeyError, TypeError):
            taken = False
        status = HTTPStatus.OK if taken else HTTPStatus.CONFLICT
        return Response(b"{}", "application/json", status)

    def _turn(self) -> dict[str, Any]:
        desk, question = self._desk, self._desk.show()
        turn: dict[str, Any] = {"done": desk.done, "total": desk.total, "finished": desk.finished}
        if desk.finished:
            turn["standing"] = desk.standing
            desk.farewell.set()
        elif question is not None:
            turn["number"] = desk.number
            turn["messages"] = [
                {
                    "role": message.role,
                    "text": shown(message.text).question,
                    "picture": f"picture/{desk.number}-{place}" if message.picture else None,
                }
                for place, message in enumerate(question.messages)
            ]
            turn["options"] = question.options
        return turn

    def _picture(self, name: str) -> Response:
        number, _, place = name.partition("-")
        question = self._desk.question(int(number)) if number.isdecimal() else None
        if question is None or not place.isdecimal() or int(place) >= len(question.pictures):
            return NOT_FOUND
        return Response(question.pictures[int(place)], "image/png")


def play_in_browser(
    benchmark: Benchmark,
    scenarios: Sequence[Scenario],
    name: str,
    settings: Settings,
    folder: Path,
    *,
    port: int = 0,
    on_ready: Callable[[str], None] = lambda url: None,
) -> dict[str, Any]:
    """Lets a person play a run to its end, or continue it.

    Args:
        benchmark: Where the samples are.
        scenarios: Which of them to play.
        name: Who plays.
        settings: How to play.
        folder: The run's folder.
        port: Port on the loopback address; 0 takes a free one.
        on_ready: Told the address to open, once the folder is known to be free for this run.

    Returns:
        The scores, as `evaluate` gives them.

    Raises:
        UsageError: The folder holds another run, or the port is taken.
    """
    desk = _Desk()

    class Progress(Watcher[Episode]):
        def begin(self, total: int, done: int) -> None:
            desk.total, desk.done = total, done
            on_ready(server.url)

        def count(self, finished: Episode) -> None:
            desk.done += 1

    title = scenarios[0].title.capitalize() if len(scenarios) == 1 else f"{len(scenarios)} scenarios"
    with Server(PlaySite(desk, f"{title}, played by {name}"), port) as server:
        model = HumanModel(name, desk)
        metrics = engine.evaluate(benchmark, scenarios, model, settings, folder, watcher=Progress())
        desk.standing = find_standing(folder)
        desk.finished = True
        if desk.number:
            desk.farewell.wait(FAREWELL)
    return metrics
