"""DARK, taken the whole way: built, stopped, checked, played, killed, continued, packed and pulled."""

from __future__ import annotations

from pathlib import Path

from dark.builder import DarkBuilder
from dark.fake import make_photos

from proactivebench.testing import conform


def test_it_conforms(tmp_path: Path) -> None:
    conform(DarkBuilder.from_options(make_photos(tmp_path / "raw"), {"seed": 0}), tmp_path / "work")
