"""What a browser loads comes compressed, if it likes; what programs and followers get comes as it is."""

import gzip

import pytest
from django.test import Client

pytestmark = pytest.mark.django_db
SHEET = "/static/butt/butt.css"


@pytest.fixture
def browser() -> Client:
    return Client(HTTP_ACCEPT_ENCODING="gzip, br")


def test_a_page_comes_compressed_to_whom_can_read_it(browser: Client):
    packed, plain = browser.get("/"), Client().get("/")
    assert packed["Content-Encoding"] == "gzip"
    assert "a friend in the cloud" in gzip.decompress(packed.content).decode()
    assert "Content-Encoding" not in plain
    assert "Accept-Encoding" in packed["Vary"]
    assert "Accept-Encoding" in plain["Vary"]


def test_so_does_a_file_which_is_not_sent_again_while_it_is_the_same(browser: Client):
    packed, plain = browser.get(SHEET), b"".join(Client().get(SHEET).streaming_content)  # type: ignore[attr-defined]
    body = b"".join(packed.streaming_content)  # type: ignore[attr-defined]
    assert gzip.decompress(body) == plain
    assert len(body) < len(plain) / 2
    again = browser.get(SHEET, HTTP_IF_MODIFIED_SINCE=packed["Last-Modified"])
    assert (again.status_code, b"".join(again)) == (304, b"")
    head = browser.head(SHEET)
    assert (head.status_code, b"".join(head)) == (200, b"")


def test_a_program_gets_its_answer_as_it_is(browser: Client):
    assert "Content-Encoding" not in browser.get("/openapi.json")
