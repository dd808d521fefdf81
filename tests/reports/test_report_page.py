"""The page in a real browser: opens from the disk, filters, obeys the keys, follows a run, runs nothing foreign."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from rich.progress import Progress

from proactivebench.benchmark import Benchmark
from proactivebench.evaluation.run_log import EPISODES
from proactivebench.models.base import Model, Request
from proactivebench.reports.report import write_report
from proactivebench.reports.runs import load_runs
from proactivebench.reports.server import Server
from proactivebench.reports.sites import RunsSite, SamplesSite
from tests.support.browser import open_browser, open_page
from tests.support.small_runs import play

HOSTILE = (
    "<img src=x onerror=\"document.title='broken into'\"></script></style>"
    "<script>document.title='broken into'</script>\u2028{{ 7 * 7 }}"
)


class Hostile(Model):
    async def reply(self, request: Request) -> str:
        return HOSTILE

    def identity(self) -> Mapping[str, object]:
        return {"model": HOSTILE}


@pytest.fixture(scope="module")
def report(small_report: Path) -> str:
    """The address of a report of two runs with six episodes each."""
    return (small_report / "index.html").as_uri()


@pytest.fixture(scope="module")
def hostile(small_runs: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of a report of a run whose name, folder and replies try to break out."""
    folder = tmp_path_factory.mktemp("hostile")
    runs = load_runs([play(small_runs / "data", Hostile(), folder / "<i>run")])
    with Progress(disable=True) as progress:
        write_report(runs, folder / "report", progress)
    return (folder / "report" / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser(small_runs: Path, hostile: str) -> Iterator[Browser]:
    """One for all tests here; whatever plays runs is asked for before it opens."""
    with open_browser() as browser:
        yield browser


def test_the_first_episode_is_shown_with_its_pictures(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        expect(page.locator("#count")).to_have_text("12 episodes")
        expect(page.locator("#entry h3")).to_contain_text("scripted:ask")
        picture = page.locator("#entry .turn img").first
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0
        for plot in page.locator("figure img").all():
            assert plot.evaluate("image => image.naturalWidth") > 0


def test_filters_and_search_narrow_the_list(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        page.locator("select[name=part]").select_option(label="scripted:guess")
        expect(page.locator("#count")).to_have_text("6 of 12 episodes")
        expect(page.locator("#entry h3")).to_contain_text("scripted:guess")
        page.locator("select[name=mark]").select_option(label="asked")
        expect(page.locator("#count")).to_have_text("0 of 12 episodes")
        expect(page.locator("#entry")).to_contain_text("No episodes fit")
        page.get_by_text("Clear").click()
        expect(page.locator("#count")).to_have_text("12 episodes")
        page.locator("input[name=search]").fill("HOUSE/")
        expect(page.locator("#count")).to_have_text("4 of 12 episodes")


def test_a_colour_of_a_bar_shows_its_episodes(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        bar = page.locator("#summary rect[data-part='1'][data-ending]").first
        ending = bar.get_attribute("data-ending")
        number = re.findall(r": (\d+) of 6", bar.locator("title").text_content() or "")[0]
        bar.dispatch_event("click")
        expect(page.locator("#count")).to_have_text(f"{number} of 12 episodes")
        expect(page.locator("#entry .pill")).to_have_text(str(ending))


def test_a_category_that_is_hard_leads_to_its_episodes(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        category = page.locator("details.why[open] .small a").first
        answer = category.inner_text()
        category.click()
        expect(page.locator("#count")).to_have_text("2 of 12 episodes")
        expect(page.locator("#entry .facts b")).to_have_text(answer)
        expect(page.locator("#browser")).to_be_in_viewport()


def test_the_contents_lead_everywhere_and_open_what_is_closed(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        for entry in page.locator(".contents a").all():
            entry.click()
            expect(page.locator(entry.get_attribute("href") or "")).to_be_in_viewport()
        expect(page.locator("#runs")).to_contain_text("settings.mode")


def test_every_model_of_the_paper_says_its_name_where_the_pointer_is(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        spot = page.locator(".plot").first.locator(".spot").filter(has_text="o4-mini")
        expect(spot.locator("text")).to_be_hidden()
        spot.scroll_into_view_if_needed()
        spot.locator("circle").hover(force=True)
        expect(spot.locator("text")).to_be_visible()
        assert page.locator(".plot").first.locator(".spot").count() == 22 + 2


def test_a_report_without_episodes_says_so(browser: Browser, small_runs: Path, tmp_path: Path) -> None:
    shutil.copytree(small_runs, tmp_path / "place")
    (tmp_path / "place" / "ask" / EPISODES).unlink()
    with Progress(disable=True) as progress:
        write_report(load_runs([tmp_path / "place" / "ask"]), tmp_path / "report", progress)
    with open_page(browser) as page:
        page.goto((tmp_path / "report" / "index.html").as_uri())
        expect(page.locator("#entry")).to_have_text("There are no episodes yet.")
        expect(page.locator("#filters")).to_be_hidden()


def test_keys_go_from_episode_to_episode(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        title = page.locator("#entry h3")
        first = title.inner_text()
        page.keyboard.press("ArrowLeft")
        expect(title).to_have_text(first)
        page.keyboard.press("ArrowRight")
        expect(title).not_to_have_text(first)
        expect(page.locator(".row[aria-selected=true]")).to_have_count(1)
        page.keyboard.press("k")
        expect(title).to_have_text(first)
        page.keyboard.press("/")
        page.keyboard.type("j")
        expect(page.locator("input[name=search]")).to_have_value("j")


def test_an_address_leads_to_its_episode_among_those_of_its_filters(browser: Browser, report: str) -> None:
    with open_page(browser) as page:
        page.goto(report)
        page.locator("select[name=part]").select_option(label="scripted:guess")
        expect(page.locator("#count")).to_have_text("6 of 12 episodes")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        shown, address = page.locator("#entry h3").inner_text(), page.url
        page.goto("about:blank")
        page.goto(address)
        expect(page.locator("#entry h3")).to_have_text(shown)
        expect(page.locator("#count")).to_have_text("6 of 12 episodes")


def test_hostile_texts_stay_texts(browser: Browser, hostile: str) -> None:
    with open_page(browser) as page:
        page.goto(hostile)
        expect(page.locator("#entry .reply")).to_have_text(HOSTILE)
        expect(page.locator("h1")).to_have_text(HOSTILE)
        assert "broken into" not in page.title()[: -len(HOSTILE)]
        assert page.title().endswith("ProactiveBench")
        assert page.locator("img[src=x]").count() == 0


def test_the_page_fits_a_phone(browser: Browser, report: str) -> None:
    with open_page(browser, viewport={"width": 390, "height": 844}) as page:
        page.goto(report)
        expect(page.locator("#entry .turn").first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_view_follows_a_run(browser: Browser, small_runs: Path, tmp_path: Path) -> None:
    run = shutil.copytree(small_runs / "ask", tmp_path / "run")
    lines = (run / EPISODES).read_bytes().splitlines(keepends=True)
    (run / EPISODES).write_bytes(lines[0])
    with Server(RunsSite(load_runs([run], [small_runs / "data"]))) as server, open_page(browser) as page:
        page.clock.install()
        page.goto(server.url)
        expect(page.locator("#count")).to_have_text("1 episode")
        shown = page.locator("#entry h3").inner_text()
        details = page.locator("#figures details, #summary details").first
        is_open = details.evaluate("details => { details.dataset.old = 1; return details.open = !details.open }")
        (run / EPISODES).write_bytes(b"".join(lines))
        page.clock.fast_forward(5000)
        expect(page.locator("#count")).to_have_text("6 episodes")
        expect(page.locator("#entry h3")).to_have_text(shown)
        expect(details).not_to_have_attribute("data-old", "1")
        expect(details).to_have_js_property("open", is_open)
        expect(page.locator("#summary .endings tbody")).to_contain_text("6")


def test_samples_can_be_looked_at(browser: Browser, small_runs: Path) -> None:
    with Server(SamplesSite(Benchmark.open(small_runs / "data"))) as server, open_page(browser) as page:
        page.goto(server.url)
        expect(page.locator("#count")).to_have_text("6 samples")
        expect(page.locator("#entry .turn").first).to_contain_text("frame 2")
        picture = page.locator("#entry .turn img").first
        picture.scroll_into_view_if_needed()
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("image => image.naturalWidth") > 0
