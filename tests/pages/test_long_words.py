"""Names and texts of people break no page, however long, and in whatever direction they are read."""

from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from butt.agents.states import State
from tests.pages.conftest import DESK, PHONE
from tests.pages.server import Pages, signs_in

SMALL = (320, 640)
LOOKS = [(SMALL, "light"), (PHONE, "light"), (DESK, "light")]
LONGEST = "the-longest-name-that-a-bot-has"
ARABIC = "حديقة الأصدقاء"
UNBROKEN = "x" * 63
FAMILY = "👩\u200d👩\u200d👧\u200d👦" * 8


@pytest.fixture(scope="module", autouse=True)
def _somebody_has_much_to_say(server: Pages):
    owner = server.person(f"{UNBROKEN}@example.org")
    bot = server.bot_in(State.UPGRADING, owner, LONGEST)
    server.has_lived(bot)
    server.says(bot, f"{ARABIC} {UNBROKEN}", level="error")
    owner.call(
        "PATCH", f"/agents/{bot['id']}", {"description": f"{ARABIC * 20}\n\n{UNBROKEN * 9}\n\n{FAMILY}"}
    )
    for number, name in enumerate((UNBROKEN, ARABIC * 5, FAMILY)):
        server.invite(bot, name, datetime.now(UTC), uses=3, used=[ARABIC, UNBROKEN], token=f"open-{number}")


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=lambda look: str(look[0][0]))
def test_long_words_stay_within_the_window(server: Pages, page: Page, look: Any):
    signs_in(page, server.url, f"{UNBROKEN}@example.org")
    expect(page.get_by_role("heading", name="bots")).to_be_attached()
    of_the_bot = ("", "/status", "/log", "/invites", "/invites/new", "/people", "/delete", "/export")
    paths = [
        "/bots",
        "/account",
        f"/@{LONGEST}",
        "/join/open-0",
        *(f"/bots/{LONGEST}{part}" for part in of_the_bot),
    ]
    for path in paths:
        page.goto(server.url + path)
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1], path


@pytest.mark.parametrize("look", LOOKS, indirect=True, ids=lambda look: str(look[0][0]))
def test_a_long_name_stays_beside_the_menu_and_above_the_state(server: Pages, page: Page, look: Any):
    signs_in(page, server.url, f"{UNBROKEN}@example.org")
    page.goto(f"{server.url}/bots/{LONGEST}")
    menu, name, state = (
        page.locator(place).bounding_box() or {} for place in ("summary", ".top h1", ".top .state")
    )
    assert name["x"] >= menu["x"] + menu["width"]
    assert name["y"] < menu["y"] + menu["height"]
    assert state["x"] >= name["x"]


def test_the_tabs_stay_on_one_line_on_any_phone(server: Pages, page: Page):
    signs_in(page, server.url, f"{UNBROKEN}@example.org")
    for width in (320, 360, 375, 390, 430):
        page.set_viewport_size({"width": width, "height": 800})
        for tab in ("", "/status", "/invites"):
            page.goto(f"{server.url}/bots/{LONGEST}{tab}")
            tops = page.locator(".tabs").first.locator("a").evaluate_all("tabs => tabs.map(t => t.offsetTop)")
            assert len(set(tops)) == 1, (width, tab)


def test_words_run_in_the_direction_of_their_script(server: Pages, page: Page):
    page.goto(f"{server.url}/@{LONGEST}")
    words = page.locator(".profile p").first
    starts_right = (
        "p => { const r = document.createRange(); r.setStart(p.firstChild, 0); r.setEnd(p.firstChild, 1);"
    )
    starts_right += (
        " const [letter, box] = [r.getBoundingClientRect(), p.parentElement.getBoundingClientRect()];"
    )
    starts_right += " return letter.left > box.left + box.width / 2; }"
    assert words.evaluate(starts_right), "Arabic begins at the right"
