"""The documentation site has every page, loads nothing from elsewhere, and its figures show the paper's tables."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))


def load(name: str) -> ModuleType:
    """A program of `docs`."""
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def pages(entry: Any) -> list[str]:
    """The pages of a part of the navigation."""
    if isinstance(entry, str):
        return [entry]
    parts = entry.values() if isinstance(entry, dict) else entry
    return [page for part in parts for page in pages(part)]


def test_every_page_is_in_the_navigation_once() -> None:
    shown = pages(SETTINGS["nav"])
    written = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("docs/*.md")}
    assert sorted(shown) == sorted({"README.md", "CHANGELOG.md", "docs/gallery.md", *written})


def test_what_pages_link_to_comes_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = load("build_site")
    monkeypatch.setattr(site, "PAGES", tmp_path)
    site.collect()
    for path in ("README.md", "docs/tour.png", "docs/paper_gap.png", "proactivebench/models/models.toml"):
        assert (tmp_path / path).is_file()


def test_a_page_that_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    site = load("build_site")
    (tmp_path / "own.html").write_text('<script src="a.js"></script><a href="https://arxiv.org">paper</a>')
    assert site.outside(tmp_path) == []
    (tmp_path / "font.html").write_text('<link rel="stylesheet" href="https://fonts.example/a.css">')
    assert site.outside(tmp_path) == [str(tmp_path / "font.html")]
    assert SETTINGS["theme"]["font"] is False


def test_the_figures_show_the_tables_and_the_text_says_their_averages() -> None:
    figures = load("paper_figures")
    paper = figures.tables()
    models = paper["mcqa_reference"]
    means = [
        sum(paper[setting][name]["avg"]["acc"] for name in models) / len(models)
        for setting in ("mcqa_reference", "mcqa")
    ]
    text = " ".join((ROOT / "docs" / "paper.md").read_text(encoding="utf-8").split())
    assert f"The average over the {len(models)} models" in text
    assert f"falls from {means[0]:.1f}% to {means[1]:.1f}%" in text
    last = paper["grpo"]["Qwen2.5-VL-3B rp=1.0"]["avg"]
    assert f"{last['acc']}% right at {last['psr']} suggestions" in text
    [axes] = figures.gap(paper).axes
    drawn = [tuple(line.get_xdata()) for line in axes.lines if len(line.get_xdata()) == 2]
    assert sorted(drawn) == sorted((paper["mcqa"][name]["avg"]["acc"], models[name]["avg"]["acc"]) for name in models)
    assert set(figures.FIGURES) == {path.name for path in ROOT.glob("docs/paper_*.png")}
