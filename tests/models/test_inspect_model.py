"""`inspect:` models, with inspect_ai's own stand-in for a provider (`mockllm`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip(
    "inspect_ai",
    reason="inspect-ai does not install beside the pinned versions: make test-inspect",
)

from inspect_ai.model import ChatMessageAssistant, ModelOutput, ModelUsage, get_model
from inspect_ai.model._model_output import ChatCompletionChoice

from proactivebench.benchmark import Benchmark
from proactivebench.errors import ProactiveBenchError, UsageError
from proactivebench.evaluation import engine
from proactivebench.evaluation.settings import Settings
from proactivebench.models.base import Picture
from proactivebench.models.data_uris import encode_picture
from proactivebench.models.load import ModelOptions, load_model
from proactivebench.scenarios import QD
from tests.support.small_benchmark import build_small
from tests.support.stub_server import serve_completions

NAME = "inspect:mockllm/model"
Given = list[tuple[list[Any], Any]]


def output(text: str, stop_reason: Any = "stop", **more: Any) -> ModelOutput:
    choice = ChatCompletionChoice(message=ChatMessageAssistant(content=text), stop_reason=stop_reason)
    return ModelOutput(**{"model": "model", "choices": [choice], "usage": ModelUsage()} | more)


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], ModelOutput]], Given]:
    """Lets a function answer all requests; what they were is returned."""

    def answers(answer: Callable[[], ModelOutput]) -> Given:
        given: Given = []

        def reply(messages: Any, tools: object, choice: object, config: Any) -> ModelOutput:
            given.append((messages, config))
            return answer()

        mock = partial(get_model, custom_outputs=reply)
        monkeypatch.setattr("proactivebench.models.inspect_model.get_model", mock)
        return given

    return answers


def play(tmp_path: Path, options: ModelOptions = ModelOptions(), **settings: Any) -> list[dict[str, Any]]:  # noqa: B008
    """Plays six drawings, whatever fails, and gives the records."""
    data = build_small(tmp_path / "data")
    model = load_model(NAME, options)
    engine.evaluate(Benchmark.open(data), [QD], model, Settings(**settings), tmp_path / "run", max_errors=1)
    return [json.loads(line) for line in (tmp_path / "run" / "episodes.jsonl").read_bytes().splitlines()]


def test_a_conversation_reaches_the_provider_whole(provider: Any, tmp_path: Path) -> None:
    given = provider(lambda: output("no idea"))
    episodes = play(tmp_path, system_prompt="Be brief.")
    assert {turn["reply"] for episode in episodes for turn in episode["turns"]} == {"no idea"}
    assert len(given) == 6
    (told, asked), config = given[0]
    assert (told.role, told.text, asked.role) == ("system", "Be brief.", "user")
    text = asked.content[1]
    frame = tmp_path / "data" / "test" / episodes[0]["turns"][0]["frame_path"]
    shown = {messages[1].content[0].image for messages, _ in given}
    assert encode_picture(Picture(frame)) in shown
    assert "\nA. " in text.text
    assert (config.max_tokens, config.temperature, config.seed) == (50, 0, None)
    assert (config.max_retries, config.attempt_timeout, config.max_connections) == (8, 120, 64)
    described = json.loads((tmp_path / "run" / "run.json").read_bytes())["model"]
    assert described["model"] == NAME
    assert described["request"] == {"max_tokens": 50, "temperature": 0}
    assert described["versions"].keys() == {"inspect_ai"}


def test_a_model_that_thinks_has_room_for_it(provider: Any, tmp_path: Path) -> None:
    given = provider(lambda: output("no idea"))
    play(tmp_path, ModelOptions(reasoning_effort="low", extra_body={"top_p": 0.5}, timeout=0.5))
    config = given[0][1]
    assert (config.max_tokens, config.temperature, config.reasoning_effort) == (25_050, None, "low")
    assert config.extra_body == {"top_p": 0.5}
    assert len({config.seed for _, config in given}) == 6


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: output("A", "unknown"), "ended the reply with 'unknown'"),
        (lambda: output("A", error="overloaded"), "overloaded"),
        (lambda: output("A", choices=[]), "sent no reply"),
    ],
)
def test_what_is_no_answer_is_an_error(provider: Any, tmp_path: Path, answer: Any, words: str) -> None:
    provider(answer)
    for episode in play(tmp_path):
        assert episode["error"]["kind"] == "server"
        assert words in episode["error"]["message"]


def test_a_refusal_and_another_model_are_recorded(provider: Any, tmp_path: Path) -> None:
    provider(lambda: output("I cannot.", "content_filter", model="fallback"))
    (turn,) = play(tmp_path)[0]["turns"]
    assert (turn["reply"], turn["refused"], turn["answered_by"]) == ("I cannot.", True, "fallback")


def test_failures_from_the_first_on_end_the_run(provider: Any, tmp_path: Path) -> None:
    def fail() -> ModelOutput:
        raise ValueError("no such model")

    given = provider(fail)
    with pytest.raises(ProactiveBenchError, match=r"no such model Is the provider set up"):
        play(tmp_path, ModelOptions(concurrency=1))
    assert len(given) == 3


@pytest.mark.parametrize("name", ["nobody/model", "model", "anthropic/claude"])
def test_a_provider_that_cannot_be_used(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    with pytest.raises(UsageError, match=f"inspect:{name} cannot be used: ") as caught:
        load_model(f"inspect:{name}", ModelOptions())
    assert "[bold]" not in str(caught.value)


def test_it_is_closed(provider: Any) -> None:
    provider(lambda: output("A"))
    asyncio.run(load_model(NAME, ModelOptions()).close())


def test_a_request_over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUB_API_KEY", "secret")
    data = build_small(tmp_path / "data")
    with serve_completions() as server:
        server.reply = lambda body: "no idea"
        model = load_model("inspect:openai-api/stub/m", ModelOptions(base_url=server.url))
        engine.evaluate(Benchmark.open(data), [QD], model, Settings(), tmp_path / "run")
    assert len(server.requests) == 6
    body = server.requests[0]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 50, 0)
    picture, text = body["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/png;base64,")
    assert "\nA. " in text["text"]
    assert b"secret" not in (tmp_path / "run" / "run.json").read_bytes()
    assert "answered_by" not in (tmp_path / "run" / "episodes.jsonl").read_text()
