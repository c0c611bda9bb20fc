"""A bot's own log in a browser: it follows while somebody looks, and can be read without JavaScript."""

from playwright.sync_api import BrowserContext, Page, expect

from butt.agents.states import State
from tests.pages.server import Pages, signs_in

WITHIN = 10_000


def test_the_log_follows_and_keeps_the_readers_place(server: Pages, page: Page, context: BrowserContext):
    bot = server.bot_in(State.ALIVE, server.person("reader@example.org"), "readers")
    signs_in(page, server.url, "reader@example.org")
    page.get_by_role("link", name="readers.butt.nz").click()
    page.get_by_role("link", name="status").click()
    page.get_by_role("link", name="its log").click()
    expect(page.get_by_text("It has logged nothing yet.")).to_be_visible()

    server.says(bot, "The pub listens.")
    lines = page.get_by_role("log").locator("li")
    expect(lines).to_have_count(1, timeout=WITHIN)
    expect(page.get_by_text("It has logged nothing yet.")).to_be_hidden()
    server.says(bot, *(f"line {n}" for n in range(600)))
    expect(lines.first).to_contain_text("line 599", timeout=WITHIN)
    expect(lines).to_have_count(500)

    read = page.get_by_text("line 300", exact=True)
    read.scroll_into_view_if_needed()
    before = read.bounding_box()
    server.says(bot, "one more", level="warning")
    expect(lines.first).to_contain_text("warning one more", timeout=WITHIN)
    after = read.bounding_box()
    assert before
    assert after
    assert abs(before["y"] - after["y"]) < 40, "what one reads stays under the eye"

    assert context.browser
    plain = context.browser.new_context(java_script_enabled=False, storage_state=context.storage_state())
    there = plain.new_page()
    there.goto(page.url)
    expect(there.locator("#log li").first).to_contain_text("one more")
    server.says(bot, "later")
    there.get_by_role("link", name="reload").click()
    expect(there.locator("#log li").first).to_contain_text("later")
    plain.close()
