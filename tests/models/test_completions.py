"""What a server's response is: an answer, a refusal, an error of the episode, or of the whole run (real HTTP)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from tests.support.small_benchmark import build_small
from tests.support.stub_server import Answer, StubServer, completion

ABORTED = [
    (completion("A", "abort"), "ended the reply with 'abort'"),
    (completion("", "abort"), "ended the reply with 'abort'"),
    (completion("A", "error"), "ended the reply with 'error'"),
    (completion("", "error"), "ended the reply with 'error'"),
    (completion("A", "cancelled"), "ended the reply with 'cancelled'"),
    (completion("A", choice={"error": {"code": 502, "message": "provider gone"}}), "provider gone"),
    (completion("A", beside={"error": {"message": "out of memory"}}), "out of memory"),
    (completion("A", "abort", message={"refusal": "I cannot."}), "ended the reply with 'abort'"),
    (completion(None, "tool_calls", message={"tool_calls": [{"id": "1"}]}), "content is missing"),
    (completion("", "tool_calls", message={"tool_calls": [{"id": "1"}]}), "content is missing"),
    (completion(None), "content is missing"),
]
"""Responses with status 200 that hold no answer, and what the error says; the texts would be right or wrong answers."""

ANSWERS = [
    (completion("C"), "C"),
    (completion("C", None), "C"),
    (completion("C", "length"), "C"),
    (completion("C", "eos_token"), "C"),
    (completion("C", "tool_calls"), "C"),
    (completion("C", message={"refusal": None, "reasoning_content": "A or C?"}, choice={"error": None}), "C"),
    (completion(""), ""),
    (completion(None, "length"), ""),
    (completion(None, "length", message={"reasoning_content": "A. Cat."}), ""),
    (completion(None, message={"reasoning": "A. Cat."}), ""),
    (completion("C", beside={"usage": {"completion_tokens": 12}}), "C"),
    (completion("C", beside={"usage": {"completion_tokens": "many"}}), "C"),
]
REFUSALS = [
    (completion(None, message={"refusal": "I cannot help."}), "I cannot help."),
    (completion("C", message={"refusal": "I cannot help."}), "I cannot help."),
    (completion("C", "content_filter"), ""),
    (completion(None, "content_filter"), ""),
    (completion("", "content_filter", message={"refusal": "No."}), "No."),
]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of six drawings."""
    return build_small(tmp_path_factory.mktemp("data"))


class Played:
    """What a run of six drawings against a server came to; it is played once more to see what is asked again."""

    def __init__(self, server: StubServer, data: Path, out: Path, *options: str):
        command = ["evaluate", "--model", "openai:m", "--base-url", server.url, "--data", str(data), "--out", str(out)]
        done = CliRunner().invoke(main, [*command, "--retries", "2", "--max-errors", "1", *options])
        self.code, self.output = done.exit_code, done.output
        self.asked = len(server.requests)
        lines = (out / "episodes.jsonl").read_bytes().splitlines()
        self.episodes: list[dict[str, Any]] = [json.loads(line) for line in lines]

    @property
    def replies(self) -> list[str]:
        return [turn["reply"] for episode in self.episodes for turn in episode["turns"]]


@pytest.mark.parametrize(("body", "words"), ABORTED)
def test_what_has_no_good_end_is_an_error_and_asked_again(
    server: StubServer, data: Path, tmp_path: Path, body: bytes, words: str
) -> None:
    server.reply = lambda request: "no idea"
    server.answers = [Answer(body)]
    cache = ("--cache", str(tmp_path / "cache"))
    played = Played(server, data, tmp_path / "run", *cache)
    assert played.code == 0, played.output
    (failed,) = (episode for episode in played.episodes if "error" in episode)
    assert failed["error"]["kind"] == "server"
    assert words in failed["error"]["message"]
    assert not failed["turns"]
    again = Played(server, data, tmp_path / "run", *cache)
    assert again.replies == ["no idea"] * 6
    assert again.asked == played.asked + 1, "only what had failed, which no cache kept"


@pytest.mark.parametrize(("body", "text"), ANSWERS)
def test_what_has_a_good_end_is_an_answer(
    server: StubServer, data: Path, tmp_path: Path, body: bytes, text: str
) -> None:
    server.answers = [Answer(body)] * 100
    played = Played(server, data, tmp_path / "run")
    assert played.code == 0, played.output
    assert set(played.replies) == {text}
    assert not any("error" in episode for episode in played.episodes)
    cut = json.loads(body)["choices"][0]["finish_reason"] == "length"
    assert {turn.get("cut", False) for episode in played.episodes for turn in episode["turns"]} == {cut}
    assert ("cut at the limit of tokens" in played.output) is cut
    counted = {turn.get("tokens") for episode in played.episodes for turn in episode["turns"]}
    assert counted == ({12} if b": 12}" in body else {None}), "what the server says it took"


