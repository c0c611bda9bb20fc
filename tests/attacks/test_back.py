"""After signing out, the back button shows nothing of a person's, even in a browser that keeps whole pages
for it.
"""

import re
from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page

from butt.accounts.tokens import issue_token
from butt.agents.states import State
from tests.chromium import WHOLE, chromium
from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD, account, bot_in
from tests.service import Person, wait_for


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """With the back/forward cache that people have: Playwright switches it off, and the shell has none."""
    kept = "--enable-features=BackForwardCache,CacheControlNoStoreEnterBackForwardCache"
    with chromium(kept, name=WHOLE, without=["--disable-back-forward-cache"]) as browser:
        yield browser


@pytest.fixture(scope="module")
def alice(server: Pages) -> Person:
    alice = server.person("alice@example.org")
    server.has_invited(server.bot_in(State.ALIVE, alice, "my"))
    return alice


def back(page: Page) -> None:
    """A page from the cache appears without being loaded."""
    page.go_back(wait_until="commit")
    wait_for(lambda: page.evaluate("document.readyState") == "complete")


def test_this_browser_keeps_pages_for_back(server: Pages, browser: Browser):
    page = browser.new_page()
    page.goto(f"{server.url}/")
    page.evaluate("window.wasKept = true")
    page.goto(f"{server.url}/up")
    back(page)
    assert page.evaluate("window.wasKept") is True
    page.close()


@pytest.mark.parametrize("path", ["/bots/my/invites", "/bots", "/account", "/bots/my/status"])
def test_back_after_signing_out_shows_nothing_private(
    server: Pages, alice: Person, browser: Browser, path: str
):
    context = browser.new_context()
    page = context.new_page()
    signs_in(page, server.url, "alice@example.org")
    page.wait_for_url(f"{server.url}/bots")
    page.goto(f"{server.url}{path}")
    shown = page.content()
    assert "/start" not in page.url
    page.goto(f"{server.url}/account")
    page.goto(f"{server.url}/bots")
    page.locator("details.menu summary").click()
    page.get_by_role("button", name=re.compile("sign out")).first.click()
    page.wait_for_url(f"{server.url}/")
    for _ in range(3):
        back(page)
        assert page.content() != shown
        assert "the Thursday group" not in page.content()
        assert "alice@example.org" not in page.content()
    context.close()


@pytest.mark.django_db
def test_no_page_or_answer_for_a_person_may_be_cached():
    alice = account("alice")
    bot = bot_in(State.ALIVE, alice.agent)
    client, program = Client(), Client(headers={"Authorization": f"Bearer {issue_token(alice)}"})
    client.force_login(alice)
    for path in (
        "/",
        "/bots",
        "/bots/my",
        "/bots/my/invites",
        "/bots/my/people",
        "/account",
        "/nowhere",
        "/name",
    ):
        assert "no-store" in client.get(path)["Cache-Control"], path
    for path in ("/agents", f"/agents/{bot.id}", f"/agents/{bot.id}/invites", "/belongs"):
        assert "no-store" in program.get(path)["Cache-Control"], path
    assert (
        "no-store" in Client().post("/start", {"email": alice.email, "password": PASSWORD})["Cache-Control"]
    )


@pytest.mark.django_db
@pytest.mark.parametrize(("path", "form"), [("/sign-out", {}), ("/account/delete", {"password": PASSWORD})])
def test_every_way_to_sign_out_clears_the_cache(path: str, form: dict[str, str]):
    client = Client()
    client.force_login(account("alice"))
    assert "Clear-Site-Data" not in client.get("/bots")
    assert client.post(path, form)["Clear-Site-Data"] == '"cache"'
