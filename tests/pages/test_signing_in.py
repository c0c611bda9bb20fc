"""Sign in with Scuttlebutt in a browser, by a real pub: an app confirms, and the page continues, also without
JavaScript.
"""

import asyncio
import base64
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from butt.accounts.models import SsbId
from butt.agents.states import State
from scuttlekit import Address, KeyPair, connect, parse_uri
from scuttlekit.aliases import confirmation
from scuttlekit.http_auth import new_challenge, solve
from tests.pages.conftest import browsing
from tests.pages.server import Pages, signs_in
from tests.pages.test_looks import SMALL_TO_TOUCH, TOO_FAINT, violations
from tests.pages.test_members import LOOKS
from tests.people import PASSWORD
from tests.pub.pubs import Pub

EMAIL, NAME = "confirms@example.org", "lighthouse"
APP = KeyPair(b"a" * 32)


@pytest.fixture(scope="module")
def pub(server: Pages, built_pub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pub]:
    """A bot with a real pub. The app's owner is a member with an alias, and the app can sign in to the
    account.
    """
    identity = server.home / "identity"
    if not identity.exists():
        KeyPair.generate().save(identity)
    service = KeyPair.load(identity)
    pub = Pub(built_pub, tmp_path_factory.mktemp(NAME), master=[service.id], caps={}).start()
    in_a_thread(becomes_a_member(pub, service))
    bot = server.bot_in(State.ALIVE, server.person(EMAIL), NAME)
    server.write(bot, "progress", ssb_id=pub.id, address="127.0.0.1", port=pub.config["port"])
    with closing(sqlite3.connect(server.home / "butt.sqlite3", timeout=20)) as database, database:
        database.execute("UPDATE account_emailaddress SET verified = 1")
        (number,) = database.execute("SELECT id FROM accounts_account WHERE email = ?", [EMAIL]).fetchone()
    server.insert(SsbId(account_id=number, bot_id=UUID(bot["id"]), ssb_id=APP.id))
    yield pub
    pub.kill()


def in_a_thread(work) -> object:
    """The browser uses this event loop."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


def dialled(pub: Pub, keys: KeyPair):
    return connect(Address("127.0.0.1", pub.config["port"], pub.id), keys)


async def becomes_a_member(pub: Pub, service: KeyPair) -> None:
    async with dialled(pub, service) as master:
        await master.call("friends.follow", APP.id, {})
        await master.call("butt.room", {"aliasesAt": f"https://butt.example/@{NAME}"})
    async with dialled(pub, APP) as member:
        signature = base64.b64encode(APP.sign(confirmation(pub.id, APP.id, "frida"))).decode()
        await member.call("room.registerAlias", "frida", f"{signature}.sig.ed25519")


async def confirms(pub: Pub, sc: str) -> bool:
    cc = new_challenge()
    async with dialled(pub, APP) as app:
        return await app.call("httpAuth.sendSolution", sc, cc, solve(APP, pub.id, sc, cc))


def the_app_confirms(page: Page, pub: Pub) -> None:
    link = page.get_by_role("link", name="open in my app").get_attribute("href")
    assert in_a_thread(confirms(pub, parse_uri(link).query["sc"])) is True


def begins(page: Page, server: Pages) -> None:
    page.goto(f"{server.url}/start")
    page.get_by_role("link", name="sign in with Scuttlebutt").click()
    page.get_by_label("bot").fill(NAME)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="confirm in your app")).to_be_visible()


def is_easy(page: Page, width: int) -> None:
    assert violations(page) == ""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(SMALL_TO_TOUCH) == []
    assert page.evaluate(TOO_FAINT) == []


def test_the_page_continues_by_itself(server: Pages, pub: Pub, browser: Browser):
    with browsing(browser, {}) as context:
        page = context.new_page()
        begins(page, server)
        the_app_confirms(page, pub)
        page.wait_for_url("**/bots*")


def test_without_javascript_a_button_continues(server: Pages, pub: Pub, browser: Browser):
    with browsing(browser, {"java_script_enabled": False}) as context:
        page = context.new_page()
        begins(page, server)
        the_app_confirms(page, pub)
        page.get_by_role("button", name="I have confirmed").click()
        page.wait_for_url("**/bots*")


def test_a_member_revokes_their_alias(server: Pages, pub: Pub, browser: Browser):
    with browsing(browser, {}) as context:
        page = context.new_page()
        page.goto(f"{server.url}/@{NAME}")
        page.get_by_role("link", name="members").click()
        page.get_by_role("button", name="sign in with Scuttlebutt").click()
        expect(page.get_by_role("heading", name="confirm in your app")).to_be_visible()
        is_easy(page, context.pages[0].viewport_size["width"])
        the_app_confirms(page, pub)
        expect(page.get_by_role("link", name="frida")).to_be_visible()
        is_easy(page, page.viewport_size["width"])
        page.get_by_role("button", name="revoke frida").click()
        expect(page.get_by_text("You have none.")).to_be_visible()
        page.get_by_role("button", name="sign out").click()
        page.wait_for_url(f"**/@{NAME}")


@pytest.mark.parametrize("look", [LOOKS[0], LOOKS[3]], ids=lambda look: f"{look[0][0]}-{look[1]}")
def test_the_sign_in_pages_are_accessible(server: Pages, pub: Pub, browser: Browser, look: tuple):
    (width, height), scheme = look
    with browsing(
        browser, {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    ) as context:
        page = context.new_page()
        signs_in(page, server.url, EMAIL)
        page.wait_for_url("**/bots*")
        for path, button in (("/account/ssb", ""), ("/account/ssb/new", "go on")):
            page.goto(server.url + path)
            if page.get_by_label("password").count():
                page.get_by_label("password").fill(PASSWORD)
                page.keyboard.press("Enter")
                page.wait_for_url(f"**{path}")
            is_easy(page, width)
            if button:
                page.get_by_role("button", name=button).click()
                expect(page.get_by_role("heading", name="confirm in your app")).to_be_visible()
                is_easy(page, width)
        page.goto(f"{server.url}/account/ssb")
        page.get_by_role("link", name=f"remove {APP.id}").click()
        is_easy(page, width)
