"""ZOOM, taken the whole way: built, stopped, checked, played, killed, continued, packed and pulled."""

from __future__ import annotations

from pathlib import Path

from zoom_text.builder import ZoomBuilder
from zoom_text.fake import make_notes

from proactivebench.testing import conform


def test_it_conforms(tmp_path: Path) -> None:
    conform(ZoomBuilder.from_options(make_notes(tmp_path / "raw"), {"seed": 0}), tmp_path / "work")
