"""Which class reads which raw source, and the table of all sources.

The classes are imported when they are asked for: some stand on libraries that take time to load.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from raw_sources.base import Inventory, Source, SourceError
from raw_sources.catalog import CatalogEntry, load_catalog

if TYPE_CHECKING:
    from collections.abc import Iterator
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


def source_class(name: str) -> type[Source[Any]]:
    """Imports the class that reads a source of the catalogue."""
    module, _, attribute = CLASSES[name].partition(":")
    return cast("type[Source[Any]]", getattr(import_module(module), attribute))


def sources_table(raw: Path | None = None) -> Iterator[SourceRow]:
    """Yields one row per raw source, in the order of the catalogue.

    With a raw folder each source is also looked for and verified there, which reads much of it; each row comes as soon
    as its source is done.
    """
    for name, entry in load_catalog().items():
        how = "downloads it" if entry.files else f"shows {len(entry.steps)} steps"
        if raw is None:
            yield SourceRow(entry, how)
            continue
        try:
            yield SourceRow(entry, how, found=source_class(name).locate(raw).verify())
        except (SourceError, OSError) as error:
            yield SourceRow(entry, how, error=str(error))
