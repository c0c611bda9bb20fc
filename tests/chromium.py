"""The browser of the tests: Chromium without windows, for which a page takes half the processor's time."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from tests.programs import program

SHELL, WHOLE = "chromium-headless-shell", "chromium"
"""The second is what people have. It shows windows even where nobody sees them, and has what only windows have."""

OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-software-rasterizer", "--in-process-gpu")
"""No graphics card is imitated: nothing here needs one, and it costs a tenth of the processor's time."""


@contextmanager
def chromium(*options: str, name: str = SHELL, without: Sequence[str] = ()) -> Iterator[Browser]:
    """A running browser. `without` names options of Playwright's own that it does not get."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program(name), args=[*OPTIONS, *options], ignore_default_args=list(without)
        )
        yield browser
        browser.close()
