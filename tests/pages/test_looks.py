"""Every page, in every state: it fits, can be touched and read, is light, and follows the strict policy."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import pytest
from axe_playwright_python.base import AxeResults
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.pages.conftest import DESK, PHONE, browsing, every_page
from tests.pages.everywhere import ALICE
from tests.pages.server import Pages

SMALL = (320, 640)
SHARED = {
    "bots",
    "forgot password",
    "email",
    "an invite to alive-bot.butt.nz",
    "status: alive-bot.butt.nz #alive",
}
"""The titles of more than one page: they differ in whom they are for, how far it is, or what is over."""


Look = tuple[tuple[int, int], str]
PHONE_BY_DAY, PHONE_BY_NIGHT, DESK_BY_DAY = BY_AXE = (PHONE, "light"), (PHONE, "dark"), (DESK, "light")
SMALL_BY_DAY = (SMALL, "light")
LOOKS = (SMALL_BY_DAY, *BY_AXE)
AXE = Axe().axe_script


@dataclass
class Seen:
    """Everything that is checked about one page in one look, collected while it is open."""

    where: str
    html: str
    policy: str
    landmarks: dict[str, int]
    widths: list[int]
    small: list
    faint: list
    sunk: list
    nameless: int
    ids: list[str]
    title: str
    violations: str | None


@pytest.fixture(scope="module")
def walk(server: Pages, browser: Browser, cookies: dict) -> Callable[..., list[Seen]]:
    """Every page in one look. Each page is loaded once and then put through all looks; none may report an
    error.
    """

    @cache
    def walks() -> dict[Look, list[Seen]]:
        walked: dict[Look, list[Seen]] = {look: [] for look in LOOKS}
        looks = LOOKS
        with browsing(browser, {}) as context:
            page = context.new_page()
            for where, answer in every_page(server, page, cookies):
                same = (where, answer.text(), answer.headers["content-security-policy"])
                for look in looks:
                    puts_on(page, look)
                    found = violations(page) if look in BY_AXE else None
                    walked[look].append(Seen(*same, **page.evaluate(MEASURES), violations=found))
                # The next page is loaded in the look that is on now, so changing takes less.
                looks = looks[::-1]
        return walked

    return lambda look=PHONE_BY_DAY: walks()[look]


def puts_on(page: Page, look: Look) -> None:
    """Show the page on such a screen from now on; returns when it has been laid out for that."""
    (width, height), scheme = look
    if page.viewport_size != {"width": width, "height": height}:
        page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=scheme)
    assert page.evaluate(LAID_OUT) == [width, scheme == "dark"]


def violations(page: Page, *, iframes: bool = True) -> str:
    """What axe finds. Only violations are returned, because the list of what is in order is much longer."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE)
    found = AxeResults(page.evaluate(RUN_AXE, {"resultTypes": ["violations"], "iframes": iframes}))
    return str(found.generate_report()) if found.violations_count else ""


@pytest.mark.parametrize("look", [SMALL_BY_DAY, PHONE_BY_DAY, DESK_BY_DAY])
def test_nothing_is_wider_than_the_window(walk: Callable, look: Look):
    for page in walk(look):
        assert page.widths[0] <= page.widths[1], page.where


def test_buttons_are_as_large_as_a_finger(walk: Callable):
    for page in walk():
        assert page.small == [], page.where


@pytest.mark.parametrize("look", [PHONE_BY_DAY, PHONE_BY_NIGHT])
def test_all_text_has_enough_contrast(walk: Callable, look: Look):
    for page in walk(look):
        assert page.faint == [], page.where


@pytest.mark.parametrize("look", [PHONE_BY_DAY, PHONE_BY_NIGHT], indirect=True)
def test_placeholders_have_enough_contrast(server: Pages, page: Page):
    """The only such text is in the stand-in's field for a card, with which other tests pay."""
    page.goto(f"{server.url}/start")
    page.evaluate("document.querySelector('#email').placeholder = 'number'")
    colours = """(() => {
        const field = document.querySelector("#email");
        return [getComputedStyle(field, "::placeholder").color, getComputedStyle(document.querySelector(".hint")).color];
    })()"""
    placeholder, hint = page.evaluate(colours)
    assert placeholder == hint


def test_a_form_begins_at_its_top(walk: Callable):
    """Hidden fields take no room above the visible ones."""
    for page in walk():
        assert page.sunk == [], page.where