@pytest.mark.parametrize(("body", "text"), REFUSALS)
def test_a_refusal_is_a_wrong_answer_and_counted(
    server: StubServer, data: Path, tmp_path: Path, body: bytes, text: str
) -> None:
    server.answers = [Answer(body)] * 100
    cache = ("--cache", str(tmp_path / "cache"))
    played = Played(server, data, tmp_path / "run", *cache)
    assert played.code == 0, played.output
    assert set(played.replies) == {text}
    assert not any(episode["correct"] for episode in played.episodes)
    scores = json.loads((tmp_path / "run" / "metrics.json").read_bytes())["scenarios"]["QD"]
    counts = {name: scores[name] for name in ("n", "errors", "refused", "unreadable", "acc")}
    assert counts == {"n": 6, "errors": 0, "refused": 6, "unreadable": 6, "acc": 0}
    again = Played(server, data, tmp_path / "run", *cache)
    assert again.asked == played.asked, "a refusal is an answer and not asked again"
    other = Played(server, data, tmp_path / "other", *cache)
    assert other.asked == 2 * played.asked, "no cache takes it for an ordinary reply"
    free = Played(server, data, tmp_path / "free", "--mode", "oeg")
    assert free.replies == [text] * 6
    assert json.loads((tmp_path / "free" / "metrics.json").read_bytes())["scenarios"]["QD"]["refused"] == 6


def test_thinking_is_no_answer(server: StubServer, data: Path, tmp_path: Path) -> None:
    server.reply = lambda request: "<think>Perhaps A. Or B.</think>\n\nC"
    turns = [turn for episode in Played(server, data, tmp_path / "thinks").episodes for turn in episode["turns"]]
    assert {(turn["reply"], turn["by"]) for turn in turns} == {("<think>Perhaps A. Or B.</think>\n\nC", "letter")}

    def cut_short(request: dict[str, Any]) -> str:
        last_option = request["messages"][-1]["content"][-1]["text"].split("\n")[-2]
        return f"<think>Perhaps {last_option}"

    server.reply = cut_short
    turns = [turn for episode in Played(server, data, tmp_path / "cut").episodes for turn in episode["turns"]]
    assert {turn["kind"] for turn in turns} == {"unreadable"}


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (400, "Unsupported parameter: 'max_tokens'"),
        (403, "Project does not have access to model"),
        (413, "Request entity too large"),
        (422, "extra fields not permitted"),
    ],
)
def test_a_server_that_refuses_all_from_the_first_on_ends_the_run(
    server: StubServer, data: Path, tmp_path: Path, status: int, words: str
) -> None:
    server.answers = [Answer(json.dumps({"error": {"message": words}}).encode(), status)] * 100
    played = Played(server, data, tmp_path / "run", "--concurrency", "1")
    assert played.code == 2
    assert f"answered {status}" in played.output
    assert words in played.output
    assert "refused the first 3 requests" in played.output
    assert played.asked == 3


def test_single_refused_requests_are_errors_of_their_episodes(server: StubServer, data: Path, tmp_path: Path) -> None:
    server.answers = [Answer(b"too large", 413)] * 2 + [Answer(completion("no idea"))] + [Answer(b"too large", 413)] * 2
    played = Played(server, data, tmp_path / "run", "--concurrency", "1")
    assert played.code == 0, played.output
    assert sum("error" in episode for episode in played.episodes) == 4


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (
            429,
            {
                "message": "You exceeded your current quota, please check your plan and billing details.",
                "type": "insufficient_quota",
                "param": None,
                "code": "insufficient_quota",
            },
        ),
        (400, {"message": "Billing hard limit has been reached", "code": "billing_hard_limit_reached"}),
        (402, {"message": "Insufficient credits. Add more using https://openrouter.ai/credits", "code": 402}),
    ],
)
def test_an_account_without_money_is_asked_once(
    server: StubServer, data: Path, tmp_path: Path, status: int, error: dict[str, object]
) -> None:
    body = json.dumps({"error": error}).encode()
    server.answers = [Answer(completion("no idea")), *[Answer(body, status)] * 100]
    played = Played(server, data, tmp_path / "run", "--concurrency", "1")
    assert played.code == 2
    assert str(error["message"]) in played.output
    assert "when the account has money again" in played.output
    assert played.asked == 2
    assert len(played.episodes) == 1
    server.answers = [Answer(b"rate limit", 429)] * 2
    again = Played(server, data, tmp_path / "run", "--concurrency", "1")
    assert again.code == 0, again.output
    assert again.asked == played.asked + 2 + 5


def test_another_model_than_the_one_that_was_asked_is_named(server: StubServer, data: Path, tmp_path: Path) -> None:
    fallback = Answer(completion("no idea", beside={"model": "small\x1b[31m"}))
    server.answers = [fallback, Answer(completion("no idea", beside={"model": None})), fallback]
    server.reply = lambda request: "no idea"
    cache = ("--cache", str(tmp_path / "cache"))
    for name in ("run", "cached"):
        played = Played(server, data, tmp_path / name, *cache)
        assert "the server says who answered: small?[31m (2 replies)." in played.output
        named = [turn.get("answered_by") for episode in played.episodes for turn in episode["turns"]]
        assert sorted(named, key=str) == [None, None, None, None, "small?[31m", "small?[31m"]
        assert json.loads((tmp_path / name / "metrics.json").read_bytes())["answered_by"] == {"small?[31m": 2}
    assert played.asked == 6


def test_seeds_fit_into_32_bits(server: StubServer, data: Path, tmp_path: Path) -> None:
    Played(server, data, tmp_path / "run", "--mode", "oeg")
    seeds = [request["seed"] for request in server.requests]
    assert len(set(seeds)) == len(seeds) == 6
    assert all(0 <= seed < 2**31 for seed in seeds)
