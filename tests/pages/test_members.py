"""The members of a bot in a browser, from a real pub: found, blocked and unfollowed, also by keyboard and
without JavaScript.
"""

import asyncio
import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from butt.agents.states import State
from scuttlekit import Address, KeyPair, connect
from scuttlekit.aliases import confirmation
from tests.pages.conftest import DESK, PHONE, browsing
from tests.pages.server import Pages, signs_in
from tests.pages.test_looks import SMALL_TO_TOUCH, TOO_FAINT, Look, puts_on, violations
from tests.pub.pubs import Pub

EMAIL, NAME = "members@example.org", "crowd"
LATEST = KeyPair((59).to_bytes().rjust(32, b"k"))
ALIASES = ["lighthouse", "a" * 63]
LOOKS = [(PHONE, "light"), (PHONE, "dark"), (DESK, "light"), (DESK, "dark")]
MEASURES = f"[document.documentElement.scrollWidth, {SMALL_TO_TOUCH}, {TOO_FAINT}]"


@pytest.fixture(scope="module")
def crowd(server: Pages, built_pub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pub]:
    """A bot with a real pub, which follows many and blocks one."""
    identity = server.home / "identity"
    if not identity.exists():
        KeyPair.generate().save(identity)
    service = KeyPair.load(identity)
    pub = Pub(built_pub, tmp_path_factory.mktemp("crowd"), master=[service.id], caps={}).start()
    # The browser uses the event loop of this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, says(pub, service)).result()
    bot = server.bot_in(State.ALIVE, server.person(EMAIL), NAME)
    server.write(bot, "progress", ssb_id=pub.id, address="127.0.0.1", port=pub.config["port"])
    yield pub
    pub.kill()


async def says(pub: Pub, service: KeyPair) -> None:
    async with connect(Address("127.0.0.1", pub.config["port"], pub.id), service) as master:
        for number in range(60):
            said = {"following": True, "pub": True, "note": "n"} if number else {"blocking": True}
            feed = KeyPair(number.to_bytes().rjust(32, b"k")).id
            await master.call("publish", {"type": "contact", "contact": feed, **said})
        await master.call("butt.room", {"aliasesAt": f"https://butt.example/@{NAME}"})
    for alias in ALIASES:
        async with connect(Address("127.0.0.1", pub.config["port"], pub.id), LATEST) as member:
            signature = base64.b64encode(LATEST.sign(confirmation(pub.id, LATEST.id, alias))).decode()
            await member.call("room.registerAlias", alias, f"{signature}.sig.ed25519")


def opens(page: Page, server: Pages, query: str = "") -> None:
    page.goto(f"{server.url}/bots/{NAME}/members{query}")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
def test_members_are_found_blocked_and_followed_again_by_keyboard(
    server: Pages, crowd: Pub, browser: Browser, script: bool
):
    with browsing(browser, {"java_script_enabled": script}) as context:
        page = context.new_page()
        signs_in(page, server.url, EMAIL)
        page.wait_for_url("**/bots*")
        opens(page, server)
        expect(page.get_by_text("It follows 59 and blocks 1. Here are 1 to 50 of 60.")).to_be_visible()
        page.get_by_role("link", name="next").click()
        expect(page.get_by_text("Here are 51 to 60 of 60.")).to_be_visible()
        page.get_by_label("name or id").fill(KeyPair((7).to_bytes().rjust(32, b"k")).id)
        page.keyboard.press("Enter")
        expect(page.get_by_text("Here are 1 to 1 of 1.")).to_be_visible()
        page.get_by_role("button", name="block", exact=False).first.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("#blocked")).to_be_visible()
        page.get_by_role("button", name="unblock").click()
        expect(page.get_by_text("Nobody matches.")).to_be_visible()
        page.get_by_label("somebody else").fill(KeyPair((7).to_bytes().rjust(32, b"k")).id)
        page.get_by_role("button", name="follow", exact=True).click()
        expect(page.get_by_text("Here are 1 to 1 of 1.")).to_be_visible()


@pytest.fixture(scope="module")
def walk(server: Pages, crowd: Pub, browser: Browser) -> dict[Look, list[tuple]]:
    """For each look and page: its path, what axe finds there, and what does not fit, is small or faint. Each page is loaded
    once.
    """
    walked: dict[Look, list[tuple]] = {look: [] for look in LOOKS}
    shown = {f"/bots/{NAME}/members": "It follows 59"}
    shown |= {f"/@{NAME}/{alias}": "connect with me" for alias in ALIASES}
    with browsing(browser, {}) as context:
        page = context.new_page()
        signs_in(page, server.url, EMAIL)
        page.wait_for_url("**/bots*")
        for path, text in shown.items():
            page.goto(server.url + path)
            expect(page.get_by_text(text)).to_be_visible()
            for look in LOOKS:
                puts_on(page, look)
                width, small, faint = page.evaluate(MEASURES)
                walked[look].append((path, violations(page), width, small, faint))
    return walked


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look[0][0]}-{look[1]}")
def test_the_members_page_is_accessible(walk: dict[Look, list[tuple]], look: Look):
    assert len(walk[look]) == 1 + len(ALIASES)
    for path, found, width, small, faint in walk[look]:
        assert found == "", path
        assert width <= look[0][0], path
        assert small == [], path
        assert faint == [], path


def test_an_alias_is_revoked_by_the_owner_of_the_bot(server: Pages, crowd: Pub, browser: Browser):
    with browsing(browser, {}) as context:
        page = context.new_page()
        signs_in(page, server.url, EMAIL)
        page.wait_for_url("**/bots*")
        opens(page, server, f"?q={quote(LATEST.id)}")
        page.get_by_role("button", name="revoke lighthouse").click()
        expect(page.get_by_text("The alias lighthouse is revoked.")).to_be_visible()
        page.goto(f"{server.url}/@{NAME}/lighthouse")
        expect(page.get_by_text("Nobody here has this alias.")).to_be_visible()
