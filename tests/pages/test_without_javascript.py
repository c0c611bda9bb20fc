"""The pages work with JavaScript switched off."""

import pytest
from playwright.sync_api import Page, expect

from butt.agents.states import State
from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD


@pytest.fixture
def look() -> dict[str, object]:
    return {"java_script_enabled": False, "viewport": {"width": 390, "height": 844}}


def test_signing_up_without_javascript(server: Pages, page: Page):
    server.person("bob@example.org").names_a_bot("his")
    page.goto(server.url)
    page.locator("summary").click()
    page.get_by_role("navigation").get_by_role("link", name="start").click()
    expect(page.get_by_role("button", name="show")).to_be_hidden()
    page.get_by_label("email").fill("alice@example.org")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()

    bot = page.get_by_role("group", name="bot").get_by_label("name")
    bot.fill("his")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("alert")).to_have_text("“his” is taken. Please choose another name.")
    bot.fill("hers")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="hers.butt.nz")).to_be_visible()
    expect(page.get_by_text("#new")).to_be_visible()
    expect(page.get_by_text("We are setting it up.")).to_be_visible()


def test_a_click_shows_and_a_changing_page_reloads_by_itself(server: Pages, page: Page):
    bot = server.bot_in(State.ALIVE, server.person("carol@example.org"), "carols")
    signs_in(page, server.url, "carol@example.org")
    page.get_by_role("link", name="carols.butt.nz").click()
    expect(page.get_by_role("button", name="copy")).to_have_count(0)
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_text("#stopping")).to_be_visible()
    server.turn(bot, State.STOPPED)
    expect(page.get_by_text("#stopped")).to_be_visible()


def test_a_refusal_is_shown(server: Pages, page: Page):
    bot = server.bot_in(State.ALIVE, server.person("dan@example.org"), "dans")
    signs_in(page, server.url, "dan@example.org")
    page.goto(f"{server.url}/bots/dans")
    server.turn(bot, State.STOPPED)
    page.get_by_role("button", name="restart").click()
    expect(page.get_by_text("You cannot restart dans while it is #stopped.")).to_be_visible()
