"""Invites from end to end: made over the API, accepted by a real ssb-server, refused by the pub itself."""

import asyncio
import json
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from scuttlekit import Address, InviteCode, KeyPair, RemoteError, ScuttlebuttError, connect
from tests.service import Person, Service, wait_for
from tests.whole.guest import Guest

REFUSED = "not in list of allowed methods"
OVER = "invite has expired"
"""What is used up, or was open for a while: whom it let in may still come by it."""


@pytest.fixture
def guest(built_stock: Path, tmp_path: Path) -> Iterator[Callable[[], Guest]]:
    guests: list[Guest] = []

    def come() -> Guest:
        guests.append(Guest(built_stock, tmp_path / f"guest{len(guests)}"))
        return guests[-1]

    yield come
    for one in guests:
        one.leave()


@pytest.fixture
def alice(site: Service, request: pytest.FixtureRequest) -> Person:
    return site.person(f"{request.node.name[:50]}@example.org")


@pytest.fixture
def bot(alice: Person, request: pytest.FixtureRequest) -> Any:
    bot = alice.names_a_bot(f"b{abs(hash(request.node.name)) % 10**8}")
    alice.waits_for("alive", bot)
    return bot


def invite(alice: Person, bot: Any, name: str = "Bob", **more: Any) -> Any:
    return alice.call("POST", f"/agents/{bot['id']}/invites", {"name": name, **more}, expect=201)


def listed(alice: Person, bot: Any) -> list[Any]:
    return alice.call("GET", f"/agents/{bot['id']}/invites")["invites"]


def used(alice: Person, bot: Any) -> list[Any]:
    return [use for one in listed(alice, bot) for use in one["used"]]


def use(code: str) -> Any:
    """What a client does with a code at the pub itself."""
    return asyncio.run(InviteCode.parse(code).use(KeyPair.generate().id))


def feed_of(site: Service, bot: Any) -> list[Any]:
    """Every message of the pub's own feed, as it reads for others."""

    async def read() -> list[Any]:
        seen = site.call("GET", f"/agents/{bot['id']}", token=bot["token"])
        keys = KeyPair.load(site.home / "identity")
        async with connect(Address.parse(seen["address"]), keys) as peer:
            return await peer.collect("createUserStream", {"id": seen["ssbId"]}, limit=1000)

    return asyncio.run(read())


def test_a_real_client_accepts_and_is_seen_with_its_name(
    site: Service, alice: Person, bot: Any, guest: Callable[[], Guest]
):
    made = invite(alice, bot, "Bob from the harbour", uses=2)
    assert (made["name"], made["uses"], made["used"]) == ("Bob from the harbour", 2, [])
    assert InviteCode.parse(made["code"]).code == made["code"]

    bob = guest()
    bob.accept(made["code"])
    (entry,) = wait_for(lambda: [one for one in listed(alice, bot) if one["used"]])
    assert [seen["ssbId"] for seen in entry["used"]] == [bob.id]
    assert datetime.now(UTC) - datetime.fromisoformat(entry["used"][0]["at"]) < timedelta(minutes=1)
    assert "name" not in entry["used"][0]

    bob.is_called("Bob\nthe Builder")
    bob.call("gossip.connect", alice.sees(bot)["address"])
    wait_for(lambda: [seen.get("name") for seen in used(alice, bot)] == ["Bob the Builder"])
    guest().accept(made["code"])
    wait_for(lambda: len(used(alice, bot)) == 2)
    with pytest.raises(RemoteError, match=OVER):
        use(made["code"])

    messages = feed_of(site, {**bot, "token": alice.token})
    assert "harbour" not in json.dumps(messages)
    notes = [
        m["value"]["content"].get("note") for m in messages if m["value"]["content"]["type"] == "contact"
    ]
    assert len(notes) == 2
    assert notes[0] == notes[1]


