"""Made-up notes for trying the scenario and for its test: `python fake.py RAW`."""

from __future__ import annotations

import sys
from pathlib import Path

PAGES = (
    "bread apple onion grape",
    "river stone cloud field",
    "chair table shelf couch",
    "tiger horse zebra camel",
    "piano flute cello organ",
    "green brown white black",
    "train truck plane canoe",
    "shirt skirt scarf glove",
)


def make_notes(raw: Path) -> Path:
    """Writes `notes.txt` and returns the raw folder."""
    raw.mkdir(parents=True, exist_ok=True)
    (raw / "notes.txt").write_text("\n".join(PAGES) + "\n", encoding="utf-8")
    return raw


if __name__ == "__main__":
    make_notes(Path(sys.argv[1]))
