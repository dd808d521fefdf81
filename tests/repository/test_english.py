"""Messages, options and documents are written as a native speaker would: known slips do not come back."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CODE = [
    ROOT / "cli.py",
    *(path for room in ("builders", "commands", "raw_sources") for path in (ROOT / room).rglob("*.py")),
]
CODE += (ROOT / "proactivebench").rglob("*.py")
FIXED = ("proactivebench/scenarios/", "proactivebench/published/")
"""Published texts and pools of questions, which samples repeat word for word."""

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*/*.md")]
SLIPS = {
    r"(?<!there )\b(is|are|was|were|be) no (?!longer\b|more\b|better\b|worse\b|other\b)\w": "is not a",
    r"\bis none\b": "is not a",
    r"(?<!what )\bgo(es)? on\b(?! to\b)": "continue, resume",
    r"\b(once|when) that is (mended|put right)\b": "fix this and run the same command again",
    r"(?<!one )\bof ours\b": "our",
    r"\bso many\b": "this many, at most N",
    r"\bwhoever\b": "if you, anyone who",
    r"\blikewise\b": "also",
    r"\bof (no|any) use\b": "useless",
    r"\bwill do as well\b": "also works",
    r"\bfor you alone\b": "private",
    r"\bhas no meaning for\b": "does not apply to",
    r"\bmade where it\b": "created if it",
    r"\bholds no\b": "does not contain, is not a",
}


def visible(tree: ast.Module, commands: bool) -> Iterator[tuple[int, str]]:
    """Strings of a module with their lines: all but docstrings, of which `--help` shows those of functions here."""
    hidden = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    if commands:
        functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
        hidden -= {node.body[0].value for node in functions if isinstance(node.body[0], ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in hidden:
            yield node.lineno, node.value


def slips(text: str) -> list[str]:
    """What a text should have said otherwise, with advice."""
    found = [(match, better) for slip, better in SLIPS.items() for match in re.finditer(slip, text, re.IGNORECASE)]
    return [f"...{text[max(0, match.start() - 30) : match.end() + 30]!r}: say {better!r}" for match, better in found]


def test_what_the_toolkit_says_is_english() -> None:
    wrong = []
    for path in CODE:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(FIXED):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for line, text in visible(tree, commands=name.startswith("commands/")):
                wrong += [f"{name}:{line}: {slip}" for slip in slips(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_documents_are_english(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if path.name == "CHANGELOG.md":
        text = text.split("\n## ")[1]  # what was released stays as it was
    assert not slips(" ".join(text.split()))


def test_a_slip_is_found() -> None:
    assert slips("'x' is no name of a repository")
    assert slips("The same command goes on.")
    assert not slips("There is no model 'x'; it is no longer served. Go on to the next page.")
