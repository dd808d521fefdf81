"""Writing `manifest.json`, whose form `proactivebench.manifest` says.

An entry counts while the samples file it speaks of is there, so deleting that file and its frames is all it takes to
build a scenario anew.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from proactivebench.layout import MANIFEST
from proactivebench.manifest import FORMAT, read_manifest
from proactivebench.work.files import write_whole


def add_to_manifest(out: Path, scenario: str, entry: Mapping[str, Any]) -> None:
    """Adds or replaces the entry of one scenario."""
    entries = dict(sorted({**read_manifest(out), scenario: entry}.items()))
    manifest = {"format": FORMAT, "scenarios": entries}
    write_whole(out / MANIFEST, [orjson.dumps(manifest, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)])


def differences(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Names the settings that differ, in words; empty where none does."""

    def shown(settings: Mapping[str, Any], name: str) -> str:
        return textwrap.shorten(str(settings.get(name)), 60, placeholder=" ...")

    names = sorted({*there, *here})
    return ", ".join(
        f"{name} is {shown(there, name)} there and {shown(here, name)} here"
        for name in names
        if there.get(name) != here.get(name)
    )