def test_each_page_has_one_heading_one_main_a_title_and_names_for_its_fields(walk: Callable):
    titles: Counter[str] = Counter()
    for page in walk():
        assert page.landmarks == {"h1": 1, "main": 1, "banner": 1}, page.where
        assert page.nameless == 0, page.where
        assert len(page.ids) == len(set(page.ids)), page.where
        titles[page.title] += 1
    shared = {title.removesuffix(" · butt.nz") for title, count in titles.items() if count > 1}
    assert shared == SHARED


def test_the_html_has_no_script_or_style_of_its_own(walk: Callable):
    for page in walk():
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page.html), page.where
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page.html)), page.where
        # Only a link that somebody follows may lead elsewhere.
        assert not re.findall(r"""<(?!a )[^>]*(?:src|href|action)=["']?(?:https?:)?//""", page.html), (
            page.where
        )


def test_a_strict_content_policy_is_sent(walk: Callable):
    for page in walk():
        assert "default-src 'self'" in page.policy, page.where
        assert "unsafe" not in page.policy, page.where


def test_a_strict_content_policy_is_kept(server: Pages, cookies: dict, context: BrowserContext, page: Page):
    """The browser reports what the policy forbids, and `walk` and `context` fail on any report."""
    context.add_cookies(cookies[ALICE])
    page.goto(f"{server.url}/bots/new")
    page.get_by_label("name").fill("hermit")
    expect(page.locator("#bot-said")).to_have_text("hermit.butt.nz is free")


def test_the_documents_of_the_api_can_be_tried_in_the_browser(server: Pages, page: Page):
    page.goto(f"{server.url}/docs")
    expect(page.get_by_text("/authentication/register")).to_be_visible()


@pytest.mark.parametrize("look", BY_AXE)
def test_axe_finds_no_violations(walk: Callable, look: Look):
    for page in walk(look):
        assert page.violations == "", page.where


def test_a_link_is_copied(server: Pages, page: Page, cookies: dict, context: BrowserContext):
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    context.add_cookies(cookies[ALICE])
    page.goto(f"{server.url}/bots/alive-bot")
    page.get_by_role("button", name="copy address").click()
    expect(page.locator("#announcer")).to_have_text("copied")
    address = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(r"net:alive-bot\.butt\.nz:\d+~shs:\S{44}", address)


def test_reduced_motion_is_respected(server: Pages, browser: Browser):
    context = browser.new_context(reduced_motion="reduce")
    page = context.new_page()
    page.goto(server.url)
    moving = "document.getAnimations().length"
    assert page.evaluate(moving) == 0
    context.close()


RUN_AXE = "(options) => axe.run(options).then(({ violations }) => ({ violations }))"
LAID_OUT = """new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() =>
    done([innerWidth, matchMedia("(prefers-color-scheme: dark)").matches]))))"""
SMALL_TO_TOUCH = """[...document.querySelectorAll("a, button, input, summary")]
    .filter(e => e.checkVisibility() && e.type !== "hidden" && !e.matches(".skip"))
    .map(e => [e.outerHTML.slice(0, 80), (e.closest("label") ?? e).getBoundingClientRect()])
    .filter(([, box]) => box.width < 44 || box.height < 44)"""
SUNK = """[...document.querySelectorAll(".sheet, .export")].filter((form) => {
    const first = [...form.children].find((e) => e.type !== "hidden" && e.checkVisibility());
    return first && first.getBoundingClientRect().top - form.getBoundingClientRect().top >= 1;
}).map((form) => form.outerHTML.slice(0, 80))"""
NAMELESS = "[...document.querySelectorAll('input:not([type=hidden])')].filter(e => !e.labels.length).length"

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

# A header of the page as a whole is its banner.
LANDMARKS = """Object.fromEntries(Object.entries({
    h1: "h1",
    main: "main, [role=main]",
    banner: "header:not(:is(article, aside, main, nav, section) header), [role=banner]",
}).map(([name, which]) => [name, [...document.querySelectorAll(which)].filter((e) => e.checkVisibility()).length]))"""

# Asked all at once: each question to the browser takes longer than its answer.
MEASURES = f"""({{
    landmarks: {LANDMARKS},
    widths: [document.documentElement.scrollWidth, innerWidth],
    small: {SMALL_TO_TOUCH},
    faint: {TOO_FAINT},
    sunk: {SUNK},
    nameless: {NAMELESS},
    ids: [...document.querySelectorAll("[id]")].map((e) => e.id),
    title: document.title,
}})"""
