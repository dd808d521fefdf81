"""Takes the pictures of pages that README and docs show: make screenshots.

The pages are made anew: the demo, its asker also with forced answers, the seven scenarios, and the first question to a
person. A headless Chromium then looks at them. Each picture is taken light and wide for the documents; `--all` also
takes each as a phone and the dark show it, for someone who changes a page; these stay in build/screenshots.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
WORK = ROOT / "build" / "screenshots"
WIDTH, PHONE = 1240, 390
LOOKS = [(WIDTH, "light"), (WIDTH, "dark"), (PHONE, "light"), (PHONE, "dark")]
"""Width in pixels and colour scheme; the first is that of the documents."""


def toolkit(*words: object) -> None:
    """Runs a command of the toolkit."""
    subprocess.run([sys.executable, "-m", "proactivebench", *map(str, words)], cwd=ROOT, check=True)  # noqa: S603


@contextmanager
def serving(*words: object) -> Iterator[str]:
    """A command that shows a page until it is stopped, and the page's address."""
    command = [sys.executable, "-u", "-m", "proactivebench", *map(str, words)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as program:  # noqa: S603
        assert program.stderr is not None
        said = next(line for line in program.stderr if line.startswith("Open "))
        yield said.split()[1]
        program.terminate()


def make_runs() -> None:
    """The demo, a forced run, and the two reports that the documents show."""
    data, runs = WORK / "demo" / "data", WORK / "demo" / "runs"
    toolkit("demo", "--out", WORK / "demo")
    toolkit("evaluate", "--model", "demo:asker", "--data", data, "--out", WORK / "forced", "--mode", "forced")
    shown = [*(runs / name for name in ("ask", "oracle", "guesser", "asker")), WORK / "forced"]
    toolkit("report", *shown, "--out", WORK / "report", "--compare", "paper")
    toolkit("report", runs / "tour", "--out", WORK / "tour")


def cut(page: Page, name: str, first: str, last: str | None = None, most: int = 1400) -> None:
    """Takes what lies between the top of one element and the end of another, at most so many pixels high."""
    page.evaluate("scrollTo(0, 0)")
    top = page.locator(first).first.bounding_box()
    end = page.locator(last or first).first.bounding_box()
    assert top is not None
    assert end is not None
    start = max(0.0, top["y"] - 24)
    width = page.viewport_size["width"] if page.viewport_size else WIDTH
    height = min(most, end["y"] + end["height"] + 24 - start)
    page.screenshot(path=WORK / name, full_page=True, clip={"x": 0, "y": start, "width": width, "height": height})


def look(browser: Browser, width: int, scheme: str, suffix: str) -> None:
    """Takes all pictures as one reader sees them; a suffix tells them from those of others."""
    height = 900 if width == WIDTH else 844
    dark = scheme == "dark"
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light")
    page.goto((WORK / "report" / "index.html").as_uri())
    page.locator("#entry h3").wait_for()
    cut(page, f"report{suffix}.png", "header", "#scores")
    for run in (0, 3):  # the first is open; the demo's asker shall be
        page.locator("details.why").nth(run).locator("summary").first.click()
    cut(page, f"why{suffix}.png", "#asking", "#why")
    page.goto((WORK / "report" / "index.html").as_uri() + "#part=3&ending=right&turns=3")
    page.reload()
    page.locator("#entry h3").wait_for()
    cut(page, f"episodes{suffix}.png", "#browser", most=height)
    page.goto((WORK / "tour" / "index.html").as_uri())
    page.locator("#entry h3").wait_for()
    cut(page, f"scenarios{suffix}.png", "header", "#scores", most=2400)
    shutil.rmtree(WORK / "ada", ignore_errors=True)
    with serving("play", WORK / "demo" / "tour", "--name", "ada", "--limit", 1, "--out", WORK / "ada") as address:
        page.goto(address)
        page.locator("img.view").wait_for()
        page.screenshot(path=WORK / f"play{suffix}.png")
    page.close()


def main() -> None:
    """Makes the pages, takes their pictures, and puts those of the documents there, smaller by their palette."""
    from PIL import Image

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("Chromium is needed (Debian: apt-get install chromium).")
    make_runs()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        for width, scheme in LOOKS if "--all" in sys.argv else LOOKS[:1]:
            look(browser, width, scheme, "" if (width, scheme) == LOOKS[0] else f"-{width}-{scheme}")
        browser.close()
    for name in ("report", "why", "episodes", "play"):
        with Image.open(WORK / f"{name}.png") as picture:
            picture.convert("RGB").quantize(256).save(DOCS / f"{name}.png", optimize=True)
    with Image.open(WORK / "demo" / "tour.png") as picture:
        picture.convert("RGB").quantize(256).save(DOCS / "tour.png", optimize=True)
    print(f"Taken: docs/*.png; all of them are in {WORK}")


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
