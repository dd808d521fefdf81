"""Builds the documentation site: make docs. What is on the page in the repository is what is on the site.

The pages are collected in a folder with the layout of the repository, so that links lead to the same places there;
files that they link to come along. The gallery is made anew each time: a few drawings, the scripted models and, where
torch is there, the two demo models, each with the page of its run. The finished site loads nothing from elsewhere.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).parents[1]
SITE = ROOT / "build" / "site"
PAGES = SITE / "pages"
HTML = SITE / "html"

PATTERNS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/*.md", "*/*/README.md")
LINK = re.compile(r"\]\(([^)#\s]+)")
OUTSIDE = re.compile(
    r"<(?:script|img|iframe)[^>]+src=\"?https?:|<link[^>]+rel=\"?(?:stylesheet|preload|icon)[^>]+https?:"
)
"""What makes a browser load something from elsewhere."""

MODELS = {
    "guess": "names a category at once",
    "abstain": "says that it does not know",
    "random": "picks any option",
    "ask": "asks as long as it can, then guesses",
    "oracle": "asks until it sees the answer",
}
DEMO = {"guesser": "a tiny network that learned to name drawings", "asker": "the same after it learned to ask"}


def collect() -> None:
    """Copies the pages, and what they link to."""
    for page in (path for pattern in PATTERNS for path in ROOT.glob(pattern)):
        if page.is_relative_to(ROOT / "build"):
            continue
        _copy(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link).resolve()
            if "://" not in link and target.is_file() and target.is_relative_to(ROOT):
                _copy(target)


def _copy(path: Path) -> None:
    target = PAGES / path.relative_to(ROOT)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)


def make_gallery() -> None:
    """Plays a small benchmark with every model that comes with the toolkit, and writes the page that shows the runs."""
    work = SITE / "gallery"
    data, place = work / "drawings", PAGES / "docs" / "gallery"
    _toolkit("build", "quickdraw", "--raw", ROOT / "raw_sources" / "bundled", "--per-category", 2, "--out", data)
    models = {f"scripted:{name}": said for name, said in MODELS.items()}
    if find_spec("torch"):
        models |= {f"demo:{name}": said for name, said in DEMO.items()}
    rows = []
    for model, said in models.items():
        name = model.partition(":")[2]
        _toolkit("evaluate", "--model", model, "--data", data, "--out", work / name)
        _toolkit("report", work / name, "--out", place / name)
        rows.append(f"| `{model}` | {said} | [its page](gallery/{name}/index.html) |")
    _toolkit("report", *(work / model.partition(":")[2] for model in models), "--out", place / "all")
    text = f"""# Gallery

Reports of the models that come with the toolkit, on 40 drawings of Quick, Draw!: scores, why a model fails, and every
episode.
[All of them on one page](gallery/all/index.html), or each:

| model | what it does | |
|---|---|---|
{chr(10).join(rows)}

Made with `proactivebench evaluate --model MODEL --data DATA --out RUN` and `proactivebench report RUN --out PAGE`, when
this site was built.
"""
    (PAGES / "docs" / "gallery.md").write_text(text, encoding="utf-8")


def _toolkit(*arguments: object) -> None:
    _run("-m", "proactivebench", *map(str, arguments))


def _run(*arguments: str) -> None:
    quiet = {"NO_MKDOCS_2_WARNING": "1"}
    subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, env={**os.environ, **quiet})  # noqa: S603


def outside(folder: Path) -> list[str]:
    """Pages below a folder that would load something from elsewhere."""
    return [str(path) for path in sorted(folder.rglob("*.html")) if OUTSIDE.search(path.read_text(encoding="utf-8"))]


def main() -> None:
    """Makes the whole site anew."""
    shutil.rmtree(SITE, ignore_errors=True)
    collect()
    make_gallery()
    _run("-m", "mkdocs", "build", "--strict", "--quiet")
    if pages := outside(HTML):
        sys.exit(f"These pages load something from elsewhere: {', '.join(pages)}")
    print(f"The site is {HTML / 'index.html'}")


if __name__ == "__main__":
    main()
