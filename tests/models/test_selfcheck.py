"""`selfcheck` passes what is sound; it finds blind models, and those whose batches or moods decide replies."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli import main
from proactivebench.images import load_picture
from proactivebench.models.base import Model, ReplyError, Request
from tests.support.small_benchmark import build_small


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_small(tmp_path_factory.mktemp("benchmark"), per_category=10)


def check(data: Path, model: str, *options: str) -> Result:
    return CliRunner().invoke(main, ["selfcheck", "--model", model, "--data", str(data), *options])


def shares(result: Result) -> list[str]:
    """The third to fifth column of the table without its header."""
    return re.findall(r"(\d+ +\d+ +[\d.]+%)", result.stdout)


class Seeing(Model):
    """Replies with a letter by the picture's darkness and the question."""

    def __init__(self) -> None:
        self.waiting = 0

    async def reply(self, request: Request) -> str:
        self.waiting += 1
        await asyncio.sleep(0)
        dark = self.look(request)
        reply = "ABCDEF"[(dark + len(request.messages[-1].text)) % 6]
        self.waiting -= 1
        return reply

    def look(self, request: Request) -> int:
        picture = request.messages[-1].picture
        assert picture is not None
        return sum(load_picture(picture).convert("L").histogram()[:100])

    def identity(self) -> Mapping[str, object]:
        return {"model": type(self).__name__}


class Blind(Seeing):
    def look(self, request: Request) -> int:
        return 0


class NearlyBlind(Seeing):
    """Blind, with a little noise that has nothing to do with the picture."""

    def look(self, request: Request) -> int:
        return int(self.waiting > 1 and request.seed % 16 == 0)


class Crowded(Seeing):
    """As though padding were seen: others in the batch change replies."""

    def look(self, request: Request) -> int:
        return super().look(request) + (self.waiting > 1) * request.seed % 2


class Noisy(Seeing):
    """Never the same twice."""

    def look(self, request: Request) -> int:
        return random.randrange(1 << 30)


class Failing(Seeing):
    def look(self, request: Request) -> int:
        raise ReplyError("the line went dead")


def test_a_sound_model_passes(data: Path) -> None:
    result = check(data, "tests.models.test_selfcheck:Seeing", "--samples", "20")
    assert result.exit_code == 0, result.output
    assert shares(result)[0] == "20  20  100.0%"
    assert len(shares(result)) == 3
    assert "the picture decides" in result.stdout


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("Blind", "the picture decides none: the model is blind"),
        ("Crowded", "the batch decides replies"),
        ("Noisy", "does not repeat itself"),
    ],
)
def test_what_is_wrong_is_found(data: Path, model: str, reason: str) -> None:
    result = check(data, f"tests.models.test_selfcheck:{model}")
    assert result.exit_code == 1
    assert reason in result.stderr
    assert "bad" in result.stdout


def test_noise_does_not_pass_for_sight(data: Path) -> None:
    result = check(data, "tests.models.test_selfcheck:NearlyBlind")
    assert result.exit_code == 1
    assert "the model is blind" in result.stderr


def test_failures_are_no_replies(data: Path) -> None:
    result = check(data, "tests.models.test_selfcheck:Failing")
    assert result.exit_code == 1
    assert "90 of 90 requests failed. The first: the line went dead" in result.stderr


def test_a_scripted_model_is_not_asked_whether_it_sees(data: Path) -> None:
    result = check(data, "scripted:random")
    assert result.exit_code == 0, result.output
    assert "not asked" in result.stdout


def test_a_cache_is_refused(data: Path, tmp_path: Path) -> None:
    result = check(data, "openai:m", "--cache", str(tmp_path))
    assert result.exit_code == 2
    assert "compared with itself" in result.stderr


def test_a_network_is_checked(data: Path) -> None:
    pytest.importorskip("torch")
    result = check(data, "demo:asker", "--samples", "24", "--max-new-tokens", "3")
    assert result.exit_code == 0, result.output
    assert shares(result)[0] == "24  24  100.0%"


def test_a_network_that_is_never_shown_its_picture_is_blind(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from tests.support.tiny_models import tiny_model

    folder = tiny_model("llava", tmp_path / "model")
    blinded = folder / "preprocessor_config.json"
    processor = blinded if blinded.exists() else folder / "processor_config.json"
    text = processor.read_text()
    assert '"do_rescale": true' in text
    processor.write_text(text.replace('"rescale_factor": 0.00392156862745098', '"rescale_factor": 0.0'))
    result = check(data, str(folder), "--samples", "12", "--max-new-tokens", "4")
    assert result.exit_code == 1, result.output
    assert "the model is blind" in result.stderr
