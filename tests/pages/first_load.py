"""How much a page weighs on a first visit, and whether its parts stay in place."""

from playwright.sync_api import Page, Request

MOST_BYTES = 40_000
SETTLED = 150
"""How long a page that has loaded may go on changing, in milliseconds: its scripts have run by then."""

SHIFTS = """
  window.shifts = [];
  new PerformanceObserver((seen) => {
    for (const entry of seen.getEntries())
      if (entry.sources.length || entry.value >= 0.001)
        window.shifts.push(`${entry.value.toFixed(4)} ${entry.sources.map(({ node }) => node?.outerHTML?.slice(0, 80))}`);
  }).observe({ type: "layout-shift", buffered: true });
"""
"""On a busy machine Chromium tells of a shift of a ten thousandth of the window now and then, of no element at all: nobody
sees that. One that names an element counts, however small it is.
"""


class Load:
    """Everything that a page loads from its own server, with headers, as sent: call `Load(page)` before going
    there.
    """

    def __init__(self, page: Page) -> None:
        self.requests: list[Request] = []
        self._page = page
        page.on("requestfinished", self._keep)

    def _keep(self, request: Request) -> None:
        self.requests.append(request)

    def ends(self) -> None:
        """Whatever arrives from now on belongs to the next page."""
        self._page.remove_listener("requestfinished", self._keep)

    def weights(self, site: str) -> dict[str, int]:
        return {each.url: _weight(each) for each in self.requests if each.url.startswith(site)}


def _weight(request: Request) -> int:
    sizes = request.sizes()
    return sizes["responseBodySize"] + sizes["responseHeadersSize"]
