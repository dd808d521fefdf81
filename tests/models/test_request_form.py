"""What an `openai:` request says besides the conversation, and what happens where a server wants another form."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from cli import main
from proactivebench.models.request_form import thinks
from tests.support.small_benchmark import build_small
from tests.support.stub_server import Answer, StubServer, serve_completions


@pytest.fixture
def server() -> Iterator[StubServer]:
    with serve_completions() as running:
        yield running


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of six drawings."""
    return build_small(tmp_path_factory.mktemp("data"))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)


def evaluate(server: StubServer, data: Path, out: Path, model: str, *options: str) -> tuple[int, str, dict[str, Any]]:
    """Plays the drawings; gives the exit code, what was printed, and the request's form as `run.json` has it."""
    command = ["evaluate", "--model", f"openai:{model}", "--base-url", server.url, "--data", str(data)]
    done = CliRunner().invoke(main, [*command, "--out", str(out), "--concurrency", "1", *options])
    described = json.loads((out / "run.json").read_bytes())["model"]["request"] if (out / "run.json").exists() else {}
    return done.exit_code, done.output, described


MCQA = {"max_tokens": 50, "temperature": 0}
THINKER = {"max_completion_tokens": 25_050}


@pytest.mark.parametrize(
    ("model", "options", "form", "draws"),
    [
        ("gpt-4.1", (), MCQA, False),
        ("gpt-4o", ("--temperature", "0.7"), MCQA | {"temperature": 0.7}, True),
        ("o4-mini", (), THINKER, True),
        ("openai/gpt-5.2", ("--reasoning-effort", "low"), THINKER | {"reasoning_effort": "low"}, True),
        ("gpt-5.2", ("--temperature", "0"), THINKER | {"temperature": 0}, False),
        ("o4-mini", ("--max-new-tokens", "9"), {"max_completion_tokens": 25_009}, True),
        ("o4-mini", ("--extra-body", '{"max_completion_tokens": 5000}'), {"max_completion_tokens": 5000}, True),
        ("gpt-5-chat-latest", (), MCQA, False),
        ("my-finetune", ("--reasoning",), THINKER, True),
        ("o4-mini", ("--no-reasoning",), MCQA, False),
        ("m", ("--extra-body", '{"top_p": 0.9, "provider": {"order": ["a"]}}'), None, False),
        ("m", ("--extra-body", '{"temperature": 1, "seed": 3}'), {"max_tokens": 50, "temperature": 1, "seed": 3}, True),
    ],
)
def test_the_form_of_a_request_is_known_before_the_run(
    server: StubServer,
    data: Path,
    tmp_path: Path,
    model: str,
    options: tuple[str, ...],
    form: dict[str, Any] | None,
    draws: bool,
) -> None:
    form = form or MCQA | {"top_p": 0.9, "provider": {"order": ["a"]}}
    code, output, described = evaluate(server, data, tmp_path / "run", model, *options)
    assert code == 0, output
    for body in server.requests:
        del body["messages"]
    seeds = [body.pop("seed", None) for body in server.requests if "seed" not in form]
    assert server.requests == [{"model": model} | form] * 6
    assert len(set(seeds)) == (0 if "seed" in form else 6 if draws else 1)
    assert described == ({"seed": "the turn's"} if draws else {}) | form


def test_free_replies_are_drawn_as_the_server_does(server: StubServer, data: Path, tmp_path: Path) -> None:
    code, output, described = evaluate(server, data, tmp_path / "run", "m", "--mode", "oeg")
    assert code == 0, output
    assert described == {"max_tokens": 32_768, "seed": "the turn's"}


@pytest.mark.parametrize(
    ("error", "model", "advice"),
    [
        (
            {
                "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                "'max_completion_tokens' instead.",
                "type": "invalid_request_error",
                "param": "max_tokens",
                "code": "unsupported_parameter",
            },
            "hidden-name",
            "use --reasoning",
        ),
        (
            {
                "message": "Unsupported value: 'temperature' does not support 0 with this model. Only the default (1) "
                "value is supported.",
                "type": "invalid_request_error",
                "param": "temperature",
                "code": "unsupported_value",
            },
            "hidden-name",
            "use --reasoning",
        ),
        (
            {
                "message": "Unrecognized request argument supplied: reasoning_effort",
                "type": "invalid_request_error",
                "param": "reasoning_effort",
                "code": None,
            },
            "o4-mini",
            "--reasoning-effort",
        ),
    ],
)
def test_a_form_that_is_refused_ends_the_run_with_the_option_to_change(
    server: StubServer, data: Path, tmp_path: Path, error: dict[str, Any], model: str, advice: str
) -> None:
    server.answers = [Answer(json.dumps({"error": error}).encode(), 400)] * 100
    code, output, _ = evaluate(server, data, tmp_path / "run", model)
    assert code == 2
    assert error["message"][:60] in output
    assert advice in output
    assert len(server.requests) == 1


@pytest.mark.parametrize("given", ["{", "[1]", '{"model": "other"}', '{"messages": []}'])
def test_an_extra_body_that_cannot_be_sent(server: StubServer, data: Path, tmp_path: Path, given: str) -> None:
    code, output, _ = evaluate(server, data, tmp_path / "run", "m", "--extra-body", given)
    assert code == 2
    assert "JSON" in output or "the toolkit's own" in output
    assert server.requests == []


@pytest.mark.parametrize(("options", "asked"), [((), 6), (("--temperature", "1"), 18), (("--reasoning",), 18)])
def test_repeats_from_a_cache_are_draws_of_their_own(
    server: StubServer, data: Path, tmp_path: Path, options: tuple[str, ...], asked: int
) -> None:
    cache = ("--cache", str(tmp_path / "cache"), "--repeats", "3")
    for name in ("run", "again"):
        code, output, _ = evaluate(server, data, tmp_path / name, "m", *cache, *options)
        assert code == 0, output
        assert len(server.requests) == asked


@pytest.mark.parametrize("name", ["o1", "o3-mini", "o4-mini-2025-04-16", "gpt-5.2", "openai/gpt-5-mini", "GPT-5"])
def test_names_of_models_that_think(name: str) -> None:
    assert thinks(name)


@pytest.mark.parametrize("name", ["gpt-4.1", "gpt-4o", "gpt-5-chat-latest", "olmo", "qwen/o", "Qwen/Qwen2.5-VL-7B"])
def test_names_of_models_that_do_not(name: str) -> None:
    assert not thinks(name)
