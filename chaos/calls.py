"""What one person calls: as a program with a token, and in a browser with cookies. All answers are
counted.
"""

import re
from typing import Any

import requests

from chaos.journal import Journal

TOKEN_OF_FORM = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
PATIENCE = (5, 30)
NOT_NOW = 503
PAGES = {200, 404, 409, 410, 422, 429}
"""How pages may answer, besides 503."""


class Cut(Exception):
    """Nobody knows whether the call arrived."""


class Calls:
    def __init__(self, url: str, journal: Journal) -> None:
        self._url, self._journal = url, journal
        self._browser = requests.Session()
        self.token = ""

    def call(
        self, method: str, path: str, expected: set[int], body: Any = None, *, file: bytes | None = None
    ) -> tuple[int, Any]:
        """Call the API. Returns the status, and the answer if it is JSON."""
        headers = {"Accept": "application/json", **self._bearer()}
        if file is not None:
            headers["Content-Type"] = "application/x-tar"
        answer = self._heard(expected, method, path, json=body, data=file, headers=headers)
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, None

    def file(self, path: str, expected: set[int]) -> bytes | None:
        """The bytes of a download; None if there is nothing now."""
        answer = self._heard(expected, "GET", path, headers={"Accept": "*/*", **self._bearer()})
        return answer.content if answer.ok else None

    def page(self, path: str, **query: str) -> requests.Response:
        """Open a page in the browser; redirects are followed."""
        return self._heard(PAGES, "GET", path, browser=self._browser, params=query)

    def sends(self, shown: requests.Response, path: str, **form: str) -> requests.Response:
        """Fill in a form of the current page. Without such a form, the page stays as it is."""
        hidden = TOKEN_OF_FORM.search(shown.text)
        if not hidden:
            return shown
        form["csrfmiddlewaretoken"] = hidden[1]
        return self._heard(PAGES, "POST", path, browser=self._browser, data=form)

    def _bearer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    def _heard(
        self, expected: set[int], method: str, path: str, browser: Any = requests, **more: Any
    ) -> requests.Response:
        try:
            answer: requests.Response = browser.request(method, self._url + path, timeout=PATIENCE, **more)
        except requests.RequestException:
            raise Cut from None
        self._journal.count(str(answer.status_code))
        if answer.status_code not in expected | {NOT_NOW}:
            shape = re.sub(r"[0-9a-f-]{36}|[a-z]+-\d+", "…", path)
            self._journal.found(f"{method} {shape}: {answer.status_code} {answer.text[:160]!r}")
        return answer
