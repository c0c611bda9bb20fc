"""A body that stops in the middle is refused in words: it is not an error of the service."""

import asyncio
import json
from typing import Any

import pytest
from django.test import Client

from butt.accounts.tokens import issue_token
from butt.configuration import configuration
from butt.public import uploads
from butt.public.asgi import PublicServer
from tests.imports.bringing import is_swept
from tests.imports.tars import folder_files, tar_of
from tests.people import account

pytestmark = pytest.mark.django_db(transaction=True)


class Sender:
    """Sends the first part of what it announced, and then nothing, or disconnects."""

    def __init__(self, path: str, part: bytes, *, goes: bool = False, **headers: str) -> None:
        heads = {"Content-Length": str(len(part) + 1000), "Host": "localhost", **headers}
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path.partition("?")[0],
            "query_string": path.partition("?")[2].encode(),
            "headers": [(name.lower().encode(), value.encode()) for name, value in heads.items()],
        }
        self._events = [{"type": "http.request", "body": part, "more_body": True}]
        if goes:
            self._events.append({"type": "http.disconnect"})
        self.status = 0
        self.heard = b""

    async def receive(self) -> Any:
        if self._events:
            return self._events.pop(0)
        return await asyncio.get_running_loop().create_future()

    async def send(self, event: Any) -> None:
        self.status = event.get("status", self.status)
        self.heard += event.get("body", b"")

    def is_served(self) -> None:
        asyncio.run(asyncio.wait_for(PublicServer()(self.scope, self.receive, self.send), 20))


@pytest.fixture
def _patience_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "STALL_SECONDS", 0.2)


@pytest.fixture
def half(tmp_path: Any) -> bytes:
    return tar_of(folder_files(tmp_path / "there").items())[:3000]


def brings(half: bytes, *, goes: bool = False) -> Sender:
    token = issue_token(account("alice"))
    path = "/agents/import?name=my&stopped=for-good"
    return Sender(path, half, goes=goes, Authorization=f"Bearer {token}")


@pytest.mark.usefixtures("_patience_is_short")
def test_a_program_that_stalls_is_told_what_to_do(half: bytes):
    sender = brings(half)
    sender.is_served()
    assert sender.status == 408
    error = json.loads(sender.heard)["error"]
    assert error["code"] == "broken_off"
    assert "again" in error["message"]
    assert is_swept(configuration().home)


@pytest.mark.usefixtures("_patience_is_short")
def test_a_form_that_stalls_is_shown_again_with_its_values(half: bytes):
    client = Client()
    client.force_login(account("bob"), backend="django.contrib.auth.backends.ModelBackend")
    client.get("/bots/import")
    cookies = "; ".join(f"{name}={cookie.value}" for name, cookie in client.cookies.items())
    fields = {
        "csrfmiddlewaretoken": client.cookies["csrftoken"].value,
        "bot": "robin",
        "stopped": "for-good",
    }
    form = "".join(
        f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    form += '--x\r\nContent-Disposition: form-data; name="file"; filename="pub.tar"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x", "Cookie": cookies, "Accept": "text/html"}
    sender = Sender("/bots/import", form.encode() + half, **kind)
    sender.is_served()
    assert sender.status == 408
    assert b"No data arrived" in sender.heard
    assert b'value="robin"' in sender.heard
    assert is_swept(configuration().home)


def test_a_client_that_disconnects_is_not_an_error_of_ours(half: bytes, caplog: pytest.LogCaptureFixture):
    sender = brings(half, goes=True)
    sender.is_served()
    assert sender.status == 408
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
    assert is_swept(configuration().home)