def test_several_requests_with_one_key_make_one_invite(site: Service, alice: Person, bot: Any):
    """As a program that gave up waiting for an answer, or a browser when somebody clicks twice."""
    for key in (str(uuid.uuid4()) for _ in range(5)):
        headers = {
            "Authorization": f"Bearer {alice.token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }

        def ask(number: int, headers: dict[str, str] = headers) -> tuple[int, str]:
            body = json.dumps({"name": f"n{number}"}).encode()
            request = urllib.request.Request(f"{site.url}/agents/{bot['id']}/invites", body, headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.loads(answer.read())["code"]

        with ThreadPoolExecutor(6) as callers:
            answers = set(callers.map(ask, range(6)))
        assert len(answers) == 1
        assert answers == {(201, listed(alice, bot)[0]["code"])}
    assert len(listed(alice, bot)) == 5


def test_a_revoked_invite_is_refused_by_the_pub(alice: Person, bot: Any):
    made, other = invite(alice, bot, "one"), invite(alice, bot, "other")
    path = f"/agents/{bot['id']}/invites/{made['id']}"
    for _ in range(2):
        alice.call("DELETE", path, expect=204)
    with pytest.raises(RemoteError, match=REFUSED):
        use(made["code"])
    assert [bool(one["revokedAt"]) for one in listed(alice, bot)] == [False, True]
    use(other["code"])


def test_an_invite_revoked_while_the_bot_is_stopped_is_refused_later(alice: Person, bot: Any):
    made, other = invite(alice, bot, "one"), invite(alice, bot, "other")
    alice.asks("stop", bot)
    alice.waits_for("stopped", bot)
    alice.call("DELETE", f"/agents/{bot['id']}/invites/{made['id']}", expect=204)
    assert listed(alice, bot)[1]["revokedAt"]
    answer = alice.call("POST", f"/agents/{bot['id']}/invites", {"name": "late"}, expect=409)
    assert answer["error"]["message"].endswith("You can make invites only while it is #alive.")
    alice.asks("start", bot)

    def refusal() -> str:
        try:
            use(made["code"])
        except RemoteError as error:
            return str(error)
        except ScuttlebuttError:
            return ""
        raise AssertionError("the pub let somebody in by it")

    assert REFUSED in wait_for(refusal), "from the first moment on that it answers"
    alice.waits_for("alive", bot)
    use(other["code"])


def test_an_expired_invite_is_refused_even_while_the_service_is_down(built_pub: Path, tmp_path: Path):
    with Service(tmp_path / "home", built_pub) as site:
        alice = site.person("alice@example.org")
        bot = alice.names_a_bot("my")
        alice.waits_for("alive", bot)
        soon = datetime.now(UTC) + timedelta(seconds=4)
        made = invite(alice, bot, uses=5, expiresAt=soon.isoformat())
        lasting = invite(alice, bot)
        site.kill()
        wait_for(lambda: datetime.now(UTC) > soon)
        with pytest.raises(RemoteError, match=OVER):
            use(made["code"])
        use(lasting["code"])
        site.up()
        wait_for(lambda: len(used(alice, bot)) == 1)


def test_uses_while_the_monitor_was_down_are_shown_later(
    alice: Person, bot: Any, site: Service, guest: Callable[[], Guest]
):
    before, after = invite(alice, bot, "before"), invite(alice, bot, "after")
    use(before["code"])
    wait_for(lambda: len(used(alice, bot)) == 1)
    monitor = site.part("monitor")
    monitor.suspend()
    bob = guest()
    bob.accept(after["code"])
    assert len(used(alice, bot)) == 1
    monitor.kill()
    wait_for(lambda: len(used(alice, bot)) == 2)
    assert listed(alice, bot)[0]["used"][0]["ssbId"] == bob.id


def test_the_pub_publishes_its_profile_once_and_again_after_a_change(alice: Person, bot: Any, site: Service):
    def said() -> list[Any]:
        contents = [m["value"]["content"] for m in feed_of(site, {**bot, "token": alice.token})]
        return [(c["name"], c["description"]) for c in contents if c["type"] == "about"]

    wait_for(lambda: said() == [(bot["name"], "")])
    alice.call("PATCH", f"/agents/{bot['id']}", {"description": "Ours."})
    wait_for(lambda: len(said()) == 2)
    site.part("monitor").kill()
    alice.asks("restart", bot)
    wait_for(lambda: alice.sees(bot)["state"] != "alive")
    alice.waits_for("alive", bot)
    alice.call("PATCH", f"/agents/{bot['id']}", {"description": "Ours and yours."})
    wait_for(lambda: len(said()) >= 3)
    assert said() == [(bot["name"], ""), (bot["name"], "Ours."), (bot["name"], "Ours and yours.")]
