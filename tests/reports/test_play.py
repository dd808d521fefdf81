"""A person as the model: what the page is told, what it may send, and what becomes of it."""

from __future__ import annotations

import json
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from threading import Thread
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from playwright.sync_api import expect

from cli import main
from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.run_log import read_episodes
from proactivebench.evaluation.settings import Settings
from proactivebench.evaluation.verify import verify_run
from proactivebench.reports.play import play_in_browser
from proactivebench.reports.runs import load_runs
from proactivebench.scenarios import QD, Sample, make_environment
from tests.support.browser import open_browser, open_page
from tests.support.processes import PATIENCE
from tests.support.small_benchmark import build_small


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def samples(data: Path) -> list[Sample]:
    return list(Benchmark.open(data).samples(QD))


@contextmanager
def game(data: Path, out: Path) -> Iterator[tuple[str, Queue[Any]]]:
    """A game in a thread of its own: its address, and where its scores arrive."""
    addresses: Queue[str] = Queue()
    scores: Queue[Any] = Queue()

    def run() -> None:
        benchmark = Benchmark.open(data)
        scores.put(play_in_browser(benchmark, [QD], "Ada", Settings(), out, on_ready=addresses.put))

    Thread(target=run, daemon=True).start()
    yield addresses.get(timeout=PATIENCE), scores


class Player:
    """Plays without a browser."""

    def __init__(self, url: str):
        self.url = url
        self.client = httpx.Client(base_url=url, headers={"Origin": url.split("/", 3)[0] + "//" + url.split("/")[2]})

    def turn(self) -> dict[str, Any]:
        while True:
            turn = dict(self.client.get("turn").json())
            if "number" in turn or turn["finished"]:
                return turn

    def answer(self, number: object, reply: object, **headers: str) -> int:
        return self.client.post("answer", json={"number": number, "reply": reply}, headers=headers).status_code


def play_to_the_end(player: Player) -> None:
    while not (turn := player.turn())["finished"]:
        assert player.answer(turn["number"], turn["options"][-1]) == 200


def test_a_person_plays_in_the_browser(data: Path, samples: list[Sample], tmp_path: Path) -> None:
    with game(data, tmp_path / "run") as (address, scores), open_browser() as browser, open_page(browser) as page:
        page.goto(address)
        right = 0
        for sample in samples:
            expect(page.locator(".question")).to_contain_text(sample.prompt)
            expect(page.locator("img.view")).to_have_js_property("complete", True)
            assert page.locator("img.view").evaluate("image => image.naturalWidth") > 0
            options = page.locator(".choices button")
            text = sample.categories[0]
            letter = chr(ord("A") + make_environment(sample).options.index(text))
            page.keyboard.press(letter.lower())
            expect(options.nth(ord(letter) - ord("A"))).to_have_attribute("aria-pressed", "true")
            expect(options.nth(ord(letter) - ord("A"))).to_contain_text(text)
            before = page.locator("img.view").get_attribute("src")
            page.keyboard.press("Enter")
            expect(page.locator(f"img.view[src='{before}']")).to_have_count(0)
            right += sample.answer == text
        expect(page.locator("#question")).to_contain_text(f"{right} of {len(samples)} right")
        expect(page.locator(".standing .ours")).to_contain_text("you")
        metrics = scores.get(timeout=PATIENCE)
    assert metrics["average"]["acc"] == pytest.approx(right / len(samples))
    assert metrics["average"]["psr"] == 0
    [run] = load_runs([tmp_path / "run"])
    assert run.name == "human:Ada"
    assert [episode.turns[0].reply for episode in run.episodes] == [sample.categories[0] for sample in samples]
    assert all((episode.turns[0].seconds or -1) >= 0 for episode in run.episodes), "how long each answer took is kept"
    assert verify_run(tmp_path / "run", Benchmark.open(data)) == []


def test_asking_brings_the_next_frame(data: Path, samples: list[Sample], tmp_path: Path) -> None:
    with game(data, tmp_path / "run") as (address, _):
        player = Player(address)
        turn = player.turn()
        first = player.client.get(turn["messages"][-1]["picture"]).content
        assert player.answer(turn["number"], make_environment(samples[0]).accepted[0]) == 200
        turn = player.turn()
        assert turn["done"] == 0
        assert player.client.get(turn["messages"][-1]["picture"]).content != first
        play_to_the_end(player)
    assert len(next(read_episodes(tmp_path / "run")).turns) == 2


def test_the_page_is_told_nothing_that_a_model_is_not(data: Path, samples: list[Sample], tmp_path: Path) -> None:
    with game(data, tmp_path / "run") as (address, _):
        player = Player(address)
        turn = player.turn()
        [message] = turn.pop("messages")
        assert set(turn) == {"done", "total", "finished", "number", "options"}
        assert set(message) == {"role", "text", "picture"}
        assert samples[0].answer.removesuffix(".").lower() not in json.dumps(message).lower()
        play_to_the_end(player)


