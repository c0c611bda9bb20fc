"""Changes show by themselves, and disturb nobody."""

import re
import time

from playwright.sync_api import Browser, BrowserContext, Page, expect

from butt.agents.states import State
from tests.pages.server import REASON, Pages, signs_in

WITHIN = 10_000
TOLD_BY = 2
GIVEN_UP_BY = 30_000


def test_every_state_shows_without_a_reload(server: Pages, page: Page):
    alice = server.person("alice@example.org")
    bot = server.bot_in(State.NEW, alice, "my")
    signs_in(page, server.url, "alice@example.org")
    page.goto(f"{server.url}/bots/my")
    page.evaluate("window.stayed = true")
    for state in (State.STARTING, State.ALIVE, State.BROKEN, State.UPGRADING, State.UNPAID, State.LEAVING):
        server.turn(bot, state)
        expect(page.get_by_text(f"#{state}")).to_be_visible(timeout=WITHIN)
        expect(page).to_have_title(f"my.butt.nz #{state}")
        expect(page.locator("#announcer")).to_have_text(f"my.butt.nz is {state}")
    assert page.evaluate("window.stayed")


def test_a_reason_shows_with_its_state(server: Pages, page: Page):
    bob = server.person("bob@example.org")
    bot = server.bot_in(State.STARTING, bob, "bobs")
    signs_in(page, server.url, "bob@example.org")
    page.goto(f"{server.url}/bots/bobs")
    server.turn(bot, State.BROKEN, REASON)
    expect(page.get_by_text(REASON)).to_be_visible(timeout=WITHIN)


def test_the_dashboard_follows_all_bots_and_leaves_focus_and_menu_alone(server: Pages, page: Page):
    carol = server.person("carol@example.org")
    first, second = (server.bot_in(State.STARTING, carol, name) for name in ("first", "second"))
    signs_in(page, server.url, "carol@example.org")
    expect(page.get_by_text("#starting")).to_have_count(2)
    page.get_by_role("link", name="second.butt.nz").focus()
    server.turn(first, State.ALIVE)
    expect(page.get_by_text("#alive")).to_be_visible(timeout=WITHIN)
    expect(page.locator("#announcer")).to_have_text("first.butt.nz is alive")
    expect(page.get_by_role("link", name="second.butt.nz")).to_be_focused()

    page.locator("summary").click()
    server.turn(second, State.ALIVE)
    expect(page.get_by_text("#alive")).to_have_count(2, timeout=WITHIN)
    expect(page.get_by_role("link", name="new bot").first).to_be_visible()


def test_a_click_shows_at_once_and_keeps_the_focus(server: Pages, page: Page):
    dan = server.person("dan@example.org")
    bot = server.bot_in(State.ALIVE, dan, "dans")
    signs_in(page, server.url, "dan@example.org")
    page.goto(f"{server.url}/bots/dans")
    page.evaluate("window.stayed = true")
    page.get_by_role("button", name="stop").press("Enter")
    expect(page.get_by_text("#stopping")).to_be_visible(timeout=WITHIN)
    expect(page.locator("#actions")).to_be_focused()
    server.turn(bot, State.STOPPED)
    expect(page.get_by_text("#stopped")).to_be_visible(timeout=WITHIN)
    expect(page.locator("#actions")).to_be_focused()
    assert page.evaluate("window.stayed")


def test_a_change_during_a_click_shows_after_it(server: Pages, page: Page):
    ivy = server.person("ivy@example.org")
    bot = server.bot_in(State.ALIVE, ivy, "ivys")
    signs_in(page, server.url, "ivy@example.org")
    page.goto(f"{server.url}/bots/ivys")
    expect(page.get_by_text("#alive")).to_be_visible()
    page.evaluate("document.querySelector('main').setAttribute('aria-busy', 'true')")
    server.turn(bot, State.BROKEN)
    time.sleep(TOLD_BY)
    expect(page.get_by_text("#alive")).to_be_visible()
    page.evaluate("document.querySelector('main').removeAttribute('aria-busy')")
    expect(page.get_by_text("#broken")).to_be_visible(timeout=WITHIN)


