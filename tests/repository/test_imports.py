"""No import runs upwards: the order of the rooms, held against the imports of every file, those for types included."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[2]

ROOMS: Mapping[str, tuple[str, ...]] = {
    "plug-ins": ("raw_sources.plugins",),
    "raw_sources": ("raw_sources",),
    "core": tuple(
        f"proactivebench.{name}"
        for name in (
            *("answers", "errors", "layout", "open_ended", "plain_text", "prompts", "samples", "scenarios", "views"),
            "work",
        )
    ),
    "benchmark": ("proactivebench",),
    "builders": ("builders",),
    "models": ("proactivebench.models",),
    "evaluation": ("proactivebench.evaluation",),
    "training": ("proactivebench.training",),
    "reports": ("proactivebench.reports",),
    "published interface": tuple(
        f"proactivebench.{name}" for name in ["data_utils", "environment", "open_ended_gen", "tests"]
    ),
    "testing": ("proactivebench.testing",),
    "Python": ("proactivebench.api",),
    "harnesses": ("proactivebench.gym", "proactivebench.harnesses"),
    "commands": ("cli", "commands", "proactivebench.__main__"),
    "experiments": ("experiments",),
}
"""Room -> the names that its modules begin with; of several that fit a module the longest counts."""

BELOW: Mapping[str, frozenset[str]] = {
    "plug-ins": frozenset(),
    "raw_sources": frozenset({"plug-ins"}),
    "core": frozenset({"plug-ins"}),
    "benchmark": frozenset({"core"}),
    "builders": frozenset({"plug-ins", "raw_sources", "core", "benchmark"}),
    "models": frozenset({"plug-ins", "core", "benchmark"}),
    "evaluation": frozenset({"core", "benchmark", "models"}),
    "training": frozenset({"core", "benchmark", "models", "evaluation"}),
    "reports": frozenset({"core", "benchmark", "models", "evaluation"}),
    "published interface": frozenset({"core", "benchmark", "models", "evaluation"}),
    "testing": frozenset({"plug-ins", "raw_sources", "core", "benchmark", "builders", "models", "evaluation"}),
    "Python": frozenset({"raw_sources", "core", "benchmark", "builders", "models", "evaluation", "reports"}),
    "harnesses": frozenset({"core", "benchmark", "builders", "models", "evaluation"}),
    "commands": frozenset(ROOMS) - {"experiments"},
    "experiments": frozenset(ROOMS),
}
"""Room -> the rooms whose modules it may import, beside its own."""

KNOW_EACH_OTHER = frozenset(
    {
        *(f"proactivebench.scenarios.{name}" for name in ("scenario", "environment", "sample")),
        *("raw_sources.base", "raw_sources.catalog"),
    }
)
"""A scenario leads to its sample and its environment, and these to it, a source to its entry in the catalogue, whose
errors are those of sources: circles of types, not of loading."""

VERSION = "proactivebench"
"""The package itself holds the version, may be imported from everywhere, and hands on the room for Python alone."""


def modules() -> dict[str, Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = {
        ".".join(Path(line).with_suffix("").parts).removesuffix(".__init__"): ROOT / line for line in listed.split()
    }
    return {name: path for name, path in named.items() if name.split(".")[0] in ROOTS and path.exists()}


ROOTS = {name.split(".")[0] for names in ROOMS.values() for name in names}
MODULES = modules()


def imports(module: str, *, types: bool = True) -> Iterator[str]:
    """Our modules that one imports anywhere in its file.

    Args:
        module: Its name.
        types: Also what it imports for type checkers alone.
    """
    for node in _statements(ast.parse(MODULES[module].read_text(encoding="utf-8")), types):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports by a relative name"
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if name in MODULES else str(node.module) for name in inside]
        else:
            continue
        yield from (name for name in names if name in MODULES and name not in (module, VERSION))


def _statements(tree: ast.AST, types: bool) -> Iterator[ast.AST]:
    for node in ast.iter_child_nodes(tree):
        if not types and isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _statements(node, types)


def room_of(module: str) -> str:
    fits = [
        (len(name), room)
        for room, names in ROOMS.items()
        for name in names
        if module == name or module.startswith(f"{name}.")
    ]
    return max(fits)[1]


def test_no_import_runs_upwards() -> None:
    upwards = [
        f"{module} ({room_of(module)}) imports {other} ({room_of(other)})"
        for module in MODULES
        for other in imports(module)
        if room_of(other) not in BELOW[room_of(module)] | {room_of(module), *(["Python"] if module == VERSION else [])}
    ]
    assert upwards == []


def test_modules_do_not_run_in_circles() -> None:
    needs = {
        module: {other for other in imports(module) if not {module, other} <= KNOW_EACH_OTHER} for module in MODULES
    }
    TopologicalSorter(needs).prepare()


def test_what_knows_each_other_loads_in_order() -> None:
    TopologicalSorter({module: set(imports(module, types=False)) for module in KNOW_EACH_OTHER}).prepare()


def test_every_import_for_types_is_seen() -> None:
    assert set(imports("proactivebench.scenarios.scenario")) <= KNOW_EACH_OTHER
    assert list(imports("proactivebench.scenarios.scenario"))
    assert not list(imports("proactivebench.scenarios.scenario", types=False))


def test_the_rooms_have_an_order() -> None:
    assert ROOMS.keys() == BELOW.keys()
    TopologicalSorter({room: below - {room} for room, below in BELOW.items()}).prepare()