def test_the_end_shows_the_runs_beside_it_on_the_same_samples(small_runs: Path, tmp_path: Path) -> None:
    place = Path(shutil.copytree(small_runs, tmp_path / "place"))
    shutil.copytree(place / "ask", place / "broken")
    (place / "broken" / "run.json").write_text("{")
    with game(place / "data", place / "ada") as (address, scores):
        player = Player(address)
        play_to_the_end(player)
        standing = player.turn()["standing"]
        scores.get(timeout=PATIENCE)
    rows = {row["name"]: row for row in standing["rows"]}
    assert set(rows) == {"ada", "scripted:ask", "scripted:guess"}
    assert rows["ada"]["you"]
    runs = {run.name: run for run in load_runs([place / name for name in ("ada", "ask", "guess")])}
    assert rows["ada"]["acc"] == runs["human:Ada"].metrics["average"]["acc"] == standing["right"] / standing["episodes"]
    assert rows["scripted:ask"]["psr"] == pytest.approx(runs["scripted:ask"].metrics["average"]["psr"])
    assert len(standing["missed"]) == standing["episodes"] - standing["right"]


def test_a_game_in_the_folder_of_another_run_does_not_begin(data: Path, small_runs: Path) -> None:
    begun: list[str] = []
    with pytest.raises(UsageError, match="begun with other settings"):
        play_in_browser(Benchmark.open(data), [QD], "Ada", Settings(), small_runs / "ask", on_ready=begun.append)
    assert not begun


@pytest.mark.parametrize("name", ["", "  "])
def test_a_player_without_a_name_is_refused(data: Path, tmp_path: Path, name: str) -> None:
    result = CliRunner().invoke(main, ["play", str(data), "--name", name, "--out", str(tmp_path / "run")])
    assert (result.exit_code, "who plays?" in result.stderr) == (2, True)
    assert not (tmp_path / "run").exists()


def test_an_interrupted_game_goes_on(data: Path, tmp_path: Path) -> None:
    with game(data, tmp_path / "run") as (address, _):
        play_to_the_end(Player(address))
    path = tmp_path / "run" / "episodes.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:4]))
    with game(data, tmp_path / "run") as (address, scores):
        player = Player(address)
        assert player.turn()["done"] == 4
        play_to_the_end(player)
        assert scores.get(timeout=PATIENCE)["scenarios"]["QD"]["n"] == len(lines)


@pytest.fixture(scope="module")
def player(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Player]:
    with game(data, tmp_path_factory.mktemp("runs") / "run") as (address, scores):
        yield Player(address)
        play_to_the_end(Player(address))
        scores.get(timeout=PATIENCE)


class TestStrangers:
    def test_answers_must_come_from_our_own_page(self, player: Player) -> None:
        turn = player.turn()
        assert player.answer(turn["number"], turn["options"][0], Origin="http://evil.example") == 404
        assert player.answer(turn["number"], turn["options"][0], Origin="null") == 404
        assert player.turn()["number"] == turn["number"]

    def test_other_hosts_find_nothing(self, player: Player) -> None:
        assert player.client.get("turn", headers={"Host": "evil.example"}).status_code == 404

    @pytest.mark.parametrize("path", ["", "turn", "wrong-token/turn", "..%2f", "%2e%2e/%2e%2e/etc/passwd"])
    def test_without_the_token_there_is_nothing(self, player: Player, path: str) -> None:
        root = player.url.rsplit("/", 2)[0]
        assert httpx.get(f"{root}/{path}").status_code == 404

    @pytest.mark.parametrize("path", ["picture/1-9", "picture/1-x", "picture/99-0", "picture/-1--1", "elsewhere"])
    def test_what_is_not_shown_cannot_be_fetched(self, player: Player, path: str) -> None:
        player.turn()
        assert player.client.get(path).status_code == 404

    @pytest.mark.parametrize("reply", ["", "not an option", 3, None, ["Cat."], {"a": 1}])
    def test_only_shown_options_are_taken(self, player: Player, reply: object) -> None:
        turn = player.turn()
        assert player.answer(turn["number"], reply) == 409
        assert player.turn()["number"] == turn["number"]

    def test_late_answers_are_not_taken(self, player: Player) -> None:
        turn = player.turn()
        assert player.answer(turn["number"] - 1, turn["options"][0]) == 409
        assert player.answer("one", turn["options"][0]) == 409

    def test_broken_and_oversized_bodies_are_refused(self, player: Player) -> None:
        assert player.client.post("answer", content=b"{").status_code == 409
        assert player.client.post("answer", content=b"[]").status_code == 409
        assert player.client.post("answer", content=b"x" * 70_000).status_code == 413
        assert player.client.post("elsewhere", content=b"{}").status_code == 404

    @pytest.mark.parametrize("length", ["9" * 5000, "-1", "+1", "1_0", "1.5", "\u00b2", ""])
    def test_a_length_that_is_none_is_refused(self, player: Player, length: str) -> None:
        host = player.url.split("/")[2]
        head = (
            f"POST {player.url.removeprefix(f'http://{host}')}answer HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}"
        )
        with socket.create_connection(("127.0.0.1", int(host.split(":")[1])), PATIENCE) as line:
            line.sendall(f"{head}\r\nContent-Length: {length}\r\n\r\n".encode("latin-1"))
            assert line.recv(100).startswith(b"HTTP/1.1 413")

    def test_a_body_of_absurd_depth_is_refused(self, player: Player) -> None:
        assert player.client.post("answer", content=b"[" * 60_000).status_code == 409
        deep = b'{"number": 0, "reply": ' + b"[" * 900 + b"]" * 900 + b"}"
        assert player.client.post("answer", content=deep).status_code == 409
