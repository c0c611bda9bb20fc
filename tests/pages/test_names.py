"""While a bot's name is typed, the page says whether it can be used."""

import pytest
from playwright.sync_api import Page, expect

from butt.agents.states import State
from tests.pages.server import Pages, signs_in

TYPED_FAST = """(field, values) => {
    for (const value of values) {
        field.value = value;
        field.dispatchEvent(new InputEvent("input", { bubbles: true }));
    }
}"""


@pytest.fixture
def new_bot(server: Pages, page: Page) -> Page:
    signs_in(page, server.url, "alice@example.org")
    page.goto(f"{server.url}/bots/new")
    return page


@pytest.fixture(scope="module", autouse=True)
def _alice_and_bob_have_bots(server: Pages):
    server.bot_in(State.ALIVE, server.person("alice@example.org"), "hers")
    server.bot_in(State.ALIVE, server.person("bob@example.org"), "his")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("His", "“his” is taken. Please choose another name."),
        ("a b", "A name can contain the letters a to z, digits and hyphens, but not a space."),
        ("www", "“www” is reserved. Please choose another name."),
    ],
)
def test_an_invalid_name_is_marked_with_the_reason(new_bot: Page, typed: str, told: str):
    field = new_bot.get_by_label("name")
    field.press_sequentially(typed)
    expect(new_bot.locator("#bot-said")).to_have_text(told)
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(f".butt.nz {told}")
    field.clear()
    expect(new_bot.locator("#bot-said")).to_be_empty()


def test_a_free_name_is_shown_in_full(new_bot: Page):
    field = new_bot.get_by_label("name")
    field.press_sequentially(" Hermit")
    expect(new_bot.locator("#bot-said")).to_have_text("hermit.butt.nz is free")
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_the_server_has_the_last_word(new_bot: Page):
    field = new_bot.get_by_label("name")
    field.fill("his")
    field.press("Enter")
    expect(new_bot.get_by_role("alert")).to_have_text("“his” is taken. Please choose another name.")
    expect(field).to_have_value("his")
    expect(field).to_be_focused()
    field.press("End")
    field.press_sequentially("tory")
    expect(new_bot.get_by_role("alert")).to_have_count(0)
    expect(new_bot.locator("#bot-said")).to_have_text("history.butt.nz is free")


def test_typing_fast_asks_once(new_bot: Page):
    asked: list[str] = []
    new_bot.on("request", lambda request: asked.append(request.url) if "/name?" in request.url else None)
    new_bot.get_by_label("name").evaluate(TYPED_FAST, ["h", "he", "her", "hermit"])
    expect(new_bot.locator("#bot-said")).to_have_text("hermit.butt.nz is free")
    assert len(asked) == 1
