"""A small benchmark of bundled drawings, built with the toolkit itself."""

from __future__ import annotations

from pathlib import Path

from builders.pipeline.build import build
from builders.quickdraw import QuickDrawBuilder
from raw_sources.quickdraw import QuickDraw

DRAWINGS = Path(__file__).parents[2] / "raw_sources" / "bundled" / "quickdraw" / "simplified"


def build_small(folder: Path, per_category: int = 2, categories: tuple[str, ...] = ("cat", "bus", "house")) -> Path:
    """Builds some drawings of some categories and returns the benchmark's folder."""
    builder = QuickDrawBuilder(QuickDraw.locate(DRAWINGS), per_category=per_category, categories=categories)
    build(builder, folder)
    return folder
