"""Several servers of one model: where requests go, what a server that fails costs, and that no score shows it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.errors import UsageError
from proactivebench.models import servers as module
from proactivebench.models.base import ReplyError, Request
from proactivebench.models.openai_model import OpenAIModel
from proactivebench.models.servers import Servers, read_addresses
from tests.support.openai_requests import ask
from tests.support.processes import PATIENCE
from tests.support.stub_server import Answer, StubServer, serve_completions

pytestmark = pytest.mark.usefixtures("openai_environment")

NOBODY = "http://127.0.0.1:9/v1"
"""An address where no server listens."""


@pytest.fixture
def second() -> Iterator[StubServer]:
    with serve_completions() as running:
        yield running


def model(*addresses: str, concurrency: int = 2, retries: int = 3) -> OpenAIModel:
    return OpenAIModel("m", base_url=addresses, concurrency=concurrency, retries=retries, timeout=PATIENCE)


def test_work_is_shared_and_each_server_keeps_its_room(
    server: StubServer, second: StubServer, request_of: Request
) -> None:
    both = model(server.url, second.url)
    assert both.concurrency == 4
    assert ask(both, [request_of] * 20) == ["a reply"] * 20
    assert min(len(server.requests), len(second.requests)) > 2
    assert all(headers["host"] == second.url[7:-3] for headers in second.headers)


def test_a_request_goes_where_there_is_most_room() -> None:
    async def run() -> list[str]:
        servers = Servers(["a", "b", "c"], 2)
        taken = []
        for _ in range(6):
            waiting = servers.one()
            taken.append((await waiting.__aenter__()).address)
            open_.append(waiting)
        return taken

    open_: list[object] = []
    assert asyncio.run(run()) == ["a", "b", "c", "a", "b", "c"]


def test_the_work_of_a_dead_server_goes_to_the_others(server: StubServer, request_of: Request) -> None:
    assert ask(model(NOBODY, server.url), [request_of] * 12) == ["a reply"] * 12
    assert len(server.requests) == 12


@pytest.mark.parametrize("failure", [Answer(status=503), Answer(status=429, headers={"Retry-After": "60"})])
def test_a_busy_server_is_not_waited_for_while_another_has_room(
    server: StubServer, second: StubServer, request_of: Request, failure: Answer
) -> None:
    server.answers = [failure] * 2
    assert ask(model(server.url, second.url), [request_of] * 6) == ["a reply"] * 6


def test_a_server_that_is_back_is_asked_again(
    server: StubServer, second: StubServer, request_of: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHORTEST_REST", 0.0)
    server.answers = [Answer(b"starting", 503)]
    assert ask(model(server.url, second.url, concurrency=1), [request_of] * 10) == ["a reply"] * 10
    assert len(server.requests) > 2


def test_rests_grow_and_a_server_on_trial_gets_one_request(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = 0.0
    monkeypatch.setattr("time.monotonic", lambda: clock)
    servers = Servers(["a", "b"], 64)
    first = servers.all[0]
    for expected in (1, 2, 4, 8, 16, 32, 60, 60):
        assert servers.judge(first, None) is True
        assert servers.judge(first, 500) is True  # fails with the one before
        assert first.rests_until - clock == expected
        clock = first.rests_until
    first.under_way = 1
    assert [servers._roomiest() for _ in range(3)] == [servers.all[1]] * 3
    servers.judge(first, 200)
    first.under_way, servers.all[1].under_way = 1, 2
    assert servers._roomiest() is first


def test_where_all_are_dead_the_last_one_that_was_tried_is_named(request_of: Request) -> None:
    [error] = ask(model(NOBODY, "http://127.0.0.1:10/v1", retries=1), [request_of])
    assert isinstance(error, ReplyError)
    assert str(error).startswith("http://127.0.0.1:")
    assert "gave no answer" in str(error)


def test_a_server_that_is_set_up_wrongly_is_named(server: StubServer, second: StubServer, request_of: Request) -> None:
    second.answers = [Answer(b"no such model", 404)] * 9
    errors = [one for one in ask(model(server.url, second.url), [request_of] * 4) if not isinstance(one, str)]
    assert errors
    assert all(isinstance(one, UsageError) and str(one).startswith(f"{second.url} answered 404") for one in errors)


def test_addresses_come_from_the_command_and_from_files(tmp_path: Path) -> None:
    listed = tmp_path / "servers.txt"
    listed.write_text("# of the night\nhttp://a/v1\n\nhttp://b/v1  # slow\n")
    assert read_addresses([str(listed), "http://c/v1", "http://a/v1"]) == ["http://a/v1", "http://b/v1", "http://c/v1"]
    listed.write_text("# nothing\n")
    with pytest.raises(UsageError, match="is empty: expected the address of a server on each line"):
        read_addresses([str(listed)])


def some_option(body: dict[str, Any]) -> str:
    """A line of the question, which depends on the whole conversation."""
    lines = body["messages"][-1]["content"][1]["text"].splitlines()
    return str(lines[len(json.dumps(body)) % len(lines)])


def test_two_servers_one_of_them_dying_give_the_scores_of_one(
    server: StubServer, second: StubServer, small_runs: Path, tmp_path: Path
) -> None:
    second.answers = [Answer(drop=True, body=b"{")]
    server.reply = second.reply = some_option
    metrics = {}
    for name, addresses in {"one": [server.url], "two": [server.url, second.url, NOBODY]}.items():
        where = [word for address in addresses for word in ("--base-url", address)]
        words = ["evaluate", "--model", "openai:m", "--data", str(small_runs / "data"), "--out", str(tmp_path / name)]
        result = CliRunner().invoke(main, [*words, *where, "--concurrency", "2"], catch_exceptions=False)
        assert result.exit_code == 0, result.output
        metrics[name] = json.loads((tmp_path / name / "metrics.json").read_text())
    assert metrics["one"] == metrics["two"]
    assert second.requests
    described = json.loads((tmp_path / "two" / "run.json").read_text())
    assert described["model"]["server"] == sorted([server.url, second.url, NOBODY])
