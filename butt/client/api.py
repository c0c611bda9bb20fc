"""Calls of the public JSON API, with every error in words.

`requests` is loaded by the first client: the parts of the service, which have the same command, need neither.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from butt.trouble import Trouble

if TYPE_CHECKING:
    import requests

CONNECT_SECONDS, READ_SECONDS = 10, 60
CHUNK = 64 * 1024


class ApiError(Trouble):
    """Why a call failed. `code` is the API's own, or `unreachable`, or `not_ours`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.mend = "Run `butt login` again." if code == "no_token" else ""


@dataclass(frozen=True)
class Download:
    """A stream of bytes under the name the service gives it; `size` in bytes, None if it is not known beforehand."""

    name: str
    size: int | None
    chunks: Iterator[bytes]


class ApiClient:
    """The API of the service at `url`, on behalf of the person that `token` was given to."""

    def __init__(self, url: str, token: str = "", read_seconds: float = READ_SECONDS) -> None:
        self.url = url.rstrip("/")
        import requests

        self._session = requests.Session()
        self._session.headers["Accept"] = "application/json"
        if token:
            self._session.headers["Authorization"] = f"Bearer {token}"
        self._timeout = (CONNECT_SECONDS, read_seconds)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer, None if there is no body. Raises `ApiError`."""
        answer = self._ask(method, path, json=body)
        if answer.status_code == HTTPStatus.NO_CONTENT:
            return None
        return _json(answer)

    def bots(self) -> list[Any]:
        """The person's bots, by name. Raises `ApiError`."""
        return [agent for agent in self.call("GET", "/agents")["agents"] if agent["type"] == "bot"]

    def bot(self, name: str) -> Any:
        """The bot called `name`, or `name.some.domain`. Raises `ApiError`: also `not_found`."""
        wanted = name.lower().partition(".")[0]
        found = next((bot for bot in self.bots() if bot["name"] == wanted), None)
        if found is None:
            raise ApiError("not_found", f"You have no bot called “{name}”. `butt bots` lists those you have.")
        return found

    @contextmanager
    def download(self, path: str) -> Iterator[Download]:
        """Raises `ApiError`, also while its chunks are read: a body that was cut off is never taken for a whole one."""
        answer = self._ask("GET", path, stream=True)
        with answer:
            size = answer.headers.get("Content-Length")
            yield Download(
                _file_name(answer.headers.get("Content-Disposition", "")) or path.rpartition("/")[2],
                int(size) if size else None,
                _chunks(answer),
            )

    def _ask(self, method: str, path: str, **how: Any) -> "requests.Response":
        import requests

        try:
            answer = self._session.request(
                method, self.url + path, timeout=self._timeout, allow_redirects=False, **how
            )
        except requests.RequestException as error:
            raise ApiError("unreachable", f"{self.url} cannot be reached: {_cause(error)}") from None
        if answer.ok and not answer.is_redirect:
            return answer
        with answer:
            raise _refusal(self.url, answer)


def _json(answer: "requests.Response") -> Any:
    try:
        return answer.json()
    except ValueError:
        raise ApiError(
            "not_ours", f"{answer.url} does not look like this service. Check the address."
        ) from None


def _refusal(url: str, answer: "requests.Response") -> ApiError:
    try:
        error = answer.json()["error"]
        return ApiError(str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return ApiError("not_ours", f"{url} answers {answer.status_code}: is it this service's address?")


def _chunks(answer: "requests.Response") -> Iterator[bytes]:
    import requests

    try:
        yield from answer.iter_content(CHUNK)
    except requests.RequestException as error:
        raise ApiError("unreachable", f"The download was cut off: {_cause(error)}") from None


def _cause(error: Exception) -> str:
    while error.__cause__ is None and error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return str(getattr(error, "reason", None) or error)


def _file_name(disposition: str) -> str:
    """The name in a `Content-Disposition`, without any folder."""
    name = disposition.partition("filename=")[2].partition(";")[0].strip().strip('"')
    return name.replace("\\", "/").rpartition("/")[2].lstrip(".")
