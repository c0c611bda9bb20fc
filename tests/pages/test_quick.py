"""Every page is light and stands still: what is there at first stays where it is."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request

from tests.pages.conftest import DESK, PHONE
from tests.pages.everywhere import PATHS
from tests.pages.server import Pages

MOST_BYTES = 60_000
SETTLED = 150
"""How long a page that has loaded may go on changing, in milliseconds: its scripts have run by then."""

SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((seen) => {
    for (const entry of seen.getEntries())
      window.shifts.push(`${entry.value.toFixed(4)} ${entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80))}`);
  }).observe({ type: "layout-shift", buffered: true });
"""


def test_a_first_visit_is_less_than_60_kb_over_the_wire(server: Pages, browser: Browser, cookies: dict):
    """With nothing kept from an earlier page: all that comes, with its headers, as it is served."""
    for who, path in PATHS:
        context = browser.new_context()
        context.add_cookies(cookies[who])
        page = context.new_page()
        finished: list[Request] = []
        page.on("requestfinished", lambda request, finished=finished: finished.append(request))
        page.goto(server.url + path, wait_until="load")
        page.wait_for_timeout(SETTLED)
        weights = {request.url: _weight(request) for request in finished}
        assert 2_000 < sum(weights.values()) < MOST_BYTES, f"{path} of {who or 'nobody'}: {weights}"
        assert 2 <= len(weights) <= 12, path
        context.close()


def _weight(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]


@pytest.mark.parametrize("look", [(PHONE, "light"), (DESK, "light")], indirect=True)
def test_nothing_moves_once_it_is_there(context: BrowserContext, page: Page, visited: Iterator):
    context.add_init_script(SHIFTS)
    for where, _ in visited:
        page.wait_for_timeout(SETTLED)
        assert page.evaluate("window.shifts") == [], where
