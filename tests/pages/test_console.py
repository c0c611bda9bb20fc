"""The operators' console is Django's, and looks like the other pages, in every theme."""

import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.pages.server import Pages, signs_in
from tests.people import PASSWORD

OPERATOR = "olga@example.org"
SAME = {
    "body-bg": "paper",
    "darkened-bg": "sunk",
    "body-fg": "ink",
    "body-quiet-color": "quiet",
    "link-fg": "accent",
}
"""What Django calls a colour, and what it is here."""

COLOURS = """names => names.map(name => {
  const probe = document.body.appendChild(document.createElement("i"));
  probe.style.color = `var(--${name})`;
  const found = getComputedStyle(probe).color;
  probe.remove();
  return found;
})"""


@pytest.fixture(scope="module")
def operator(browser: Browser, server: Pages) -> Iterator[Page]:
    manage = [sys.executable, "-m", "butt", "manage", "--home", str(server.home)]
    subprocess.run(
        [*manage, "createsuperuser", "--no-input", "--email", OPERATOR],
        env={**server.environment, "DJANGO_SUPERUSER_PASSWORD": PASSWORD},
        check=True,
        timeout=60,
    )
    page = browser.new_page()
    signs_in(page, server.url, OPERATOR)
    page.wait_for_url("**/newbie")
    yield page
    page.close()


@pytest.mark.parametrize("system", ["light", "dark"])
@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_the_console_has_the_colours_of_the_pages(operator: Page, server: Pages, system: str, theme: str):
    wanted = system if theme == "auto" else theme
    operator.emulate_media(color_scheme=wanted)  # type: ignore[arg-type]
    operator.goto(f"{server.url}/bots")
    own = operator.evaluate(COLOURS, [*SAME.values()])
    operator.emulate_media(color_scheme=system)  # type: ignore[arg-type]
    operator.evaluate("theme => localStorage.setItem('theme', theme)", theme)
    operator.goto(f"{server.url}/console/")
    assert operator.evaluate(COLOURS, [*SAME]) == own
    assert operator.evaluate("getComputedStyle(document.documentElement).colorScheme") in {
        wanted,
        "light dark",
    }
