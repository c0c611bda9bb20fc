"""Invites in a browser: made, passed on, accepted by a real ssb-server meanwhile, and revoked."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
import segno
from playwright.sync_api import Browser, BrowserContext, Page, expect

from butt.agents.states import State
from scuttlekit import InviteCode
from tests.pages.conftest import DESK, PHONE
from tests.pages.server import Pages, signs_in
from tests.pages.test_looks import violations
from tests.service import Service
from tests.whole.guest import Guest

ALIVE_BY = 60_000
SHOWN_WITHIN = 10_000
LOOKS = [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")]


@pytest.fixture
def bob(built_stock: Path, tmp_path: Path) -> Iterator[Guest]:
    guest = Guest(built_stock, tmp_path / "bob")
    yield guest
    guest.leave()


def dots_of(link: str) -> set[tuple[str, str]]:
    """The dark dots of the QR code from which a phone reads this link."""
    rows = enumerate(segno.make_qr(link, error="m").matrix)
    return {(str(x), str(y)) for y, row in rows for x, dark in enumerate(row) if dark}


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=lambda look: f"{look[0][0]}-{look[1]}")
def test_an_invite_is_made_passed_on_accepted_and_seen(
    site: Service, page: Page, context: BrowserContext, bob: Guest, request: pytest.FixtureRequest
):
    name = "inv-" + re.sub(r"\W", "-", request.node.callspec.id)
    site.person(f"{name}@example.org").names_a_bot(name)
    signs_in(page, site.url, f"{name}@example.org")
    page.goto(f"{site.url}/bots/{name}")
    expect(page.get_by_text("#alive")).to_be_visible(timeout=ALIVE_BY)
    page.get_by_role("link", name="invite", exact=True).click()
    page.get_by_label("name").fill("Bob from the harbour")
    page.get_by_role("button", name="yes").click()
    unused, used = (
        page.get_by_role("list", name="unused", exact=True),
        page.get_by_role("list", name="used", exact=True),
    )
    expect(unused).to_contain_text("Bob from the harbour:")
    assert violations(page) == ""
    link = unused.locator("code").first.text_content()
    assert link

    theirs = context.new_page()
    theirs.goto(link)
    expect(theirs.get_by_text("~")).to_have_count(0)
    uri = theirs.get_by_role("link", name="open in my app").get_attribute("href") or ""
    asked = dict(parse_qsl(uri.partition("?")[2]))
    assert uri.startswith("ssb:experimental?")
    assert asked == {"action": "claim-http-invite", "invite": link.rpartition("/")[2], "postTo": link}
    expect(theirs.get_by_role("img", name="Press the button on this page")).to_be_visible()
    drawn = (
        theirs.get_by_role("img", name="the link of this page as a QR code")
        .locator("path")
        .get_attribute("d")
    )
    assert set(re.findall(r"M(\d+) (\d+)h1v1h-1z", drawn or "")) == dots_of(link)
    expect(theirs.get_by_role("link", name="Manyverse")).to_have_attribute("href", re.compile("^https://"))
    expect(theirs.get_by_role("link", name="Oasis")).to_have_count(0)  # It is on another network.
    theirs.get_by_role("button", name="show the code").click()
    expect(theirs.get_by_role("img", name="the link of this page as a QR code")).to_be_visible()
    assert "harbour" not in theirs.content()
    assert violations(theirs) == ""
    code = theirs.locator("#code").text_content() or ""
    assert InviteCode.parse(code).code == code

    page.bring_to_front()
    page.evaluate("window.stayed = true")
    with ThreadPoolExecutor(1) as beside:
        beside.submit(bob.accept, code).result()
    expect(used).to_contain_text(f"Bob from the harbour: {bob.id[:9]}", timeout=SHOWN_WITHIN)
    expect(page.locator("#announcer")).to_have_text("Bob from the harbour: used 1 of 1")
    assert page.evaluate("window.stayed")
    theirs.reload()
    expect(theirs.get_by_text("This invite has been used.")).to_be_visible()


@pytest.fixture
def invited(server: Pages, page: Page, request: pytest.FixtureRequest) -> str:
    """A bot with invites of each kind, with its page open."""
    name = f"b{abs(hash(request.node.name)) % 10**8}"
    server.has_invited(server.bot_in(State.ALIVE, server.person(f"{name}@example.org"), name))
    signs_in(page, server.url, f"{name}@example.org")
    page.get_by_role("link", name=f"{name}.butt.nz").click()
    page.get_by_role("link", name="invites").click()
    page.wait_for_url("**/invites")
    return name


def test_an_invite_is_revoked_by_keyboard_without_leaving_the_page(page: Page, invited: str):
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="revoke carol").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("listitem").filter(has_text="carol:").last).to_contain_text("#revoked")
    expect(page.get_by_role("button", name="revoke carol")).to_have_count(0)
    assert page.evaluate("window.stayed")


def test_link_and_code_are_copied(page: Page, context: BrowserContext, invited: str):
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="copy the link for carol").click()
    assert page.evaluate("navigator.clipboard.readText()").endswith(f"/join/carol-{invited}")
    page.locator("summary", has_text="code").nth(1).click()
    page.get_by_role("button", name="copy the code for carol").click()
    assert InviteCode.parse(page.evaluate("navigator.clipboard.readText()"))


def test_the_open_page_is_hidden_and_shown_again(server: Pages, page: Page, invited: str):
    page.get_by_role("button", name="hide it").click()
    expect(page.get_by_text("Public page: no")).to_be_visible()
    page.goto(f"{server.url}/@{invited}")
    expect(page.get_by_text("This page does not exist. Check the address.")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="show it").click()
    page.get_by_role("link", name=f"/@{invited}").click()
    expect(page.get_by_role("heading", name=f"{invited}.butt.nz")).to_be_visible()


def test_invites_work_without_javascript(server: Pages, browser: Browser, page: Page, invited: str):
    plain = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    there = plain.new_page()
    there.goto(f"{server.url}/bots/{invited}/invites")
    expect(there.get_by_role("button", name=re.compile("copy"))).to_have_count(0)
    there.locator("summary", has_text="code").first.click()
    expect(there.locator("[id^=code-of][open] code")).to_contain_text(".ed25519~")
    there.get_by_role("button", name="revoke carol").click()
    expect(there.get_by_role("button", name="revoke carol")).to_have_count(0)
    there.goto(f"{server.url}/bots/{invited}/invites/new")
    there.get_by_label("name").fill("Frida")
    there.get_by_label("expires").select_option("in a week")
    there.get_by_role("button", name="yes").click()
    expect(there.get_by_role("alert")).to_have_text(
        f"{invited} is not answering. No invite was made. Please try again."
    )
    expect(there.get_by_label("name")).to_have_value("Frida")
    there.goto(f"{server.url}/join/bob-{invited}")
    there.get_by_role("button", name="show the code").click()
    expect(there.locator("#code")).to_contain_text(".ed25519~")
    plain.close()
