"""A real headless browser for tests of pages; they are skipped where none is installed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")


@contextmanager
def open_page(**options: Any) -> Iterator[Page]:
    """A page of a headless Chromium; leaving it fails if the page complained on its console or asked the network.

    No asyncio loop may be started in this thread while the page is open.
    """
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is None:
        pytest.skip("needs Chromium (Debian: apt-get install chromium)")
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        page = browser.new_page(**options)
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if _is_external(request.url) else None)
        yield page
        browser.close()
    assert complaints == []


def _is_external(url: str) -> bool:
    return not url.startswith(("file:", "data:", "http://127.0.0.1:"))
