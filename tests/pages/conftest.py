"""A real browser, and what a person sees and does in it."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from butt.agents.states import State
from tests.chromium import chromium
from tests.pages.everywhere import ALICE, NEWBIE, OF_PROVEN, PATHS
from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD

PHONE, DESK = (390, 844), (1280, 800)

PATIENCE = 30_000
"""Milliseconds that a page may take to show what is expected. Other tests run beside it, and Chromium waits for its turn."""
expect.set_options(timeout=PATIENCE)

# Errors that the server returns on purpose are not faults of a page: a taken name, a missing page, or one
# that only accepts a button's form.
ANSWERED = re.compile(r"Failed to load resource: the server responded with a status of 4(04|05|10|22)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """For one module only: while it is open, its event loop interferes with tests that have their own."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """The public server alone, where a test says how each bot is."""
    with Pages(tmp_path_factory.mktemp("home")) as pages:
        yield pages


@pytest.fixture
def look(request: pytest.FixtureRequest) -> dict[str, object]:
    """The browser's settings: a light phone, unless a test asks for others."""
    width_and_height, scheme = getattr(request, "param", (PHONE, "light"))
    width, height = width_and_height
    return {"viewport": {"width": width, "height": height}, "color_scheme": scheme}


@pytest.fixture
def context(browser: Browser, look: dict[str, object]) -> Iterator[BrowserContext]:
    with browsing(browser, look) as context:
        yield context


@contextmanager
def browsing(browser: Browser, look: dict[str, object]) -> Iterator[BrowserContext]:
    """A fresh browser; at the end, none of its pages may have reported an error."""
    context = browser.new_context(**look)
    context.set_default_timeout(PATIENCE)
    complaints: list[str] = []
    context.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    context.on("weberror", lambda fault: complaints.append(str(fault.error)))
    yield context
    context.close()
    assert [said for said in complaints if not ANSWERED.match(said)] == []


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture(scope="module")
def cookies(server: Pages, browser: Browser) -> dict[str, list]:
    """Alice has a bot in each state, a new person has none. Signing in once is enough for all looks."""
    alice = server.person(ALICE)
    for state in State:
        bot = server.bot_in(state, alice, f"{state}-bot")
        server.has_lived(bot)
        if state is State.ALIVE:
            server.has_joined(bot)
            server.says(
                bot, *(f"the pub listens at net:alive-bot.butt.nz:8100 for {n} days" for n in range(40))
            )
            server.says(bot, "ssb-friends: stream legacy api used", level="warning")
            server.says(bot, "The disk is full.", level="error")
        server.has_invited(bot)
    server.person(NEWBIE)
    kept: dict[str, list] = {"": []}
    for email in (NEWBIE, ALICE):
        context = browser.new_context()
        page = context.new_page()
        signs_in(page, server.url, email)
        page.wait_for_url(re.compile("/(newbie|bots)$"))
        kept[email] = context.cookies()
        context.close()
    return kept


@pytest.fixture
def visited(server: Pages, page: Page, cookies: dict[str, list]) -> Iterator[tuple[str, Response]]:
    return every_page(server, page, cookies)


def becomes(who: str, path: str, server: Pages, page: Page, cookies: dict[str, list]) -> None:
    """Make the browser that of somebody who may open `path`."""
    page.context.clear_cookies()
    page.context.add_cookies(cookies[who])
    if path in OF_PROVEN:
        page.goto(f"{server.url}/account/again?next={path}")
        page.get_by_label("password").fill(PASSWORD)
        page.get_by_role("button", name="yes").click()
        page.wait_for_url(server.url + path)


def every_page(server: Pages, page: Page, cookies: dict[str, list]) -> Iterator[tuple[str, Response]]:
    """One page after the other, each loaded."""
    for who, path in PATHS:
        becomes(who, path, server, page, cookies)
        response = page.goto(server.url + path)
        assert response is not None
        yield f"{path} of {who or 'nobody'}", response
