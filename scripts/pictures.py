"""Take the pictures of the documents anew, from a real service: `.venv/bin/python scripts/pictures.py`."""

import os
import shutil
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
os.environ["BUTT_HOME"] = tempfile.mkdtemp()

from playwright.sync_api import sync_playwright  # noqa: E402

from butt.sources.releases import build  # noqa: E402
from tests.service import Service  # noqa: E402


def main() -> None:
    pictures = ROOT / "docs" / "pictures"
    pictures.mkdir(exist_ok=True)
    with Service(Path(tempfile.mkdtemp()), build().path) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 760, "height": 520}, device_scale_factor=2)
        page.goto(f"{site.url}/start")
        page.get_by_label("email").fill("you@example.org")
        page.get_by_label("password").fill("correct horse battery")
        page.get_by_role("button", name="yes").click()
        page.locator("#name").fill("You")
        page.locator("#bot").fill("my")
        page.get_by_role("button", name="yes").click()
        page.locator(".state[data-state=alive]").wait_for()
        page.screenshot(path=pictures / "bot.png")
        browser.close()


if __name__ == "__main__":
    main()
