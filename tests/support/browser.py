"""A real headless browser for tests of pages; they are skipped where none is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.support.processes import PATIENCE

NAMES = ("chromium", "chromium-browser", "google-chrome")

expect.set_options(timeout=PATIENCE * 1000)


@contextmanager
def open_browser() -> Iterator[Browser]:
    """A headless Chromium, closed at the end. No asyncio loop may be started in this thread while it is open."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page that shares nothing with others; leaving it fails if it complained on its console or asked the network."""
    complaints: list[str] = []
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE * 1000)
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if _is_external(request.url) else None)
    yield page
    page.close()
    assert complaints == []


def _is_external(url: str) -> bool:
    return not url.startswith(("file:", "data:", "http://127.0.0.1:"))
