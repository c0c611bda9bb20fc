"""Everything can be done with the keyboard alone."""

from playwright.sync_api import Page, expect

from butt.agents.states import State
from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD


def test_signing_up_by_keyboard(server: Pages, page: Page):
    page.goto(server.url)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="start")).to_be_focused()
    page.keyboard.press("Enter")

    page.wait_for_url("**/start")
    _tab_to(page, "#email")
    page.keyboard.type("alice@example.org")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    expect(page.get_by_label("password")).to_have_attribute("type", "text")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url("**/newbie")
    _tab_to(page, "#name")
    page.keyboard.type("Alice")
    page.keyboard.press("Tab")
    page.keyboard.type("hers")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="hers.butt.nz")).to_be_visible()


def test_the_menu_opens_and_closes(server: Pages, page: Page):
    server.bot_in(State.ALIVE, server.person("bob@example.org"), "his")
    signs_in(page, server.url, "bob@example.org")
    _tab_to(page, "summary")
    page.keyboard.press("Enter")
    menu = page.get_by_role("navigation", name="menu")
    expect(menu).to_be_visible()
    page.keyboard.press("Tab")
    expect(menu.get_by_role("link", name="bots")).to_be_focused()
    page.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(page.locator("summary")).to_be_focused()


def test_a_panel_is_closed_by_its_x(server: Pages, page: Page):
    page.goto(f"{server.url}/start")
    _tab_to(page, ".close")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{server.url}/")


def test_the_focus_is_visible(server: Pages, page: Page):
    server.bot_in(State.ALIVE, server.person("carol@example.org"), "carols")
    signs_in(page, server.url, "carol@example.org")
    page.goto(f"{server.url}/bots/carols")
    for target in ("summary", "#ask-restart", "#ask-delete", "#copy-address"):
        _tab_to(page, target)
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def _tab_to(page: Page, target: str) -> None:
    for _ in range(20):
        page.keyboard.press("Tab")
        if page.evaluate("target => document.activeElement?.matches(target)", target):
            return
    raise AssertionError(f"{target} is not reached with the tab key")
