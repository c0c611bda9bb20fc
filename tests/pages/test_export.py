"""Exporting a bot in a browser, with JavaScript and without."""

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from butt.agents.states import State
from butt.hosts.interface import Folder
from tests.exports.folders import KEYS, fill
from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD


@pytest.fixture(scope="module", autouse=True)
def _alice_has_a_bot(server: Pages):
    bot = server.bot_in(State.ALIVE, server.person("alice@example.org"), "hermit")
    fill(Folder(server.home / "bots" / bot["id"]))
    server.write(bot, "progress", ssb_id=KEYS.id)


@pytest.mark.parametrize("scripts", [True, False])
def test_a_person_exports_everything(server: Pages, browser: Browser, scripts: bool, tmp_path: Path):
    context = browser.new_context(java_script_enabled=scripts)
    page = context.new_page()
    signs_in(page, server.url, "alice@example.org")
    page.goto(f"{server.url}/bots/hermit")
    page.get_by_role("link", name="export").click()
    with page.expect_download() as log:
        page.get_by_role("button", name="log").click()
    assert log.value.suggested_filename == "log.offset"

    page.get_by_role("button", name="all").click()
    page.get_by_label("password").fill(PASSWORD)
    page.get_by_role("button", name="yes").click()
    with page.expect_download() as everything:
        page.get_by_role("button", name="all").click()
    assert everything.value.suggested_filename == "hermit.tar"
    everything.value.save_as(tmp_path / "hermit.tar")
    assert (tmp_path / "hermit.tar").stat().st_size % 512 == 0
    context.close()


def test_enter_in_the_passphrase_field_exports_nothing(server: Pages, page: Page):
    """It would press the first button of the form, whichever that is."""
    signs_in(page, server.url, "alice@example.org")
    page.goto(f"{server.url}/bots/hermit/export")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.method))
    field = page.get_by_label("encryption")
    field.fill("correct horse battery")
    field.press("Enter")
    page.evaluate("fetch('/robots.txt')")
    expect(field).to_have_value("correct horse battery")
    assert "POST" not in sent


def test_a_wrong_password_is_marked_at_its_field(server: Pages, page: Page):
    signs_in(page, server.url, "alice@example.org")
    page.goto(f"{server.url}/bots/hermit/export/password")
    page.get_by_label("password").fill("wrong")
    page.get_by_role("button", name="yes").click()
    expect(page.get_by_role("alert")).to_have_text("Wrong password.")
