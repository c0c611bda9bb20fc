"""A real browser, and what a person sees and does in it."""

import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.pages.server import Pages

PHONE, DESK = (390, 844), (1280, 800)

# What the server answers on purpose is no fault of a page: a name that is taken, a page that is not there.
ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of 4(04|10|22)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module only: while it is open, its event loop is in the way of tests that have one of their own."""
    chromium = shutil.which("chromium")
    assert chromium, "a browser is needed: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The public server alone, where a test says how each bot is."""
    with Pages(tmp_path_factory.mktemp("home")) as pages:
        yield pages


@pytest.fixture
def look(request: pytest.FixtureRequest) -> dict[str, object]:
    """How the browser is: a light phone, unless a test asks for more looks."""
    width_and_height, scheme = getattr(request, "param", (PHONE, "light"))
    width, height = width_and_height
    return {"viewport": {"width": width, "height": height}, "color_scheme": scheme}


@pytest.fixture
def context(browser: Browser, look: dict[str, object]) -> Iterator[BrowserContext]:
    """A browser of one's own; in the end, no page of it may have complained."""
    context = browser.new_context(**look)
    context.set_default_timeout(10_000)
    complaints: list[str] = []
    context.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    context.on("weberror", lambda fault: complaints.append(str(fault.error)))
    yield context
    context.close()
    assert [said for said in complaints if not ANSWERED.match(said)] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()
