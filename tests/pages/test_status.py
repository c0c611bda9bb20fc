"""The status page in a browser: live, and readable by pointer, by keyboard and without either."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from butt.agents.states import State
from tests.pages.server import Pages, signs_in

WITHIN = 10_000
PER_ROW = r"\d\d:\d\d:\d\d \d+ MiB"


@pytest.fixture
def bot(server: Pages, page: Page, request: pytest.FixtureRequest) -> Any:
    """A bot with a history, with its status page open."""
    name = f"b{abs(hash(request.node.name)) % 10**8}"
    bot = server.bot_in(State.ALIVE, server.person(f"{name}@example.org"), name)
    server.has_lived(bot)
    signs_in(page, server.url, f"{name}@example.org")
    page.get_by_role("link", name=f"{name}.butt.nz").click()
    page.get_by_role("link", name="status").click()
    expect(page.get_by_text("uptime: 100 days")).to_be_visible()
    page.wait_for_load_state()
    return bot


def test_new_figures_show_by_themselves(server: Pages, page: Page, bot: Any):
    page.evaluate("window.stayed = true")
    page.locator("#numbers summary").click()
    server.write(bot, "observed", memory=123 * 2**20, at=f"{datetime.now(UTC):%F %T.%f}")
    expect(page.get_by_text("memory usage: 123 MiB")).to_be_visible(timeout=WITHIN)
    expect(page.locator("#table")).to_be_visible()
    server.turn(bot, State.BROKEN, "The disk is full.")
    expect(page.get_by_text("The disk is full.")).to_be_visible(timeout=WITHIN)
    assert page.evaluate("window.stayed")


def test_values_show_under_the_pointer_and_under_the_arrow_keys(page: Page, bot: Any):
    there = page.locator("#memory-there")
    page.locator("#memory").hover()
    expect(there).to_have_text(re.compile(PER_ROW))
    page.mouse.move(0, 0)
    expect(there).to_be_empty()

    page.locator("#memory").focus()
    page.keyboard.press("End")
    last = there.text_content()
    page.keyboard.press("ArrowLeft")
    expect(there).not_to_have_text(last or "")
    slider = page.get_by_role("slider", name="memory over time")
    expect(slider).to_have_attribute("aria-valuetext", there.text_content() or "")
    page.keyboard.press("End")
    expect(there).to_have_text(last or "")


def test_the_focus_stays_when_new_figures_arrive(server: Pages, page: Page, bot: Any):
    page.locator("#disk").focus()
    page.keyboard.press("Home")
    said = page.locator("#disk-there").text_content()
    server.write(bot, "observed", memory=99 * 2**20, at=f"{datetime.now(UTC):%F %T.%f}")
    expect(page.get_by_text("memory usage: 99 MiB")).to_be_visible(timeout=WITHIN)
    expect(page.locator("#disk")).to_be_focused()
    assert said
    expect(page.locator("#disk-there")).not_to_be_empty()


def test_another_range_is_a_link_and_its_page_stays_live(server: Pages, page: Page, bot: Any):
    page.get_by_role("link", name="24h").click()
    expect(page.get_by_role("link", name="24h")).to_have_attribute("aria-current", "true")
    page.wait_for_load_state()
    server.write(bot, "observed", memory=77 * 2**20, at=f"{datetime.now(UTC):%F %T.%f}")
    expect(page.get_by_text("memory usage: 77 MiB")).to_be_visible(timeout=WITHIN)
    expect(page.get_by_role("link", name="24h")).to_have_attribute("aria-current", "true")


def test_events_are_marked_and_described(page: Page, bot: Any):
    expect(page.locator("#memory .event")).to_have_count(1)
    page.locator("#events summary").click()
    expect(page.locator("#events li").get_by_text("started")).to_be_visible()


def test_an_event_is_shown_beside_the_value_at_its_time(page: Page, bot: Any):
    plot = page.locator("#memory")
    box = plot.bounding_box()
    assert box
    x = float(page.locator("#memory .event").get_attribute("data-x") or "")
    plot.hover(position={"x": x / 600 * box["width"], "y": 20})
    expect(page.locator("#memory-there")).to_have_text(re.compile(rf"{PER_ROW} started"))


def test_e_mails_are_switched_off_and_on(page: Page, bot: Any):
    page.get_by_role("button", name="no emails").click()
    page.get_by_role("button", name="email me").click()
    expect(page.get_by_role("button", name="no emails")).to_be_visible()


def test_the_status_page_works_without_javascript(
    server: Pages, page: Page, bot: Any, context: BrowserContext
):
    browser = context.browser
    assert browser
    plain = browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    there = plain.new_page()
    there.goto(page.url)
    expect(there.get_by_text("memory usage: 100 MiB")).to_be_visible()
    assert (there.locator("#memory .line").get_attribute("d") or "").count("L") > 50
    there.locator("#numbers summary").click()
    expect(there.locator("#table tbody tr").first).to_be_visible()
    plain.close()
