"""Servers of completions, and a request to ask them with; a file of tests may define others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from proactivebench.models.base import Message, Picture, Request
from proactivebench.samples import read_samples
from proactivebench.scenarios import make_environment
from tests.support.openai_requests import SECRET
from tests.support.small_benchmark import build_small
from tests.support.stub_server import StubServer, serve_completions


@pytest.fixture
def server() -> Iterator[StubServer]:
    with serve_completions() as running:
        yield running


@pytest.fixture
def openai_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_BASE_URL", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", SECRET)
    # Pauses between attempts are the library's; the shortest will do here.
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A benchmark of thirty drawings."""
    return build_small(tmp_path_factory.mktemp("data"), per_category=10)


@pytest.fixture
def request_of(data: Path) -> Request:
    sample = next(iter(read_samples(data / "test" / "QuickDraw_preprocessed.jsonl", "QD")))
    environment = make_environment(sample)
    picture = Picture(data / "test" / environment.observe().frame_path)
    return Request((Message("user", "What is this?", picture),), environment, seed=7)
