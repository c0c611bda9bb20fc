"""What the server refuses before it reads it is told on a page like all others, and to programs in JSON."""

import http.client
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from butt.limits.table import BODY_BYTES
from tests.imports.tars import folder_files, tar_of
from tests.pages.server import Pages, signs_in
from tests.public.test_connections import signs_in as signed_in
from tests.service import Person, wait_for

PROTECTING = (
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
)
PAGE, JSON = {"Accept": "text/html"}, {"Accept": "application/json"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pages]:
    """One on which a person may bring one pub at a time."""
    with Pages(tmp_path_factory.mktemp("home"), limits="person-imports=1") as pages:
        yield pages


@pytest.fixture(scope="module")
def bringer(server: Pages) -> Person:
    return server.person("bringer@example.org")


@pytest.fixture
def _one_comes(server: Pages, bringer: Person, tmp_path: Path) -> Iterator[None]:
    """In the middle of a body that does not go on."""
    tar = tar_of(folder_files(tmp_path / "there").items())
    with wait_for(lambda: let_in(server, bringer, tar)):
        yield


def let_in(server: Pages, bringer: Person, tar: bytes) -> socket.socket | None:
    """A line to which the server said that it takes what comes, and some of that; none while others are in its place."""
    line = socket.create_connection(("127.0.0.1", server.port), timeout=20)
    head = (
        "POST /agents/import?name=my&stopped=for-good HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        f"Authorization: Bearer {bringer.token}\r\nContent-Length: {len(tar)}\r\n\r\n"
    )
    line.sendall(head.encode())
    if not line.recv(1 << 16).startswith(b"HTTP/1.1 100 "):
        line.close()
        return None
    line.sendall(tar[:3000])
    return line


def asked(
    server: Pages, path: str, heads: dict[str, str], announced: int = 0
) -> tuple[int, http.client.HTTPMessage, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    try:
        connection.request("POST", path, b"", heads | {"Content-Length": str(announced)})
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read().decode()
    finally:
        connection.close()


def protection(server: Pages) -> dict[str, str | None]:
    """As a page that is not there has it, which goes the way of all pages."""
    heads = asked(server, "/nowhere", PAGE)[1]
    found = {name: heads[name] for name in PROTECTING}
    assert all(found.values())
    return found


@pytest.mark.usefixtures("_one_comes")
def test_too_many_uploads_at_once_are_told_when_to_try_again(server: Pages, bringer: Person):
    cookie = {"Cookie": signed_in(server, "bringer@example.org")}
    status, heads, page = asked(server, "/bots/import", PAGE | cookie)
    assert status == 503
    assert "try again in a minute" in page
    assert (heads["Retry-After"], heads["Connection"]) == ("60", "close")
    assert {name: heads[name] for name in PROTECTING} == protection(server)


@pytest.mark.usefixtures("_one_comes")
def test_a_program_with_too_many_uploads_is_told_too(server: Pages, bringer: Person):
    status, heads, said = asked(server, "/agents/import", JSON | {"Authorization": f"Bearer {bringer.token}"})
    assert (status, heads["Retry-After"]) == (503, "60")
    assert json.loads(said)["error"]["code"] == "not_now"
    assert heads["X-Content-Type-Options"] == "nosniff"


def test_a_body_that_is_too_large_gets_a_page(server: Pages):
    for path in ("/start", "/nowhere", "/live"):
        status, heads, page = asked(server, path, PAGE, BODY_BYTES.default + 1)
        assert (status, heads["Connection"]) == (413, "close")
        assert "too large" in page
        assert {name: heads[name] for name in PROTECTING} == protection(server)


def test_a_program_with_a_body_that_is_too_large_is_told_too(server: Pages):
    status, _, said = asked(server, "/agents", JSON, BODY_BYTES.default + 1)
    assert status == 413
    assert json.loads(said)["error"].keys() == {"code", "message"}
    assert json.loads(said)["error"]["code"] == "too_big"


def test_a_client_that_asks_first_is_refused_before_sending(server: Pages):
    head = f"POST /start HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: {BODY_BYTES.default + 1}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as line:
        line.sendall(head.encode())
        assert line.recv(1 << 16).startswith(b"HTTP/1.1 413 ")


@pytest.mark.usefixtures("_one_comes")
def test_a_browser_with_a_large_upload_shows_the_page(server: Pages, browser: Browser, tmp_path: Path):
    """Its body is on its way when it is refused."""
    tar = tmp_path / "pub.tar"
    tar.write_bytes(bytes(20 << 20))
    page = browser.new_page()
    signs_in(page, server.url, "bringer@example.org")
    page.goto(f"{server.url}/up")
    page.evaluate(
        """() => {
            const form = document.createElement("form")
            form.method = "post"; form.action = "/bots/import"; form.enctype = "multipart/form-data"
            form.innerHTML = '<input type="file" name="file"><button>bring</button>'
            document.body.append(form)
        }"""
    )
    page.locator("input[type=file]").set_input_files(tar)
    page.get_by_role("button", name="bring").click()
    page.get_by_text("try again in a minute").wait_for()
    assert page.title().startswith("not now")
    page.close()
