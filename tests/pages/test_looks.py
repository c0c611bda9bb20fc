"""Every page, in every state: it fits, it can be touched and read, it is light, and it is strict."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from butt.agents.states import State
from tests.pages.conftest import DESK, PHONE
from tests.pages.server import Pages, signs_in

SMALL = (320, 640)
OPEN = [
    "/",
    "/start",
    "/password",
    "/nothing-here",
    "/join/carol-alive-bot",
    "/join/eve-alive-bot",
    "/join/carol-stopped-bot",
    "/@alive-bot",
]
OF_A_NEWBIE = ["/newbie", "/bots"]
STATUS = [*(f"/bots/{state}-bot/status" for state in State), "/bots/alive-bot/status?range=24h"]
LOGS = ["/bots/alive-bot/log", "/bots/new-bot/log"]
INVITES = ["/bots/alive-bot/invites", "/bots/stopped-bot/invites", "/bots/alive-bot/invites/new"]
OF_BOTS = [
    "/bots",
    "/bots/new",
    *(f"/bots/{state}-bot" for state in State),
    "/bots/alive-bot/delete",
    "/bots/alive-bot/export",
    "/bots/alive-bot/export/password",
    *STATUS,
    *LOGS,
    *INVITES,
    "/bots/alive-bot/people",
    "/account",
    *(
        f"/account/{part}"
        for part in ("email", "password", "factors", "sessions", "tokens", "delete", "again")
    ),
]
PATHS = [
    *(("", path) for path in OPEN),
    *(("newbie@example.org", path) for path in OF_A_NEWBIE),
    *(("alice@example.org", path) for path in OF_BOTS),
]


@pytest.fixture(scope="module", autouse=True)
def _alice_has_a_bot_in_each_state(server: Pages):
    alice = server.person("alice@example.org")
    for state in State:
        bot = server.bot_in(state, alice, f"{state}-bot")
        server.has_lived(bot)
        if state is State.ALIVE:
            server.says(
                bot, *(f"the pub listens at net:alive-bot.butt.nz:8100 for {n} days" for n in range(40))
            )
            server.says(bot, "ssb-friends: stream legacy api used", level="warning")
            server.says(bot, "The disk is full.", level="error")
        server.has_invited(bot)
    server.person("newbie@example.org")


@pytest.fixture(scope="module")
def cookies(server: Pages, browser: Browser) -> dict[str, list]:
    """Who signed in once need not for each look."""
    kept: dict[str, list] = {"": []}
    for email in ("newbie@example.org", "alice@example.org"):
        context = browser.new_context()
        page = context.new_page()
        signs_in(page, server.url, email)
        page.wait_for_url(re.compile("/(newbie|bots)$"))
        kept[email] = context.cookies()
        context.close()
    return kept


@pytest.fixture
def visited(
    server: Pages, page: Page, context: BrowserContext, cookies: dict[str, list]
) -> Iterator[tuple[str, Response]]:
    """One page after the other, each loaded."""

    def visits() -> Iterator[tuple[str, Response]]:
        for who, path in PATHS:
            context.clear_cookies()
            context.add_cookies(cookies[who])
            response = page.goto(server.url + path)
            assert response is not None
            yield f"{path} of {who or 'nobody'}", response

    return visits()


@pytest.mark.parametrize("look", [(SMALL, "light"), (PHONE, "light"), (DESK, "light")], indirect=True)
def test_nothing_is_wider_than_the_window(visited: Iterator, page: Page):
    for where, _ in visited:
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1], where


def test_what_can_be_pressed_is_as_large_as_a_finger(visited: Iterator, page: Page):
    small = """[...document.querySelectorAll("a, button, input, summary")]
        .filter(e => e.checkVisibility() && e.type !== "hidden" && !e.matches(".skip"))
        .map(e => [e.outerHTML.slice(0, 80), e.getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44)"""
    for where, _ in visited:
        assert page.evaluate(small) == [], where


@pytest.mark.parametrize("look", [(PHONE, "light"), (PHONE, "dark")], indirect=True)
def test_all_text_stands_out_from_its_ground(visited: Iterator, page: Page):
    for where, _ in visited:
        assert page.evaluate(TOO_FAINT) == [], where


def test_each_page_has_one_heading_one_main_a_title_and_names_for_its_fields(visited: Iterator, page: Page):
    titles = set()
    for where, _ in visited:
        assert page.locator("h1").count() == 1, where
        assert page.get_by_role("main").count() == 1, where
        assert page.get_by_role("banner").count() == 1, where
        nameless = (
            "[...document.querySelectorAll('input:not([type=hidden])')].filter(e => !e.labels.length).length"
        )
        assert page.evaluate(nameless) == 0, where
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids)), where
        titles.add(page.title())
    assert len(titles) == len(PATHS) - 2, "only the two dashboards and two ranges are called alike"


def test_the_html_has_no_script_or_style_of_its_own(visited: Iterator):
    for where, response in visited:
        html = response.text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html), where
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html)), where
        assert not re.findall(r"""(?:src|href|action)=["']?(?:https?:)?//""", html), where


def test_a_strict_content_policy_is_sent_and_kept(server: Pages, visited: Iterator, page: Page):
    """The browser complains of what the policy forbids, and `context` fails of any complaint."""
    for where, response in visited:
        policy = response.headers["content-security-policy"]
        assert "default-src 'self'" in policy, where
        assert "unsafe" not in policy, where
    page.goto(f"{server.url}/bots/new")
    page.get_by_label("name").fill("hermit")
    expect(page.locator("#bot-said")).to_have_text("hermit.butt.nz is free")


def test_the_documents_of_the_api_can_be_tried_in_the_browser(server: Pages, page: Page):
    page.goto(f"{server.url}/docs")
    expect(page.get_by_text("/authentication/register")).to_be_visible()


@pytest.mark.parametrize("look", [(PHONE, "light"), (PHONE, "dark"), (DESK, "light")], indirect=True)
def test_axe_finds_nothing_to_mend(visited: Iterator, page: Page):
    for where, _ in visited:
        found = Axe().run(page)
        assert found.violations_count == 0, f"{where}: {found.generate_report()}"


def test_a_first_visit_is_less_than_60_kb(server: Pages, page: Page, cookies: dict, context: BrowserContext):
    loaded: dict[str, int] = {}

    def note(response: Response) -> None:
        if "event-stream" not in response.headers.get("content-type", ""):
            loaded[response.url] = len(response.body())

    page.on("response", note)
    for path in ("/", "/bots/new", "/bots/alive-bot/status"):
        who = "" if path == "/" else "alice@example.org"
        context.add_cookies(cookies[who])
        loaded.clear()
        page.goto(server.url + path)
        page.wait_for_timeout(500)
        assert 2 <= len(loaded) <= 12
        assert sum(loaded.values()) < 60_000, loaded


def test_a_link_is_copied(server: Pages, page: Page, cookies: dict, context: BrowserContext):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    context.add_cookies(cookies["alice@example.org"])
    page.goto(f"{server.url}/bots/alive-bot")
    page.get_by_role("button", name="copy address").click()
    expect(page.locator("#announcer")).to_have_text("copied")
    address = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"net:alive-bot\.butt\.nz:\d+~shs:\S{44}", address)


def test_who_wants_little_motion_gets_none(server: Pages, browser: Browser):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(server.url)
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0
    context.close()


# The ratio WCAG defines: 4.5 to 1, and 3 to 1 for large text.
TOO_FAINT = """(() => {
    const numbers = (colour) => (colour.match(/[\\d.]+/g) || []).map(Number);
    const light = (colour) => {
        const [r, g, b] = numbers(colour).slice(0, 3).map((c) => c / 255)
            .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ground = (e) => {
        for (; e; e = e.parentElement) {
            const colour = getComputedStyle(e).backgroundColor;
            if (numbers(colour)[3] !== 0) return colour;
        }
    };
    return [...document.querySelectorAll("body *")]
        .filter((e) => [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) && e.checkVisibility())
        .map((e) => {
            const style = getComputedStyle(e);
            const [high, low] = [light(style.color), light(ground(e))].sort((a, b) => b - a);
            const large = parseFloat(style.fontSize) >= 24;
            return [e.outerHTML.slice(0, 80), (high + 0.05) / (low + 0.05), large ? 3 : 4.5];
        })
        .filter(([, ratio, least]) => ratio < least);
})()"""
