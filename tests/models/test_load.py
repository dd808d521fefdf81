"""What may stand after `--model`, and what is said about everything else."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from proactivebench.benchmark import Benchmark
from proactivebench.errors import UsageError
from proactivebench.evaluation.engine import evaluate
from proactivebench.evaluation.settings import Settings
from proactivebench.models.load import ModelOptions, load_model
from tests.support.processes import ROOT, run
from tests.support.small_benchmark import build_small


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(tmp_path) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


MODEL = """
from proactivebench.models.base import Model

class Echo(Model):
    async def reply(self, request):
        return request.messages[-1].text

    def identity(self):
        return {"model": "echo"}
"""


def test_a_class_from_the_working_directory(here: Path) -> None:
    (here / "echo_model.py").write_text(MODEL)
    assert load_model("echo_model:Echo", ModelOptions()).identity() == {"model": "echo"}


@pytest.mark.parametrize(
    ("code", "spec", "message"),
    [
        (None, "absent_model:Echo", r"there is no absent_model\.py in .*, and no kind of model of that name"),
        (None, "absent.model:Echo", "there is no absent"),
        (MODEL, "wrong_model:echo", r"wrong_model\.py has no subclass of .*Model called echo"),
        ("Echo = 3", "number_model:Echo", "has no subclass of"),
        ("x = 1\nimport absent_library", "import_model:Echo", r"No module named 'absent_library' \(.*, line 2\)"),
        ("\n\n1 / 0", "zero_model:Echo", r"cannot be imported: ZeroDivisionError.* \(.*zero_model\.py, line 3\)"),
        ("class", "torn_model:Echo", r"SyntaxError: .*torn_model\.py, line 1"),
        (
            MODEL + "    def __init__(self):\n        raise OSError('no weights')",
            "sad_model:Echo",
            "created: OSError: no w",
        ),
        (MODEL.replace("identity", "identify"), "half_model:Echo", "created: TypeError: .*identity"),
        ("", "empty_model:", "has no subclass"),
        (None, ":Echo", "cannot be imported"),
    ],
)
def test_what_is_wrong_with_a_class(here: Path, code: str | None, spec: str, message: str) -> None:
    if code is not None:
        (here / f"{spec.partition(':')[0]}.py").write_text(code)
    with pytest.raises(UsageError, match=message):
        load_model(spec, ModelOptions())


def test_the_working_directory_hides_no_installed_module(here: Path) -> None:
    (here / "colorsys.py").write_text("raise RuntimeError('the wrong one')")
    (here / "color_model.py").write_text("import colorsys\n" + MODEL)
    assert load_model("color_model:Echo", ModelOptions()).identity() == {"model": "echo"}


@pytest.mark.parametrize(
    ("spec", "options", "message"),
    [
        ("openai:m", ModelOptions(dtype="float16"), "--dtype does not apply to an openai: model"),
        ("hf:m", ModelOptions(base_url="http://localhost/v1"), "--base-url does not apply to an hf: model"),
        ("org/m", ModelOptions(concurrency=3), "--concurrency does not apply"),
        ("scripted:ask", ModelOptions(batch_size=3), "--batch-size does not apply to a scripted model"),
        ("scripted:ask", ModelOptions(cache=Path("replies")), "cannot have a --cache"),
        ("my:Model", ModelOptions(max_pixels=3), "--max-pixels does not apply to a class of your own"),
        ("scripted:nobody", ModelOptions(), "There is no scripted model 'nobody'. There are: oracle"),
    ],
)
def test_options_that_would_have_no_effect_are_refused(spec: str, options: ModelOptions, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_model(spec, options)


@pytest.mark.parametrize("spec", ["", "scripted", "gpt-4"])
def test_a_bare_name_is_no_model(here: Path, spec: str) -> None:
    with pytest.raises(UsageError, match=r"Cannot tell what kind of model.*scripted:NAME, openai:NAME"):
        load_model(spec, ModelOptions())


def test_options_reach_a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    options = ModelOptions(
        base_url="http://localhost:1/v1", concurrency=3, max_pixels=99, max_new_tokens=7, open_ended=True
    )
    model = load_model("openai:org/m:free", options)
    assert model.concurrency == 3
    assert model.identity() == {
        "model": "openai:org/m:free",
        "server": "http://localhost:1/v1",
        "max_pixels": 99,
        "request": {"max_tokens": 7, "seed": "the turn's"},
    }


def test_the_model_of_the_documentation_plays(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    [code] = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    [command] = re.findall(r"^proactivebench (evaluate --model my_model:.*)$", text, re.MULTILINE)
    (tmp_path / "my_model.py").write_text(code)
    build_small(tmp_path / "benchmark")
    program = [sys.executable, "-P", "-c", "from cli import main; main()", *command.split()]
    done = run(program, cwd=tmp_path, variables={"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    episodes = [json.loads(line) for line in (tmp_path / "runs/ink/episodes.jsonl").read_text().splitlines()]
    kinds = {turn["kind"] for episode in episodes for turn in episode["turns"]}
    assert kinds == {"suggestion", "abstention", "category"}


@pytest.mark.parametrize(
    ("name", "before", "after", "message"),
    [
        ("sync", "async def", "def", r"Echo\.reply is not asynchronous: write `async def reply"),
        ("whole", "request.messages[-1].text", "3", r"Echo\.reply returned 3 \(int\); it must return .* a text"),
        ("zero", "request.messages[-1].text", "1 / 0", r"Echo\.reply failed: ZeroDivision.* \(.*zero\.py, line 6\)"),
        (
            "thing",
            '"echo"}',
            '"echo", "at": object}',
            r"Echo\.identity has <class 'object'> \(type\) as 'at'; write num",
        ),
        ("bare", '{"model": "echo"}', '"echo"', r"Echo\.identity returned 'echo' \(str\); it must return a mapping"),
    ],
)
def test_mistakes_of_a_class_end_in_a_sentence(
    here: Path, small_runs: Path, name: str, before: str, after: str, message: str
) -> None:
    (here / f"{name}.py").write_text(MODEL.replace(before, after))
    data = Benchmark.open(small_runs / "data")
    with pytest.raises(UsageError, match=message):
        evaluate(data, data.scenarios, load_model(f"{name}:Echo", ModelOptions()), Settings(), here / "run")


def test_a_mistyped_demo_model_is_answered_before_torch_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "proactivebench.models.checkpoints", None)
    with pytest.raises(UsageError, match="Did you mean demo:guesser"):
        load_model("demo:guesr", ModelOptions())
