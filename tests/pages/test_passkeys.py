"""Passkeys in a real browser with a virtual authenticator; the strict policy holds."""

import sqlite3

from playwright.sync_api import BrowserContext, Page, expect

from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD

PRESENT = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_is_made_signs_in_and_is_a_second_factor(
    server: Pages, context: BrowserContext, page: Page
):
    server.person("passkey@example.org").names_a_bot("hers")
    database = sqlite3.connect(server.home / "butt.sqlite3", timeout=20)
    with database:
        database.execute("UPDATE account_emailaddress SET verified = 1")
    database.close()
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": PRESENT})
    url = server.url.replace("127.0.0.1", "localhost")  # A passkey belongs to a name, never to an address.

    signs_in(page, url, "passkey@example.org")
    page.goto(f"{url}/account/factors/passkeys/new")
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_label("name", exact=True)).to_have_value("passkey")
    page.get_by_label("name", exact=True).fill("my thumb")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("heading", name="recovery codes")).to_be_visible()
    expect(page.locator(".codes li")).to_have_count(10)

    _leave(page, url)
    page.get_by_role("button", name="passkey").click()
    expect(page.get_by_role("link", name="hers.butt.nz")).to_be_visible()

    _leave(page, url)
    signs_in(page, url, "passkey@example.org")
    page.get_by_role("button", name="use a passkey").click()
    expect(page.get_by_role("link", name="hers.butt.nz")).to_be_visible()


def _leave(page: Page, url: str) -> None:
    page.goto(f"{url}/bots")
    page.locator("summary").click()
    page.get_by_role("button", name="sign out").click()
    expect(page.get_by_role("link", name="start")).to_be_visible()
    page.goto(f"{url}/start")
