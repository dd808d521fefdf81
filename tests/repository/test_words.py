"""The glossary of CONTRIBUTING.md is kept by the names in the code: no second word for what has one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("builders", "commands", "proactivebench", "raw_sources")
PUBLISHED = ("data_utils.py", "environment.py", "open_ended_gen.py", "tests", "published")
"""Below `proactivebench/`: the published interface, which keeps its names."""

PARTS = {"team": "ranks", "crew": "pool", "foreign": "random_options"}
"""Words that are not part of any name -> the word of the glossary."""

FIELDS = {"image": "frame_path or frame_number", "free": "open_ended"}
"""Names that no field of ours has -> the word of the glossary."""


def names(tree: ast.Module) -> Iterator[tuple[int, str, bool]]:
    """Line and name of everything that a module names, and whether it is a plain field of a class (no picture)."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            yield node.lineno, node.name, False
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                    yield line.lineno, line.target.id, ast.unparse(line.annotation) in ("str", "int", "bool")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.lineno, node.name, False
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg, False
        elif isinstance(node, ast.Name):
            yield node.lineno, node.id, False
        elif isinstance(node, ast.Attribute):
            yield node.end_lineno or node.lineno, node.attr, False


def advice(name: str, is_field: bool) -> str | None:
    """The word that a name should have used; None where it is fine."""
    if is_field and name in FIELDS:
        return FIELDS[name]
    return next((better for word, better in PARTS.items() if word in name.lower().split("_")), None)


def test_code_uses_the_words_of_the_glossary() -> None:
    published = [ROOT / "proactivebench" / name for name in PUBLISHED]
    wrong = []
    for path in (path for room in ROOMS for path in (ROOT / room).rglob("*.py")):
        if not any(path.is_relative_to(place) for place in published):
            for line, name, is_field in names(ast.parse(path.read_text(encoding="utf-8"))):
                if better := advice(name, is_field):
                    wrong.append(f"{path.relative_to(ROOT)}:{line}: {name}: say {better}")
    assert not wrong, "\n".join(wrong)


def test_the_words_that_are_kept_are_in_the_glossary() -> None:
    glossary = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("## Words")[1]
    kept = " or ".join([*PARTS.values(), *FIELDS.values()]).split(" or ")
    assert [word for word in kept if word.removesuffix("s") not in glossary] == []


def test_an_old_word_is_found() -> None:
    found = [advice(name, is_field) for _, name, is_field in names(ast.parse("class A:\n    image: str\ncrew_of = 1"))]
    assert "pool" in found
    assert FIELDS["image"] in found
