"""The documentation is run: its commands and its code work as they stand there, its options and its files exist."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from cli import main
from tests.support.processes import ROOT, run

PAGES = ["README.md", *sorted(str(path.relative_to(ROOT)) for path in ROOT.glob("docs/*.md"))]
PAGES += sorted(
    str(path.relative_to(ROOT)) for name in ("examples", "experiments") for path in ROOT.glob(f"{name}/*/README.md")
)

ELSEWHERE = re.compile(
    r"\b(fetch|pull|play|view|look|train|demo|build vsod|judge|import-inspect)\b|Qwen|openai:|inspect:|hub:"
    r"|RUN\b|USER/NAME(?!.*--dry)"
)
"""Commands and code that need a network, weights, a person, raw data that are not here or more than a moment."""

BUNDLED = str(ROOT / "raw_sources" / "bundled")
STAND_INS = {"RAW": BUNDLED, "raw_sources/bundled": BUNDLED, "8": "2", "14": "2"}
STAND_INS |= {"MODEL": "scripted:random", "demo:asker": "scripted:random", "demo:guesser": "scripted:guess"}
"""Words of the commands -> what this test gives in their place."""


BLOCK = re.compile(r"(?:^`([\w.]+)`:\n\n)?^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
"""A fenced block: the file that it is, if a line in front says so, its language, and its text."""


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every call of the toolkit in a block."""
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words[:1] == ["torchrun"]:
            words = ["proactivebench", *words[words.index("-m") + 2 :]]
        if words[:1] == ["proactivebench"]:
            yield words[1:]


def scripts(text: str) -> Iterator[list[str]]:
    """The arguments of every call of Python in a block of a page on scenarios."""
    lines = (shlex.split(line, comments=True) for line in text.replace("\\\n", " ").splitlines())
    return (words[1:] for words in lines if words[:1] == ["python"] and "fake.py" in words[1])


def expand(words: list[str], page: str) -> list[str]:
    """What a shell makes of a command in the working directory, with our stand-ins."""
    stand_ins = STAND_INS if "--out DATA" in read(page) else STAND_INS | {"DATA": "benchmark"}
    found = ([str(path) for path in Path().glob(word)] if "*" in word else [] for word in words)
    return [path for word, paths in zip(words, found, strict=True) for path in paths or [stand_ins.get(word, word)]]


def invoke(words: list[str]) -> None:
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, (words, done.output)


@pytest.mark.parametrize("page", PAGES)
def test_every_command_is_understood(page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(click.Path, "convert", lambda self, value, param, context: Path(value))
    for _, language, text in BLOCK.findall(read(page)):
        for words in commands(text) if language in ("", "sh") else ():
            if "--plugin" in words:  # what it names is written by the page's first command
                words = words[: words.index("--plugin")]
            context = main.make_context("proactivebench", list(words))
            name, command, rest = main.resolve_command(context, words)
            assert command is not None
            command.make_context(name, rest, parent=context)


@pytest.fixture
def place(tmp_path: Path, small_runs: Path, unprinted_plots: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The working directory of a reader, with a benchmark under the names that pages use."""
    for name in ("data", "benchmark"):
        shutil.copytree(small_runs / "data", tmp_path / name)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]  # or the name is taken for a test that comes later


@pytest.mark.parametrize("page", PAGES)
def test_what_can_be_run_here_runs(page: str, place: Path) -> None:
    ran = 0
    names: dict[str, object] = {"my_model": lambda picture, question: "A"}
    for file, language, text in BLOCK.findall(read(page)):
        if language == "python":
            code = compile(text, page, "exec")
            if file:
                (place / file).write_text(text)
            elif not ELSEWHERE.search(text):
                exec(code, names)
            continue
        for script in scripts(text) if language in ("", "sh") else ():
            done = run([sys.executable, *script], cwd=place, variables={"PYTHONPATH": str(ROOT)})
            assert done.returncode == 0, (script, done.stderr)
        for words in commands(text) if language in ("", "sh") else ():
            words = expand(words, page)
            if not ELSEWHERE.search(" ".join(words)):
                invoke(words)
                ran += 1
            elif words[0] == "evaluate" and not {"DATA", "benchmark", "demo/data"}.isdisjoint(words):
                # What follows on the page needs its run.
                out = words[words.index("--out") + 1]
                invoke(["evaluate", "--model", "scripted:random", "--data", "benchmark", "--out", out])
            elif words[0] == "play":
                data = words[1].replace("demo/data", "benchmark")
                invoke(["evaluate", "--model", "scripted:oracle", "--data", data, *words[words.index("--out") :]])
    least = {"README.md": 11, "docs/hub.md": 1, "docs/models.md": 1, "docs/scenarios.md": 6, "docs/tables.md": 5}
    least["docs/when.md"] = 6
    assert ran >= least.get(page, 2 * page.startswith("examples/"))


def own_options(page: str) -> set[str]:
    """The options of the experiment that a page is about."""
    programs = (ROOT / page).parent.glob("*.py")
    return {option for program in programs for option in re.findall("--[a-z-]+", program.read_text())}


def options() -> set[str]:
    """The options of all commands."""
    return {
        option
        for name, command in main.commands.items()
        for parameter in command.get_params(click.Context(command, info_name=name))
        for option in (*parameter.opts, *parameter.secondary_opts)
    }


@pytest.mark.parametrize("page", PAGES)
def test_every_option_that_is_named_exists(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", read(page), flags=re.MULTILINE | re.DOTALL)
    known = options() | {"--help", "--constraint"} | own_options(page)  # the second is pip's
    for span in re.findall(r"`([^`]+)`", text):
        names = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", span))
        program = re.search(r"(benchmarks[/.]\w+|experiments\.\w+)", span)
        if span.startswith(
            ("...", "hf ", "inspect ", "lmms-eval ", "openenv ", "pip ", "prime ", "vf-eval ", "vllm ")
        ):  # abbreviated, or others' programs
            continue
        if program:
            path = ROOT / program[0].replace(".", "/")
            source = (path.with_suffix(".py") if path.with_suffix(".py").exists() else path / "__main__.py").read_text()
            assert all(name in source for name in names), span
        else:
            assert names <= known, span


@pytest.mark.parametrize("page", PAGES)
def test_every_command_that_is_named_exists(page: str) -> None:
    named = set(re.findall(r"`proactivebench ([a-z]+)", read(page)))
    assert named <= set(main.commands)


def anchors(text: str) -> set[str]:
    """What a link into a page may end with."""
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in re.findall(r"\]\(([^)]+)\)", read(page)):
        if "://" not in link:
            name, _, anchor = link.partition("#")
            path = (ROOT / page).parent / name if name else ROOT / page
            assert path.exists(), link
            assert not anchor or anchor in anchors(path.read_text(encoding="utf-8")), link
