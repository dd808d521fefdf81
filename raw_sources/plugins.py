"""What people bring from outside: scenarios, raw sources, builders and kinds of models, in modules of their own.

A plug-in is a Python module, one file or one package, with any of the tuples `SCENARIOS`, `SOURCES`, `BUILDERS` and
`MODELS`. It is found in two ways: an installed package names single objects as entry points of the groups
`proactivebench.scenarios` and so on; and the environment variable `PROACTIVEBENCH_PLUGINS`, which `--plugin` adds to,
lists paths. Being an environment variable, it reaches worker processes, ranks and notebooks too.

A path is imported by its plain name, with its folder at the end of `sys.path`, as Python imports the neighbours of a
script; so whatever a process pool sends can be unpickled on the other side. This module lies in the lowest room because
the registries of all rooms ask it; it imports none of our rooms and knows nothing of what it collects.
"""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeGuard, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from types import ModuleType

PLUGINS = "PROACTIVEBENCH_PLUGINS"
"""The environment variable: paths, separated as in PATH."""

Kind = Literal["scenarios", "sources", "builders", "models"]

Thing = TypeVar("Thing")


class PluginError(Exception):
    """A plug-in that cannot be used; the text says which, why, and what to do."""

    exit_code = 2
    resumes = False


class _Brought(NamedTuple):
    what: object
    by: str


def plain(name: str) -> str:
    """A name as people type it: letter case and punctuation do not matter."""
    return "".join(filter(str.isalnum, name.lower()))


def hint(name: str, known: Sequence[str] | dict[str, str], others: str = "") -> str:
    """A sentence that helps a person who mistyped a name.

    Args:
        name: What was asked for.
        known: The names that exist; or each way to write one -> how it is shown.
        others: What is added to the list of all.
    """
    spellings = known if isinstance(known, dict) else {one: one for one in known}
    close = difflib.get_close_matches(name, spellings, n=3)
    shown = list(dict.fromkeys(spellings[one] for one in close or spellings))
    listed = ", ".join(shown[:12]) + (", ..." if len(shown) > 12 else "")
    return f"Did you mean {listed}?" if close else f"There are: {listed}{others}."


@contextmanager
def using(paths: Iterable[Path]) -> Iterator[None]:
    """Adds plug-ins in the body, for this process and those that it starts.

    Raises:
        PluginError: One cannot be imported.
    """
    before = listed()
    added = [path.resolve() for path in paths]
    for path in added:
        _import(path)
    os.environ[PLUGINS] = os.pathsep.join(dict.fromkeys([*_paths(before), *map(str, added)]))
    try:
        yield
    finally:
        os.environ[PLUGINS] = before


def collect(
    kind: Kind,
    ours: Iterable[Thing],
    fits: Callable[[object], TypeGuard[Thing]],
    names: Callable[[Thing], Collection[str]],
    reserved: Collection[str] = (),
) -> list[Thing]:
    """Everything of one kind: ours in its order, then what plug-ins bring, by name.

    Args:
        kind: What is collected.
        ours: What this toolkit has.
        fits: Whether an object is of this kind.
        names: All names of an object; no other may have one of them.
        reserved: Names that mean something else.

    Raises:
        PluginError: A plug-in cannot be imported, brings something else, or a name that is taken.
    """
    ours = list(ours)
    owners = {plain(name): "this toolkit" for thing in ours for name in names(thing)}
    owners |= {plain(name): "this toolkit" for name in reserved}
    others: list[Thing] = []
    for what, by in _brought(kind, listed()):
        if not fits(what):
            raise PluginError(f"{by} brings {what!r} as one of its {kind}, but it is not one. See docs/scenarios.md.")
        if any(what is other for other in others):
            continue
        for name in names(what):
            if (owner := owners.setdefault(plain(name), by)) != by:
                raise PluginError(f"{by} brings {name!r}, but {owner} has one of the {kind} by that name. Rename it.")
        if any(plain(name) == plain(other) for thing in others for other in names(thing) for name in names(what)):
            raise PluginError(f"{by} brings two of its {kind} under one name, {names(what)!r}. Rename one.")
        others.append(what)
    return ours + sorted(others, key=lambda thing: sorted(map(plain, names(thing))))


def listed() -> str:
    """What is named at present; what was collected may be kept for as long as this stays the same."""
    return os.environ.get(PLUGINS, "")


@lru_cache
def _brought(kind: Kind, named: str) -> tuple[_Brought, ...]:
    return (*_installed(kind), *(_Brought(what, path) for path in _paths(named) for what in _said(path, kind)))


def _paths(named: str) -> list[str]:
    return [path for path in named.split(os.pathsep) if path]


def _installed(kind: Kind) -> Iterator[_Brought]:
    for point in sorted(entry_points(group=f"proactivebench.{kind}")):
        by = f"the package {point.dist.name if point.dist else point.value}"
        try:
            yield _Brought(point.load(), by)
        except Exception as error:
            raise PluginError(
                f"{by} offers {point.value}, which cannot be imported: {_told(error)}. Mend or uninstall it."
            ) from error


def _said(path: str, kind: Kind) -> tuple[object, ...]:
    """The tuple of one kind in a plug-in."""
    said = getattr(_import(Path(path)), kind.upper(), ())
    if not isinstance(said, tuple | list):
        raise PluginError(f"{path}: {kind.upper()} must be a tuple, found {said!r}.")
    return tuple(said)


def _import(path: Path) -> ModuleType:
    name, folder = path.stem, str(path.parent)
    file = path / "__init__.py" if path.is_dir() else path
    if not file.is_file() or "." in name or file.suffix != ".py":
        raise PluginError(f"{path} is not a plug-in: expected a Python file, or a folder with an __init__.py.")
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(name)
    except PluginError:
        raise
    except Exception as error:
        raise PluginError(f"{path} cannot be imported: {_told(error)}") from error
    if Path(module.__file__ or "").resolve() != file.resolve():
        raise PluginError(f"{path}: the name {name!r} already means {module.__file__ or 'a package'}. Rename the file.")
    return module


def _told(error: Exception) -> str:
    """An error in a plug-in, with the last line that led to it."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.filename}, line {last.lineno})"
