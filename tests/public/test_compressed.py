"""What a browser loads is compressed if it accepts that; programs and streams get it as it is."""

import gzip

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
SHEET = "/static/butt/butt.css"


@pytest.fixture
def browser() -> Client:
    return Client(HTTP_ACCEPT_ENCODING="gzip, br")


def test_a_page_is_compressed_for_clients_that_accept_it(browser: Client):
    packed, plain = browser.get("/"), Client().get("/")
    assert packed["Content-Encoding"] == "gzip"
    assert "a friend in the cloud" in gzip.decompress(packed.content).decode()
    assert "Content-Encoding" not in plain
    assert "Accept-Encoding" in packed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]


def test_a_file_is_compressed_and_not_sent_again_while_unchanged(browser: Client):
    packed, plain = browser.get(SHEET), b"".join(Client().get(SHEET).streaming_content)  # type: ignore[attr-defined]
    body = b"".join(packed.streaming_content)  # type: ignore[attr-defined]
    assert gzip.decompress(body) == plain
    assert len(body) < len(plain) / 2
    again = browser.get(SHEET, HTTP_IF_MODIFIED_SINCE=packed["Last-Modified"])
    assert (again.status_code, b"".join(again)) == (304, b"")
    head = browser.head(SHEET)
    assert (head.status_code, b"".join(head)) == (200, b"")


def test_answers_for_programs_are_not_compressed(browser: Client):
    assert "Content-Encoding" not in browser.get("/openapi.json")