def test_a_refused_click_says_why_and_stays_on_its_page(server: Pages, browser: Browser):
    page = browser.new_page()  # The browser reports an answer with an error status by itself.
    server.bot_in(State.ALIVE, server.person("jo@example.org"), "jos")
    signs_in(page, server.url, "jo@example.org")
    page.goto(f"{server.url}/bots/jos")
    page.context.clear_cookies(name="csrftoken")
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_text("This page has expired")).to_be_visible()
    expect(page).to_have_url(f"{server.url}/bots/jos")
    expect(page.get_by_text("#alive")).to_be_visible()
    page.context.close()


def test_a_click_that_gets_no_answer_says_so_and_can_be_repeated(
    server: Pages, page: Page, context: BrowserContext
):
    server.bot_in(State.ALIVE, server.person("kim@example.org"), "kims")
    signs_in(page, server.url, "kim@example.org")
    page.goto(f"{server.url}/bots/kims")
    context.route("**/bots/kims/stop", lambda route: None)
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_text("We do not know whether that got through.")).to_be_visible(timeout=GIVEN_UP_BY)
    context.unroute("**/bots/kims/stop")
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_text("#stopping")).to_be_visible(timeout=WITHIN)


def test_the_page_of_a_deleted_bot_says_so(server: Pages, page: Page):
    bot = server.bot_in(State.LEAVING, server.person("lou@example.org"), "lous")
    signs_in(page, server.url, "lou@example.org")
    page.goto(f"{server.url}/bots/lous")
    expect(page.get_by_text("#leaving")).to_be_visible()
    server.is_gone(bot)
    expect(page.get_by_text("This page does not exist. Check the address.")).to_be_visible(timeout=WITHIN)


def test_an_action_that_comes_too_late_is_refused_in_words(
    server: Pages, page: Page, context: BrowserContext
):
    eve = server.person("eve@example.org")
    bot = server.bot_in(State.ALIVE, eve, "eves")
    signs_in(page, server.url, "eve@example.org")
    context.route(re.compile(r"/live\?"), lambda route: None)
    page.goto(f"{server.url}/bots/eves")
    server.turn(bot, State.STOPPED)
    page.get_by_role("button", name="restart").click()
    expect(page.get_by_text("You cannot restart eves while it is #stopped.")).to_be_visible()


def test_a_hidden_page_closes_its_stream_and_catches_up_when_shown(server: Pages, page: Page):
    frank = server.person("frank@example.org")
    bot = server.bot_in(State.STARTING, frank, "franks")
    signs_in(page, server.url, "frank@example.org")
    page.goto(f"{server.url}/bots/franks")
    _turn_away(page, "hidden")
    server.turn(bot, State.ALIVE)
    time.sleep(TOLD_BY)
    expect(page.get_by_text("#starting")).to_be_visible()
    _turn_away(page, "visible")
    expect(page.get_by_text("#alive")).to_be_visible(timeout=WITHIN)


def test_a_page_from_the_browsers_history_is_up_to_date(server: Pages, page: Page):
    grace = server.person("grace@example.org")
    bot = server.bot_in(State.STARTING, grace, "graces")
    signs_in(page, server.url, "grace@example.org")
    page.goto(f"{server.url}/bots/graces")
    page.goto(f"{server.url}/bots/new")
    server.turn(bot, State.ALIVE)
    page.go_back()
    expect(page.get_by_text("#alive")).to_be_visible(timeout=WITHIN)


def test_signing_out_in_another_window_leads_to_start(server: Pages, page: Page, context: BrowserContext):
    heidi = server.person("heidi@example.org")
    server.bot_in(State.ALIVE, heidi, "heidis")
    signs_in(page, server.url, "heidi@example.org")
    page.goto(f"{server.url}/bots/heidis")
    context.clear_cookies(name="butt")
    page.get_by_role("button", name="stop").click()
    expect(page.get_by_role("heading", name="start")).to_be_visible()


def _turn_away(page: Page, state: str) -> None:
    """As when another tab is chosen; a browser without a window does not do that by itself."""
    page.evaluate(
        """state => {
            Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
            document.dispatchEvent(new Event("visibilitychange"));
        }""",
        state,
    )
