"""A user of the service over HTTP: a browser with cookies, or a program with a token."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage
from http.cookies import SimpleCookie
from typing import Any, Self
from urllib.parse import urlencode

from tests.doors import Door

TOKEN_OF_FORM = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
PASSWORD = "correct horse battery"
"""The password of everybody in tests."""


@dataclass(frozen=True)
class Answer:
    status: int
    heads: HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Line(HTTPConnection):
    """A connection through a door."""

    def __init__(self, door: Door, source: str, seconds: float) -> None:
        super().__init__("127.0.0.1", door.port, timeout=seconds)
        self._door, self._from = door, source

    def connect(self) -> None:
        self.sock = self._door.connects(self._from, float(self.timeout or 20))


class Visitor:
    """`hears` is called with the body of each answer. Calls raise `OSError` and `HTTPException` if there is no answer."""

    def __init__(
        self,
        door: Door,
        source: str = "127.0.0.1",
        hears: Callable[[bytes], None] = lambda _: None,
        seconds: float = 30,
    ) -> None:
        self.door, self.source, self._hears = door, source, hears
        self._line = Line(door, source, seconds)
        self.cookies: dict[str, str] = {}
        self.token = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.close()

    def asks(self, method: str, path: str, body: Any = None, kind: str = "", **heads: str) -> Answer:
        """A body of text or bytes is sent unchanged, as `kind`; anything else as JSON."""
        if body is not None and not isinstance(body, str | bytes):
            body, kind = json.dumps(body), JSON
        heads = {"Host": self.door.host, "Referer": f"{self.door.url}/", **heads}
        if kind:
            heads["Content-Type"] = kind
        if self.token:
            heads["Authorization"] = f"Bearer {self.token}"
        elif self.cookies:
            heads["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = self._heard(method, path, body, heads)
        for cookie in answer.heads.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(cookie).items()}
        self._hears(answer.body)
        return answer

    def sends(self, path: str, shown: str = "", **form: str) -> Answer:
        """Fill in the form of the page `shown`, by default the one at `path` itself."""
        page = self.asks("GET", shown or path, Accept="text/html")
        hidden = TOKEN_OF_FORM.search(page.text)
        if not hidden:
            return page
        body = urlencode({"csrfmiddlewaretoken": hidden[1], **form})
        return self.asks("POST", path, body, FORM, Accept="text/html")

    def registers(self, email: str) -> str:
        """Register; returns the id of the person. From now on they act as a program."""
        answer = self.asks("POST", "/authentication/register", {"email": email, "password": PASSWORD})
        assert answer.status == 201, answer
        self.token = answer.json["accessToken"]
        return str(answer.json["agent"]["id"])

    def signs_in(self, email: str, password: str = PASSWORD) -> int:
        """Sign in with the browser."""
        return self.sends("/start", email=email, password=password).status

    def _heard(self, method: str, path: str, body: Any, heads: dict[str, str]) -> Answer:
        """The server may just have closed an open connection: try again on a new one, as browsers do, unless it was new
        already.
        """
        was_open = self._line.sock is not None
        try:
            return self._once(method, path, body, heads)
        except (ConnectionError, HTTPException):
            self._line.close()
            if not was_open:
                raise
            return self._once(method, path, body, heads)
        except OSError:
            self._line.close()
            raise

    def _once(self, method: str, path: str, body: Any, heads: dict[str, str]) -> Answer:
        self._line.request(method, path, body, heads)
        answer = self._line.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
