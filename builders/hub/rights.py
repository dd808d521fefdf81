"""What a licence allows to share.

The catalogue of raw sources says for each whether its pictures may be passed on. "Not stated" counts as no: what nobody
allowed is not allowed. Where it differs from picture to picture, the licence of every frame in the manifest
decides. A person who has asked the owners says so per source, and takes the responsibility. A part of which nobody can
say what it is made from is refused: nothing is published for want of a line in a table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from proactivebench.errors import UsageError
from proactivebench.manifest import Entry
from proactivebench.scenarios import SCENARIOS
from raw_sources.catalog import CatalogEntry, UnknownNameError
from raw_sources.licences import is_free
from raw_sources.registry import get_entry


def sources_of(entries: Mapping[str, Entry]) -> dict[str, CatalogEntry]:
    """The raw sources that some parts of a benchmark are made from, by name.

    Args:
        entries: Manifest entries by part (short scenario name, or `TRAIN`).

    Raises:
        UsageError: What a part is made from, or on which terms, is not known.
    """
    return {name: _known(part, name) for part, built in entries.items() for name in _names(part, built)}


def _names(part: str, built: Entry) -> Sequence[str]:
    """What a part is made from: what its manifest entry says, or else its scenario."""
    names = built.sources or (SCENARIOS[part].sources if part in SCENARIOS else ())
    if not names:
        raise UsageError(
            f"What {part} is made from is not known, so it cannot be published. If a plug-in brings it, name that with "
            "--plugin; else build it anew."
        )
    return names


def _known(part: str, source: str) -> CatalogEntry:
    try:
        return get_entry(source)
    except UnknownNameError:
        raise UsageError(
            f"{part} is made from {source!r}, of which no licence terms are known, so it cannot be published. A source "
            "says them as its `entry`."
        ) from None


def require_rights(folder: Path, entries: Mapping[str, Entry], cleared: Collection[str]) -> None:
    """Makes sure that everything may be passed on.

    Args:
        folder: The benchmark.
        entries: Manifest entries by part (short scenario name, or `TRAIN`).
        cleared: Raw sources for which the publisher has the rights.

    Raises:
        UsageError: A source may not be passed on; the text names all of them, and why. Or it is not known what a part
            is made from, or on which terms: that nobody can clear.
        UnknownNameError: `cleared` names no raw source.
    """
    for source in cleared:
        get_entry(source)
    refused: dict[str, list[str]] = {}
    for part, built in entries.items():
        for source, entry in sources_of({part: built}).items():
            if source not in cleared and (why := _objection(folder, entry, built)):
                refused.setdefault(source, []).append(f"- {part} is made from {entry.title}: {why}.")
    if refused:
        reasons = "\n".join(reason for reasons in refused.values() for reason in reasons)
        options = " ".join(f"--i-have-the-rights {source}" for source in refused)
        raise UsageError(
            f"Not everything here may be published:\n{reasons}\nNothing was uploaded. Name the others "
            "with --scenario, or build anew without these (COCO: --licence free). Where their owners have allowed it "
            f"to you, say so: {options}"
        )


def _objection(folder: Path, entry: CatalogEntry, built: Entry) -> str | None:
    """Why the pictures of a source may not be passed on; None where they may."""
    if entry.redistribution == "allowed":
        return None
    if entry.redistribution != "per picture":
        verb = "forbids" if entry.redistribution == "not allowed" else "does not allow"
        return f"its licence {verb} redistributing its pictures ({entry.licence}; see {entry.home})"
    licences = Counter[str]()
    for record in built.records(folder):
        licences[record.licence] += len(record.files)
    closed = {name: n for name, n in licences.items() if n and not is_free(name)}
    if not closed:
        return None
    count, kinds = sum(closed.values()), ", ".join(sorted(closed)[:5])
    return f"{count:,} of {licences.total():,} files have a licence that forbids or restricts it ({kinds})"
