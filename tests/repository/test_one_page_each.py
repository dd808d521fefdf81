"""Outside a scenario's own pages nothing branches on which scenario it is: no code names one."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

from builders.registry import builders
from proactivebench.scenarios import SCENARIOS
from raw_sources.catalog import load_catalog
from raw_sources.registry import CLASSES, source_class

ROOT = Path(__file__).parents[2]

PAGES = ("rod", "vsod", "mvpn", "imagenet", "imagenet_c", "quickdraw", "changeit", "coco")

COLLECT = {
    "builders/registry.py": "collects the builders",
    "proactivebench/scenarios/__init__.py": "hands the scenarios on by name",
    "proactivebench/scenarios/registry.py": "collects the scenarios",
    "raw_sources/registry.py": "collects the sources",
}
"""May import every page, and no more."""

OWN_SUBJECT = {
    "commands/demo.py": "shows the bundled drawings, and the made-up raw data of the seven",
    "raw_sources/fakes/": "makes raw data of the seven up",
    "proactivebench/environment.py": "published interface: a class for each of the seven",
    "proactivebench/data_utils.py": "published interface",
    "proactivebench/open_ended_gen.py": "published interface",
    "proactivebench/tests/": "published interface: its usage examples",
}
"""Is about some of the seven, and says why."""

NAMES = {name.lower() for s in SCENARIOS.values() if s.paper for name in (s.name, s.dataset)}
CONSTANTS = {"ROD", "VSOD", "MVPN", "IN_C", "QD", "CIT", "COCO"}


def is_page(path: Path) -> bool:
    room, stem = path.parent.as_posix(), path.stem
    mine = any(stem == page or stem.startswith(f"{page}_") for page in PAGES)
    return mine and room in ("builders", "proactivebench/scenarios", "raw_sources")


def files() -> Iterator[Path]:
    wanted = ["builders", "commands", "proactivebench", "raw_sources", "cli.py"]
    listed = subprocess.run(["git", "ls-files", *wanted], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for line in listed.split():
        path = Path(line)
        if path.suffix == ".py" and (ROOT / path).is_file() and not is_page(path):
            yield path


def named_in(tree: ast.AST) -> Iterator[str]:
    """Scenarios that code names: as constants, as modules, or as whole texts such as keys of a table."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            name = node.id if isinstance(node, ast.Name) else node.attr
            if name in CONSTANTS:
                yield name
        elif isinstance(node, ast.ImportFrom | ast.Import):
            modules = [alias.name for alias in node.names]
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (name for name in modules if name in CONSTANTS or name.split(".")[-1] in PAGES)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.lower() in NAMES | {*PAGES}:
            yield node.value


def test_no_code_names_a_scenario() -> None:
    found = {
        str(path): sorted(set(named))
        for path in files()
        if not any(str(path).startswith(place) for place in COLLECT | OWN_SUBJECT)
        and (named := list(named_in(ast.parse((ROOT / path).read_text(encoding="utf-8")))))
    }
    assert found == {}


def test_no_table_lacks_a_scenario() -> None:
    assert list(builders()) == list(SCENARIOS)
    for scenario in SCENARIOS.values():
        assert builders()[scenario.name].scenario is scenario
        assert scenario.sources and set(scenario.sources) <= set(load_catalog())
    assert list(CLASSES) == [source_class(name).name for name in load_catalog()]


def test_the_page_has_the_same_name_in_every_room() -> None:
    for scenario in SCENARIOS.values():
        modules = {
            scenario.sample.__module__.split(".")[-1],
            scenario.environment.__module__.split(".")[-1],
            builders()[scenario.name].__module__.split(".")[-1],
            *(source_class(name).__module__.split(".")[-1] for name in scenario.sources),
        }
        assert len(modules) == 1
