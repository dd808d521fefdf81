"""All raw sources by name: ours, as the catalogue lists them, and those that plug-ins bring.

Our classes are imported when they are asked for: some stand on libraries that take time to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeGuard, cast

from raw_sources.base import Inventory, Source, SourceError
from raw_sources.catalog import CatalogEntry, find_entry, load_catalog
from raw_sources.plugins import collect

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


CLASSES = {
    "rod": "raw_sources.rod:Rod",
    "vsod": "raw_sources.vsod:Vsod",
    "mvpn": "raw_sources.mvpn:Mvpn",
    "coco": "raw_sources.coco:Coco",
    "imagenet-c": "raw_sources.imagenet_c:ImageNetC",
    "imagenet": "raw_sources.imagenet:ImageNet",
    "quickdraw": "raw_sources.quickdraw:QuickDraw",
    "changeit": "raw_sources.changeit:ChangeIt",
}
"""Name in the catalogue -> where its class is."""


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One line of the table of sources.

    Attributes:
        entry: What the catalogue says.
        how: What `fetch` does for it, in a few words.
        found: What is in the raw folder; None where nobody looked.
        error: Why it is not there or cannot be used; None where it can be, or where nobody looked.
    """

    entry: CatalogEntry
    how: str
    found: Inventory | None = None
    error: str | None = None


def _is_source(thing: object) -> TypeGuard[type[Source[Any]]]:
    return isinstance(thing, type) and issubclass(thing, Source)


def _plugged() -> dict[str, type[Source[Any]]]:
    """What plug-ins bring, by name."""
    ours: tuple[type[Source[Any]], ...] = ()
    others = collect("sources", ours, _is_source, lambda source: [source.name], reserved=[*CLASSES])
    return {source.name: source for source in others}


def catalog() -> Mapping[str, CatalogEntry]:
    """What is known of each source, by name: ours first. A plug-in's source without an entry is not listed."""
    others = {name: source.entry for name, source in _plugged().items() if hasattr(source, "entry")}
    return {**load_catalog(), **others}


def get_entry(name: str) -> CatalogEntry:
    """What is known of one source, by its name in any letter case.

    Raises:
        UnknownNameError: There is no source of that name, or nothing is known of it.
    """
    return find_entry(name, catalog())


def source_class(name: str) -> type[Source[Any]]:
    """The class that reads a source."""
    if name not in CLASSES:
        return _plugged()[name]
    module, _, attribute = CLASSES[name].partition(":")
    return cast("type[Source[Any]]", getattr(import_module(module), attribute))


def sources_table(raw: Path | None = None) -> Iterator[SourceRow]:
    """Yields one row per raw source, in the order of the catalogue.

    With a raw folder each source is also looked for and verified there, which reads much of it; each row comes as soon
    as its source is done.
    """
    for name, entry in catalog().items():
        how = "downloads it" if entry.files else f"shows {len(entry.steps)} steps"
        if raw is None:
            yield SourceRow(entry, how)
            continue
        try:
            yield SourceRow(entry, how, found=source_class(name).locate(raw).verify())
        except (SourceError, OSError) as error:
            yield SourceRow(entry, how, error=str(error))
