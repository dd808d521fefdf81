"""What every builder promises: the same bytes, however they came about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from builders.base import Builder, Skip
from builders.pipeline.build import build
from proactivebench.record_table import read_table


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def left_out(folder: Path) -> list[Skip]:
    """The records that a benchmark's tables say were left out, and why."""
    entries = [entry for table in sorted((folder / "manifest").iterdir()) for entry in read_table(table)]
    return [Skip(entry.key, entry.skipped) for entry in entries if entry.skipped is not None]


def build_again(builder: Builder[Any, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Builds with one worker, with two, and interrupted in the middle; returns what all three left."""
    for workers in (1, 2):
        build(builder, folder / str(workers), workers=workers)
    built = content(folder / "1")
    assert content(folder / "2") == built

    cls = type(builder)
    rendered: list[Any] = []
    render = cls.render

    def stopping(self: Builder[Any, Any], planned: Any) -> Any:
        if len(rendered) == 1:
            raise KeyboardInterrupt
        rendered.append(planned)
        return render(self, planned)

    monkeypatch.setattr(cls, "render", stopping)
    with pytest.raises(KeyboardInterrupt):
        build(builder, folder / "stopped")
    assert not list((folder / "stopped").rglob("*.jsonl"))
    monkeypatch.undo()
    build(builder, folder / "stopped")
    assert content(folder / "stopped") == built
    return built
