"""Every page is light and does not move: what is shown first stays where it is."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from butt.figures.series import RANGES
from tests.pages.conftest import DESK, PHONE, becomes, browsing
from tests.pages.everywhere import ALICE, PATHS
from tests.pages.first_load import MOST_BYTES, SETTLED, SHIFTS, Load
from tests.pages.server import Pages, signs_in
from tests.pages.slow_line import SlowLine
from tests.people import PASSWORD

PHONE_BY_DAY = {"viewport": {"width": PHONE[0], "height": PHONE[1]}, "color_scheme": "light"}


CROWDED, MANY = "crowded@example.org", 100
CAREFUL = "careful@example.org"
OF_CAREFUL = ["/account/factors/app", "/account/factors/passkeys", "/account/factors/passkeys/new"]
OF_CROWDED = ["/bots", "/bots/bot0", *(f"/bots/bot0/status?range={name}" for name in RANGES)]


TRANSFERRED = """performance.getEntriesByType("resource")
  .filter(({ name, transferSize }) => name.includes("/static/") && transferSize).map(({ name }) => name)"""


@dataclass
class Visit:
    where: str
    weights: dict[str, int]
    shifts: list[str]


@contextmanager
def phone(browser: Browser) -> Iterator[Page]:
    """A phone that has nothing cached from an earlier page."""
    with browsing(browser, PHONE_BY_DAY) as context:
        context.add_init_script(SHIFTS)
        page = context.new_page()
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.setCacheDisabled", {"cacheDisabled": True})
        yield page


@pytest.fixture(scope="module")
def first_visits(server: Pages, browser: Browser, cookies: dict) -> list[Visit]:
    """Every page."""
    with phone(browser) as page:
        return [_visit(server, page, who, path, cookies) for who, path in PATHS]


def _visit(server: Pages, page: Page, who: str, path: str, cookies: dict) -> Visit:
    becomes(who, path, server, page, cookies)
    # What was open before is gone. For a page of another site, the browser would start a process.
    page.goto(f"{server.url}/up")
    load = Load(page)
    page.goto(server.url + path, wait_until="load")
    page.wait_for_timeout(SETTLED)
    visit = Visit(f"{path} of {who or 'nobody'}", load.weights(server.url), page.evaluate("window.shifts"))
    load.ends()
    return visit


@pytest.fixture(scope="module")
def visits_with_many_bots(server: Pages, browser: Browser) -> list[Visit]:
    """The pages of somebody with 100 bots, of which one has a year of figures."""
    server.has_many_bots(server.person(CROWDED), MANY)
    with phone(browser) as page:
        signs_in(page, server.url, CROWDED)
        page.wait_for_url(f"{server.url}/bots")
        cookies = {CROWDED: page.context.cookies()}
        return [_visit(server, page, CROWDED, path, cookies) for path in OF_CROWDED]


def test_a_first_visit_is_less_than_40_kb_over_the_wire(first_visits: list[Visit]):
    for visit in first_visits:
        is_light(visit)


def test_so_is_one_of_somebody_with_100_bots_and_a_year_of_figures(visits_with_many_bots: list[Visit]):
    for visit in visits_with_many_bots:
        is_light(visit)
        assert visit.shifts == [], visit.where


def test_so_is_one_of_somebody_who_adds_a_second_factor(server: Pages, browser: Browser):
    server.person(CAREFUL)
    server.has_verified(CAREFUL)
    with phone(browser) as page:
        signs_in(page, server.url, CAREFUL)
        page.wait_for_url(f"{server.url}/newbie")
        page.goto(f"{server.url}/account/again?next={OF_CAREFUL[0]}")
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="yes").click()
        page.wait_for_url(server.url + OF_CAREFUL[0])
        cookies = {CAREFUL: page.context.cookies()}
        for path in OF_CAREFUL:
            is_light(_visit(server, page, CAREFUL, path, cookies))
            assert page.url == server.url + path


def is_light(visit: Visit) -> None:
    assert 2_000 < sum(visit.weights.values()) < MOST_BYTES, f"{visit.where}: {visit.weights}"
    assert 2 <= len(visit.weights) <= 12, visit.where


def test_no_file_is_loaded_again_on_a_second_visit(server: Pages, browser: Browser, cookies: dict):
    """Names change with their content, so a browser keeps what it has for a year."""
    with browsing(browser, PHONE_BY_DAY) as context:
        context.add_cookies(cookies[ALICE])
        page = context.new_page()
        for is_first in (True, False):
            load = Load(page)
            page.goto(f"{server.url}/bots/alive-bot/status", wait_until="load")
            page.wait_for_timeout(SETTLED)
            load.ends()
            files = [each.response() for each in load.requests if "/static/" in each.url]
            assert len(files) >= 8
            for file in files:
                assert file
                assert re.search(r"/static/[0-9a-f]{12}/", file.url)
                assert file.headers["cache-control"] == "max-age=31536000, public, immutable"
            came = page.evaluate(TRANSFERRED)
            assert bool(came) == is_first, came


def test_nothing_moves_on_a_first_visit(first_visits: list[Visit]):
    for visit in first_visits:
        assert visit.shifts == [], visit.where


@pytest.mark.parametrize("look", [(DESK, "light")], indirect=True)
def test_nothing_moves_after_loading(context: BrowserContext, page: Page, visited: Iterator):
    context.add_init_script(SHIFTS)
    for where, _ in visited:
        page.wait_for_timeout(SETTLED)
        assert page.evaluate("window.shifts") == [], where


def test_nothing_moves_while_a_page_arrives_slowly(
    server: Pages, context: BrowserContext, page: Page, cookies: dict
):
    """The top of a bot's page would grow under its content."""
    context.add_init_script(SHIFTS)
    context.add_cookies(cookies[ALICE])
    with SlowLine(server.port, b"</details>") as line:
        page.goto(f"{line.url}/bots/starting-bot")
        page.wait_for_timeout(SETTLED)
        assert page.evaluate("window.shifts") == []
