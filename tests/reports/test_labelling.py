"""Labels in the browser: scrub, choose frames, fill in, and find everything in the table."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from builders.vsod_desk import VsodDesk
from builders.vsod_proposals import propose
from proactivebench.reports.labelling import LabelSite
from proactivebench.reports.server import Server
from raw_sources import fakes
from raw_sources.vsod import Vsod
from tests.support.browser import open_browser, open_page

HOSTILE = "<img src=x onerror=\"document.title='broken into'\">"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    propose(Vsod.locate(fakes.make_vsod(tmp_path / "raw", videos=2)), tmp_path / "labels.csv")
    return tmp_path / "labels.csv"


@pytest.fixture
def server(table: Path) -> Iterator[Server]:
    with Server(LabelSite(VsodDesk(Vsod.locate(table.parent / "raw"), table), "VSOD")) as server:
        yield server


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_a_row_is_filled_in_and_kept_as_it_grows(server: Server, table: Path) -> None:
    with open_browser() as browser, open_page(browser) as page:
        page.goto(server.url)
        expect(page.locator("#state")).to_contain_text("0 of 2 rows complete")
        expect(page.locator("#view")).to_have_js_property("complete", True)
        assert page.locator("#view").evaluate("image => image.naturalWidth") > 0
        page.locator("#scrub").fill("5")
        expect(page.locator("#where")).to_contain_text("frame 5 of 0 to 23")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("1")
        expect(page.locator("#first")).to_have_text("6")
        page.locator("[name=kind]").select_option("people")
        page.locator("[name=answer]").fill(HOSTILE)
        page.locator("[name=wrong_answers]").fill("One|Two|Three")
        page.locator("[name=strong_occlusions]").select_option("yes")
        expect(page.locator("#state")).to_contain_text("1 of 2 rows complete")
        page.locator("#next").click()
        expect(page.locator("#entries [aria-current=true]")).to_contain_text("video_001")
        assert "broken into" not in page.title()
    kept = rows_of(table)[0]
    assert (kept["first_image"], kept["kind"], kept["answer"], kept["strong_occlusions"]) == (
        "6",
        "people",
        HOSTILE,
        "yes",
    )


def test_only_our_own_page_may_write_and_only_rows(server: Server, table: Path) -> None:
    before = table.read_bytes()
    origin = server.url.rsplit("/", 2)[0]
    client = httpx.Client(base_url=server.url, headers={"Origin": origin})
    assert client.post("save", json={"row": 0, "filled": {"kind": "x"}}, headers={"Origin": "null"}).status_code == 404
    for body in (
        b"{",
        b"[]",
        b'{"row": 0, "filled": {"video": "x"}}',
        b'{"row": 9, "filled": {}}',
        b'{"row": 0, "filled": {"kind": 3}}',
    ):
        assert client.post("save", content=body).status_code == 409
    for path in ("frame/0-99", "frame/9-0", "frame/-1-0", "frame/0", "elsewhere"):
        assert client.get(path).status_code == 404
    assert table.read_bytes() == before
