"""An export's bytes, as they arrive over ASGI."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from butt.configuration import configuration
from butt.machines import jobs, tokens
from butt.machines.models import Machine, Upload
from butt.machines.uploads import NO_ROOM, expect, spooled
from butt.private.exports import receive_export
from butt.serving.bodies import HungUp
from tests.machines.machines import alices, machine, placed_bot
from tests.people import person
from tests.sources.conftest import settings_of, small_disk

__all__ = ["alices", "settings_of", "small_disk"]

pytestmark = pytest.mark.django_db(transaction=True)


class Sender:
    """A machine that sends `chunks`, and then `hangs_up` or does not."""

    def __init__(self, upload: Upload, token: str, minion_id: str = "m1") -> None:
        self.path, self.token, self.read = f"/agents/{minion_id}/exports/{upload.id}", token, 0

    def puts(self, *chunks: bytes, length: int | None = None, hangs_up: bool = False) -> int:
        return asyncio.run(self._puts(list(chunks), length, hangs_up))

    async def _puts(self, chunks: list[bytes], length: int | None, hangs_up: bool) -> int:
        headers = [(b"authorization", f"Bearer {self.token}".encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        answers: list[Any] = []

        async def receive() -> Any:
            self.read += 1
            if not chunks:
                return {"type": "http.disconnect"}
            body = chunks.pop(0)
            return {"type": "http.request", "body": body, "more_body": bool(chunks) or hangs_up}

        async def send(event: Any) -> None:
            answers.append(event)

        scope: Any = {"type": "http", "method": "PUT", "path": self.path, "headers": headers}
        await receive_export(scope, receive, send)
        return int(answers[0]["status"])


@pytest.fixture
def upload(alices: Machine) -> Upload:
    return expect(alices, placed_bot(person("alice"), alices).id, most=10)


@pytest.fixture
def sender(upload: Upload, alices: Machine) -> Sender:
    return Sender(upload, tokens.issue(alices))


@pytest.fixture(autouse=True)
def nothing_is_left_half() -> Iterator[None]:
    yield
    assert not list((configuration().home / "uploads").glob("*.draft"))


def test_an_expected_export_arrives_once_and_complete(sender: Sender, upload: Upload):
    assert sender.puts(b"hello ", b"you") == 204
    assert spooled(upload).read_bytes() == b"hello you"
    upload.refresh_from_db()
    assert upload.size == 9
    assert sender.puts(b"again") == 404
    assert spooled(upload).read_bytes() == b"hello you"


def test_an_export_that_is_too_large_is_refused(sender: Sender, upload: Upload):
    assert sender.puts(b"x", length=11) == 413
    assert sender.read == 0, "not a byte of it was read"
    assert sender.puts(b"123456", b"123456", b"more") == 413
    assert sender.read == 2
    assert not spooled(upload).exists()


def test_a_full_disk_is_reported_and_with_room_the_export_arrives(
    alices: Machine, small_disk: Path, settings_of: Callable[..., None]
):
    settings_of(home=small_disk)
    bot = placed_bot(person("alice"), alices, "full")
    job = jobs.ask(bot.id, "blobs")
    assert job
    export = Sender(expect(alices, bot.id, 1 << 30, job.id), tokens.issue(alices))
    chunks = [bytes(1 << 20)] * 9
    assert export.puts(*chunks) == 507
    jobs.done(job.id, trouble="Its machine did not send it.")
    job.refresh_from_db()
    assert job.trouble == NO_ROOM
    assert list((small_disk / "uploads").iterdir()) == []

    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    again = jobs.ask(bot.id, "blobs")
    assert again
    assert again.id != job.id
    assert Sender(expect(alices, bot.id, 1 << 30, again.id), tokens.issue(alices)).puts(*chunks) == 204


def test_an_export_larger_than_the_free_disk_is_reported(alices: Machine):
    bot = placed_bot(person("alice"), alices, "big")
    job = jobs.ask(bot.id, "log")
    assert job
    upload = expect(alices, bot.id, 10, job.id)
    assert Sender(upload, tokens.issue(alices)).puts(b"123456", b"123456") == 413
    job.refresh_from_db()
    assert job.trouble == NO_ROOM


def test_a_machine_that_hangs_up_may_try_again(sender: Sender, upload: Upload):
    with pytest.raises(HungUp):
        sender.puts(b"half", hangs_up=True)
    assert not spooled(upload).exists()
    assert sender.puts(b"whole") == 204


def test_another_machine_cannot_send_it(upload: Upload):
    other = machine("m2")
    assert Sender(upload, tokens.issue(other)).puts(b"x") == 403
    assert Sender(upload, tokens.issue(other), "m2").puts(b"x") == 404
    assert not spooled(upload).exists()
