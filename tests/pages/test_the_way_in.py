"""From the landing page to a living bot and back, as a person would go."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.pages.conftest import DESK, PHONE
from tests.people import PASSWORD
from tests.service import Service

ALIVE_BY = 60_000
LOOKS = [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")]


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=lambda look: f"{look[0][0]}-{look[1]}")
def test_a_new_person_watches_their_bot_come_alive(site: Service, page: Page, request: pytest.FixtureRequest):
    name = "way-" + re.sub(r"\W", "-", request.node.callspec.id)
    page.goto(site.url)
    expect(page.get_by_role("heading")).to_have_text("What if everyone had a friend in the cloud?")
    page.get_by_role("link", name="start").click()

    page.get_by_label("email").fill(f"{name}@example.org")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()

    expect(page.get_by_text("welcome!")).to_be_visible()
    page.get_by_label("name").first.fill("Alice")
    page.get_by_role("group", name="bot").get_by_label("name").fill(name)
    expect(page.get_by_text(f"{name}.localhost is free")).to_be_visible()
    page.get_by_role("button", name="yes").click()

    expect(page.get_by_role("heading", name=f"{name}.localhost")).to_be_visible()
    page.evaluate("window.stayed = true")
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    expect(page).to_have_title(f"{name}.localhost #alive")
    expect(page.locator("#fact-address")).to_contain_text("net:127.0.0.1:")
    expect(page.locator("#fact-id")).to_contain_text(".ed25519")

    page.get_by_role("button", name="stop").click()
    expect(page.get_by_text("#stopped")).to_be_visible(timeout=ALIVE_BY)
    page.get_by_role("button", name="start", exact=True).click()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    page.get_by_role("button", name="restart").click()
    expect(page.get_by_text("#stopping").or_(page.get_by_text("#starting"))).to_be_visible()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    assert page.evaluate("window.stayed"), "all of it without a reload"


def test_a_known_person_signs_in_with_the_same_form(site: Service, page: Page):
    site.person("bob@example.org").names_a_bot("bobs")
    page.goto(f"{site.url}/bots/bobs")
    expect(page.get_by_role("heading", name="start")).to_be_visible()
    page.get_by_label("email").fill("Bob@example.org")
    page.get_by_label("password").fill("not his password")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("alert")).to_have_text("Wrong email or password.")
    expect(page.get_by_label("password")).to_have_accessible_description("Wrong email or password.")
    expect(page.get_by_label("password")).to_be_focused()

    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="bobs.localhost")).to_be_visible()

    page.locator("summary").click()
    page.get_by_role("link", name="bots").click()
    expect(page.get_by_role("link", name="bobs.localhost")).to_be_visible()
    page.locator("summary").click()
    page.get_by_role("button", name="sign out").click()
    expect(page.get_by_role("link", name="start")).to_be_visible()


def test_a_bot_is_deleted_by_typing_its_name_and_can_be_restored(site: Service, page: Page):
    site.person("carol@example.org").names_a_bot("carols")
    page.goto(f"{site.url}/start?next=/bots/carols")
    page.get_by_label("email").fill("carol@example.org")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)

    page.get_by_role("link", name="delete").click()
    page.get_by_label("type its name").fill("another")
    page.get_by_role("button", name="delete").click()
    expect(page.get_by_role("alert")).to_have_text("To delete it, type its name: carols")
    page.get_by_label("type its name").fill("carols")
    page.get_by_role("button", name="delete").click()

    expect(page.get_by_text("#leaving")).to_be_visible()
    expect(page.get_by_text("You can restore it until")).to_be_visible()
    page.get_by_role("button", name="restore").click()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    expect(page.get_by_text("You can restore it until")).to_be_hidden()
