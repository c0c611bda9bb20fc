"""Retake the pictures of the documents from a real service: `.venv/bin/python scripts/pictures.py`.

It follows `docs/tutorial.md`: a new user makes a pub and an invite, and a friend uses it.
"""

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
HOME = tempfile.TemporaryDirectory()
os.environ["BUTT_HOME"] = HOME.name

from playwright.sync_api import Page  # noqa: E402

from butt.sources.releases import build  # noqa: E402
from tests.chromium import chromium  # noqa: E402
from tests.service import Service  # noqa: E402
from tests.stock import STOCK  # noqa: E402
from tests.whole.guest import Guest  # noqa: E402

PICTURES = ROOT / "docs" / "pictures"
LARGEST = 100_000
PHONE = {"width": 390, "height": 844}
PATIENCE = 60_000
BARE = "*, *::before, *::after { animation: none !important; transition: none !important }"


def main() -> None:
    PICTURES.mkdir(exist_ok=True)
    pub = build().path
    with Service(Path(HOME.name, "site"), pub) as site, chromium() as browser:
        page = browser.new_page(viewport={"width": 760, "height": 520}, device_scale_factor=2)
        page.set_default_timeout(PATIENCE)
        friend = Guest(build(STOCK).path, Path(HOME.name, "friend"))
        try:
            _makes_a_pub(page, site.url)
            _invites(page, friend)
        finally:
            friend.leave()


def _makes_a_pub(page: Page, url: str) -> None:
    page.goto(f"{url}/start")
    page.get_by_label("email").fill("you@example.org")
    page.get_by_label("password").fill("correct horse battery")
    page.get_by_role("button", name="yes").click()
    page.wait_for_url("**/newbie")
    page.locator("#name").fill("You")
    page.locator("#bot").fill("my")
    page.get_by_text("my.localhost is free").wait_for()
    _take(page, "newbie")
    page.get_by_role("button", name="yes").click()
    page.locator(".state[data-state=alive]").wait_for()
    _take(page, "bot")


def _invites(page: Page, friend: Guest) -> None:
    page.get_by_role("link", name="invite", exact=True).click()
    page.get_by_label("name").fill("Bob")
    page.get_by_role("button", name="yes").click()
    unused = page.get_by_role("list", name="unused", exact=True)
    link = unused.locator("code").first.text_content() or ""
    _take(page, "invites")
    theirs = page.context.browser.new_page(viewport=PHONE, device_scale_factor=2)  # type: ignore[union-attr]
    theirs.goto(link)
    _take(theirs, "join")
    theirs.get_by_role("button", name="show the code").click()
    code = theirs.locator("#code").text_content() or ""
    theirs.close()
    with ThreadPoolExecutor(1) as beside:
        beside.submit(friend.accept, code).result()
    page.get_by_role("list", name="used", exact=True).get_by_text("Bob").wait_for()
    _take(page, "friend")


def _take(page: Page, name: str) -> None:
    path = PICTURES / f"{name}.png"
    page.evaluate("document.activeElement?.blur()")
    page.screenshot(path=path, style=BARE)
    if path.stat().st_size > LARGEST:
        page.screenshot(path=path, style=BARE, scale="css")
    print(path.name, path.stat().st_size)


if __name__ == "__main__":
    main()
