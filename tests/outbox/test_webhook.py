"""People can have a server of their own called about their bots."""

import hmac
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from butt.agents.actions import Refused
from butt.agents.models import Agent, Observed
from butt.agents.states import State
from butt.monitor.outages import tell_owners
from butt.outbox import preferences, webhook
from butt.outbox.channels import CHANNELS, Webhook
from butt.outbox.models import OutboxMessage
from butt.outbox.sending import send_due
from butt.outbox.webhook import NotTaken, call
from tests.outbox.receiver import HOST, Receiver, receiving
from tests.people import bot_in, person

NOW = timezone.now()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Receiver, ssl.SSLContext]]:
    with receiving(tmp_path_factory.mktemp("tls")) as there:
        yield there


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[list[str]]]:
    """What the resolver answers for a name: one list of addresses after the other, and the last one for ever."""
    answers: dict[str, list[list[str]]] = {}
    real = socket.getaddrinfo

    def found(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host not in answers:
            return real(host, port, *args, **kwargs)
        addresses = answers[host].pop(0) if len(answers[host]) > 1 else answers[host][0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return answers


@pytest.fixture
def receiver(
    served: tuple[Receiver, ssl.SSLContext],
    names: dict[str, list[list[str]]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Receiver]:
    """A server on loopback. In this test that counts as the public internet, and its certificate is trusted."""
    server, trust = served
    server.got, server.status, server.drips = [], 204, False
    names[HOST] = [["127.0.0.1"]]
    monkeypatch.setitem(CHANNELS, "webhook", Webhook(may=on_loopback, trust=trust))
    yield server
    server.drips = False


def on_loopback(address: str) -> bool:
    return address == "127.0.0.1"


@pytest.fixture
def calls(receiver: Receiver, served: tuple[Receiver, ssl.SSLContext]) -> Callable[[], None]:
    return lambda: call(receiver.url, "secret", b"{}", may=on_loopback, trust=served[1])


@pytest.fixture
def alice() -> Agent:
    return person("alice")


@pytest.fixture
def bot(alice: Agent) -> Agent:
    return bot_in(State.ALIVE, alice)


def looks(*minutes: float) -> None:
    for minute in minutes:
        tell_owners(NOW + timedelta(minutes=minute))
        send_due(NOW + timedelta(minutes=minute))


def events(receiver: Receiver) -> list[str]:
    return [json.loads(body)["event"] for _, _, body in receiver.got]


@pytest.mark.django_db
def test_the_webhook_is_called_when_a_bot_goes_down_and_comes_back(
    alice: Agent, bot: Agent, receiver: Receiver
):
    secret = preferences.set_webhook(alice, receiver.url)
    Observed.objects.filter(bot=bot).update(alive=False)
    looks(0, 5, 6)
    Observed.objects.filter(bot=bot).update(alive=True)
    looks(7, 8)
    assert events(receiver) == ["bot.down", "bot.up"]
    path, headers, body = receiver.got[0]
    said = json.loads(body)
    assert (path, said["bot"], said["at"]) == ("/butt?of=me", "my.localhost", NOW.isoformat())
    assert said["link"].endswith("/bots/my/status")
    at, _, mac = headers["Butt-Signature"].partition(",v1=")
    expected = hmac.new(secret.encode(), f"{at.removeprefix('t=')}.".encode() + body, "sha256")
    assert hmac.compare_digest(mac, expected.hexdigest())


@pytest.mark.django_db
def test_a_refused_message_is_sent_again_with_the_same_id_and_given_up_after_a_day(
    alice: Agent, bot: Agent, receiver: Receiver
):
    preferences.set_webhook(alice, receiver.url)
    receiver.status = 500
    Observed.objects.filter(bot=bot).update(alive=False)
    looks(0, 5, 6, 7, 8)
    ids = {json.loads(body)["id"] for _, _, body in receiver.got}
    assert (len(receiver.got) > 1, len(ids)) == (True, 1)
    looks(25 * 60, 26 * 60, 27 * 60)
    (message,) = OutboxMessage.objects.filter(channel="webhook")
    assert (message.due_at, message.sent_at) == (None, None)


@pytest.mark.django_db
def test_a_slow_webhook_is_still_told_that_a_bot_is_back(alice: Agent, bot: Agent, receiver: Receiver):
    preferences.set_webhook(alice, receiver.url)
    receiver.status = 500
    Observed.objects.filter(bot=bot).update(alive=False)
    looks(0, 6)
    receiver.status = 204
    Observed.objects.filter(bot=bot).update(alive=True)
    looks(6.1, 6.2, 30)
    assert events(receiver) == ["bot.down", "bot.up"]


@pytest.mark.django_db
def test_a_removed_webhook_is_not_called(alice: Agent, bot: Agent, receiver: Receiver):
    preferences.set_webhook(alice, receiver.url)
    Observed.objects.filter(bot=bot).update(alive=False)
    tell_owners(NOW), tell_owners(NOW + timedelta(minutes=6))
    preferences.set_webhook(alice, "")
    send_due(NOW + timedelta(minutes=6))
    assert receiver.got == []


@pytest.mark.parametrize("status", [302, 404, 500])
def test_only_a_2xx_answer_counts_and_no_redirect_is_followed(
    receiver: Receiver, calls: Callable[[], None], status: int
):
    receiver.status = status
    with pytest.raises(NotTaken, match=str(status)):
        calls()
    assert len(receiver.got) == 1


def test_an_answer_byte_by_byte_is_cut_off(
    receiver: Receiver, calls: Callable[[], None], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(webhook, "SECONDS", 0.5)
    receiver.drips = True
    with pytest.raises(NotTaken):
        calls()


def test_a_slow_resolver_delays_nobody(monkeypatch: pytest.MonkeyPatch):
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answered.wait(60) and [])
    monkeypatch.setattr(webhook, "SECONDS", 0.1)
    try:
        with pytest.raises(NotTaken, match="in time"):
            call(f"https://{HOST}/", "secret", b"{}")
    finally:
        answered.set()


def test_a_certificate_that_is_not_trusted_is_refused(receiver: Receiver):
    with pytest.raises(NotTaken, match="certificate"):
        call(receiver.url, "secret", b"{}", may=on_loopback)
    assert receiver.got == []


def test_a_name_that_changes_is_called_at_the_address_that_was_checked(
    receiver: Receiver, calls: Callable[[], None], names: dict[str, list[list[str]]]
):
    names[HOST] = [["127.0.0.1"], ["127.0.0.2"]]
    calls()
    assert len(receiver.got) == 1
    assert names[HOST] == [["127.0.0.2"]], "it was looked up once"
    with pytest.raises(NotTaken, match="not on the public internet"):
        calls()


@pytest.mark.parametrize(
    "leads_to",
    [
        ["127.0.0.1"],
        ["203.0.113.7", "10.1.2.3"],
        ["::ffff:169.254.169.254"],
        ["fd00::1"],
        ["64:ff9b::7f00:1"],
    ],
)
def test_a_name_that_leads_to_a_private_address_is_not_called(
    names: dict[str, list[list[str]]], leads_to: list[str]
):
    names[HOST] = [leads_to]
    with pytest.raises(NotTaken, match="not on the public internet"):
        call(f"https://{HOST}/", "secret", b"{}")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "wrong",
    [
        "http://example.org/",
        "https://",
        "https://example.org:99999/",
        "https://me:secret@example.org/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://localhost/",
        "https://example.org/with space",
        f"https://example.org/{'x' * 300}",
    ],
)
def test_an_invalid_webhook_is_refused(alice: Agent, wrong: str):
    with pytest.raises(Refused) as refused:
        preferences.set_webhook(alice, wrong)
    assert (refused.value.code, preferences.of(alice).webhook) == ("bad_webhook", "")
