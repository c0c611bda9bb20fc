"""Every page, in every state: it fits, it can be touched and read, it is light, and it is strict."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.pages.conftest import DESK, PHONE
from tests.pages.server import Pages

SMALL = (320, 640)
SHARED = {"bots", "forgotten", "email", "an invite to alive-bot.butt.nz", "status: alive-bot.butt.nz #alive"}
"""The titles of more than one page: they differ in whom they are for, how far it is, or what is over."""


@pytest.mark.parametrize("look", [(SMALL, "light"), (PHONE, "light"), (DESK, "light")], indirect=True)
def test_nothing_is_wider_than_the_window(visited: Iterator, page: Page):
    for where, _ in visited:
        widths = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
        assert widths[0] <= widths[1], where


def test_what_can_be_pressed_is_as_large_as_a_finger(visited: Iterator, page: Page):
    small = """[...document.querySelectorAll("a, button, input, summary")]
        .filter(e => e.checkVisibility() && e.type !== "hidden" && !e.matches(".skip"))
        .map(e => [e.outerHTML.slice(0, 80), (e.closest("label") ?? e).getBoundingClientRect()])
        .filter(([, box]) => box.width < 44 || box.height < 44)"""
    for where, _ in visited:
        assert page.evaluate(small) == [], where


@pytest.mark.parametrize("look", [(PHONE, "light"), (PHONE, "dark")], indirect=True)
def test_all_text_stands_out_from_its_ground(visited: Iterator, page: Page):
    for where, _ in visited:
        assert page.evaluate(TOO_FAINT) == [], where


@pytest.mark.parametrize("look", [(PHONE, "light"), (PHONE, "dark")], indirect=True)
def test_what_a_field_waits_for_stands_out_from_its_ground(server: Pages, page: Page):
    """The only such words are in the stand-in's field for a card, which other tests pay with."""
    page.goto(f"{server.url}/start")
    page.evaluate("document.querySelector('#email').placeholder = 'number'")
    colours = """(() => {
        const field = document.querySelector("#email");
        return [getComputedStyle(field, "::placeholder").color, getComputedStyle(document.querySelector(".hint")).color];
    })()"""
    placeholder, hint = page.evaluate(colours)
    assert placeholder == hint


def test_a_form_begins_at_its_top(visited: Iterator, page: Page):
    """Fields that nobody sees take no room above those that are seen."""
    sunk = """[...document.querySelectorAll(".sheet, .export")].filter((form) => {
        const first = [...form.children].find((e) => e.type !== "hidden" && e.checkVisibility());
        return first && first.getBoundingClientRect().top - form.getBoundingClientRect().top >= 1;
    }).map((form) => form.outerHTML.slice(0, 80))"""
    for where, _ in visited:
        assert page.evaluate(sunk) == [], where


def test_each_page_has_one_heading_one_main_a_title_and_names_for_its_fields(visited: Iterator, page: Page):
    titles: Counter[str] = Counter()
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
        titles[page.title()] += 1
    shared = {title.removesuffix(" · butt.nz") for title, count in titles.items() if count > 1}
    assert shared == SHARED


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
