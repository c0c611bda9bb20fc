"""Every page is light and stands still: what is there at first stays where it is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page

from tests.pages.conftest import DESK, PHONE
from tests.pages.everywhere import ALICE, PATHS
from tests.pages.first_load import MOST_BYTES, SETTLED, SHIFTS, Load
from tests.pages.server import Pages
from tests.pages.slow_line import SlowLine


def test_a_first_visit_is_less_than_60_kb_over_the_wire(
    server: Pages, context: BrowserContext, page: Page, cookies: dict
):
    """With nothing kept from an earlier page."""
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    for who, path in PATHS:
        context.clear_cookies()
        context.add_cookies(cookies[who])
        page.goto("about:blank")
        load = Load(page)
        page.goto(server.url + path, wait_until="load")
        page.wait_for_timeout(SETTLED)
        weights = load.weights(server.url)
        assert 2_000 < sum(weights.values()) < MOST_BYTES, f"{path} of {who or 'nobody'}: {weights}"
        assert 2 <= len(weights) <= 12, path
        load.ends()


@pytest.mark.parametrize("look", [(PHONE, "light"), (DESK, "light")], indirect=True)
def test_nothing_moves_once_it_is_there(context: BrowserContext, page: Page, visited: Iterator):
    context.add_init_script(SHIFTS)
    for where, _ in visited:
        page.wait_for_timeout(SETTLED)
        assert page.evaluate("window.shifts") == [], where


def test_nothing_moves_where_a_page_comes_bit_by_bit(
    server: Pages, context: BrowserContext, page: Page, cookies: dict
):
    """The top of a bot's page would grow under what stands in it already."""
    context.add_init_script(SHIFTS)
    context.add_cookies(cookies[ALICE])
    with SlowLine(server.port, b"</details>") as line:
        page.goto(f"{line.url}/bots/starting-bot")
        page.wait_for_timeout(SETTLED)
        assert page.evaluate("window.shifts") == []
