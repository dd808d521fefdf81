"""What a licence allows to share.

The catalogue of raw sources says for each whether its pictures may be passed on. "Not stated" counts as no: what nobody
allowed is not allowed. Where it differs from picture to picture (COCO), the licence of every frame in the manifest
decides. A person who has asked the owners says so per source, and takes the responsibility.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from proactivebench.errors import UsageError
from proactivebench.layout import TRAIN
from raw_sources.catalog import CatalogEntry, get_entry

SOURCES: Mapping[str, tuple[str, ...]] = {
    "ROD": ("rod",),
    "VSOD": ("vsod",),
    "MVP-N": ("mvpn",),
    "IN-C": ("imagenet-c",),
    "QD": ("quickdraw",),
    "CIT": ("changeit",),
    "COCO": ("coco",),
    TRAIN: ("quickdraw", "coco"),
}
"""Part of a benchmark -> the raw sources that it is made from."""

_FREE = re.compile(
    r"CC0.*|CC BY(-SA)?( \d\.\d)?|Attribution(-ShareAlike)? License|No known copyright restrictions"
    r"|United States Government Work",
    re.IGNORECASE,
)
"""Licences of single pictures that allow to pass them on, also scaled down or cut; a file may have several."""


def sources_of(parts: Collection[str]) -> dict[str, CatalogEntry]:
    """The raw sources that some parts of a benchmark are made from, by name, in the order of `SOURCES`."""
    return {source: get_entry(source) for part, sources in SOURCES.items() if part in parts for source in sources}


def require_rights(entries: Mapping[str, Any], cleared: Collection[str]) -> None:
    """Makes sure that everything may be passed on.

    Args:
        entries: Manifest entries by part (short scenario name, or `TRAIN`).
        cleared: Raw sources for which the publisher has the rights.

    Raises:
        UsageError: A source may not be passed on; the text names all of them, and why.
        UnknownNameError: `cleared` names no raw source.
    """
    for source in cleared:
        get_entry(source)
    refused: dict[str, list[str]] = {}
    for part, built in entries.items():
        for source, entry in sources_of([part]).items():
            if source not in cleared and (why := _objection(entry, built)):
                refused.setdefault(source, []).append(f"- {part} is made from {entry.title}: {why}.")
    if refused:
        reasons = "\n".join(reason for reasons in refused.values() for reason in reasons)
        options = " ".join(f"--i-have-the-rights {source}" for source in refused)
        raise UsageError(
            f"Not everything here may be published:\n{reasons}\nNothing was uploaded. Publish a benchmark without "
            f"these. Where their owners have allowed it to you, say so: {options}"
        )


def _objection(entry: CatalogEntry, built: Mapping[str, Any]) -> str | None:
    """Why the pictures of a source may not be passed on; None where they may."""
    if entry.redistribution == "allowed":
        return None
    if entry.redistribution != "per picture":
        speaks = "forbids" if entry.redistribution == "not allowed" else "does not allow"
        return f"its licence {speaks} to pass its pictures on ({entry.licence}; see {entry.home})"
    licences = [file["licence"] for path, file in built["files"].items() if not path.endswith(".jsonl")]
    closed = [licence for licence in licences if not all(map(_FREE.fullmatch, licence.split(", ")))]
    if not closed:
        return None
    kinds = ", ".join(sorted(set(closed))[:5])
    return f"{len(closed):,} of {len(licences):,} files have a licence that forbids or restricts it ({kinds})"
