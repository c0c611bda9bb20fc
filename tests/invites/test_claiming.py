"""Claiming invites on their page, with a real pub."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.utils import timezone

from butt.agents.models import Agent, Progress
from butt.agents.states import State
from butt.identity import service_keys
from butt.invites import making
from butt.invites.book import entries
from butt.invites.claiming import claim
from butt.invites.kept_connections import kept_connections
from butt.invites.models import Invite
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.public.pages import open_to_all
from scuttlekit import KeyPair
from tests.invites.conftest import at
from tests.people import bot_in
from tests.pub.pubs import Pub

pytestmark = pytest.mark.django_db
GUEST = KeyPair(b"g" * 32).id


@pytest.fixture(autouse=True)
def _nobody_has_looked_yet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_to_all, "_looks", Rate(ADDRESS_JOINS))
    monkeypatch.setattr(open_to_all, "_misses", Rate(ADDRESS_MISSES))


@pytest.fixture(scope="module")
def claimed_pub(built_pub: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pub]:
    """One for all tests here, each of which makes invites of its own."""
    folder = tmp_path_factory.mktemp("pub") / "pub"
    pub = Pub(built_pub, folder, master=[service_keys().id], caps={}).start()
    yield pub
    pub.kill()


@pytest.fixture
def bot(alice: Agent, claimed_pub: Pub) -> Agent:
    return at(claimed_pub, bot_in(State.ALIVE, alice))


def posts(invite: Invite, ssb_id: Any, **more: Any) -> Any:
    body = json.dumps({"id": ssb_id, "invite": invite.token, **more})
    return Client().post(f"/join/{invite.token}", body, content_type="application/json")


def used_at(bot: Agent, invite: Invite) -> int:
    told = kept_connections.call(bot, "butt.invites", {"all": True})
    return next(one["used"] for one in told if one["id"] == invite.code_id)


def somebody() -> str:
    return KeyPair.generate().id


def test_an_app_learns_where_to_claim_and_then_the_pubs_address(alice: Agent, bot: Agent, claimed_pub: Pub):
    invite = making.create(alice, bot, "Bob")
    expected = {
        "status": "successful",
        "invite": invite.token,
        "postTo": f"http://127.0.0.1:8000/join/{invite.token}",
    }
    page = f"/join/{invite.token}"
    assert Client().get(f"{page}?encoding=json").json() == expected
    assert Client().get(page, headers={"Accept": "application/json"}).json() == expected
    for accept in ("*/*", "text/html,application/xhtml+xml,*/*;q=0.8"):
        assert "You are invited!" in Client().get(page, headers={"Accept": accept}).content.decode()

    guest = somebody()
    answer = posts(invite, guest)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "application/json"
    assert answer.json()["status"] == "successful"
    assert answer.json()["multiserverAddress"] == claimed_pub.address
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    following = {"source": claimed_pub.id, "dest": guest}
    assert kept_connections.call(bot, "friends.isFollowing", following)


def test_the_buttons_uri_leads_to_the_same_claim(alice: Agent, bot: Agent, settings: Any, monkeypatch: Any):
    monkeypatch.setattr("butt.configuration.Configuration.public_url", "https://example.org:8443/pubs")
    (entry,) = entries(making.create(alice, bot, "Bob").bot)
    scheme, _, rest = entry.claim_uri.partition(":")
    assert (scheme, urlsplit(rest).path) == ("ssb", "experimental")
    assert parse_qs(urlsplit(rest).query) == {
        "action": ["claim-http-invite"],
        "invite": [entry.invite.token],
        "postTo": [f"https://example.org:8443/pubs/join/{entry.invite.token}"],
    }


def test_a_claim_counts_once_for_each_id_and_may_be_repeated(alice: Agent, bot: Agent):
    invite, guest = making.create(alice, bot, "two", uses=2), somebody()
    assert [posts(invite, guest).json()["welcome"] for _ in range(3)] == ["let in", "known", "known"]
    assert used_at(bot, invite) == 1
    assert posts(invite, somebody()).status_code == 200
    refused = posts(invite, somebody())
    assert (refused.status_code, refused.json()["status"]) == (410, "failed")
    assert "has been used" in refused.json()["error"]


def test_a_known_guest_may_use_any_invite_without_a_use_counting(alice: Agent, bot: Agent):
    first, guest = making.create(alice, bot, "first"), somebody()
    posts(first, guest)
    assert posts(first, guest).json()["welcome"] == "known", "also with one that is used up"
    second = making.create(alice, bot, "second")
    assert posts(second, guest).json()["welcome"] == "known"
    assert used_at(bot, second) == 0
    assert Client().get(f"/join/{first.token}?encoding=json").status_code == 200


def test_a_blocked_guest_is_refused(alice: Agent, bot: Agent):
    invite, guest = making.create(alice, bot, "x", uses=2), somebody()
    posts(invite, guest)
    kept_connections.call(bot, "friends.block", guest, {})
    refused = posts(invite, guest)
    assert (refused.status_code, refused.json()["error"]) == (403, "my has blocked you.")


def test_an_invite_that_is_over_lets_nobody_in(alice: Agent, bot: Agent):
    soon = timezone.now() + timedelta(hours=1)
    revoked, expired = making.create(alice, bot, "a"), making.create(alice, bot, "b", expires_at=soon)
    making.revoke(alice, bot, revoked.id)
    Invite.objects.filter(id=expired.id).update(expires_at=timezone.now())
    for invite in (revoked, expired):
        for answer in (posts(invite, somebody()), Client().get(f"/join/{invite.token}?encoding=json")):
            assert (answer.status_code, answer.json()["status"]) == (410, "failed")


@pytest.mark.django_db(transaction=True)
def test_of_fifty_at_once_one_gets_in(alice: Agent, bot: Agent):
    invite = making.create(alice, bot, "one")
    with ThreadPoolExecutor(50) as pool:
        answers = [
            answer.status_code
            for answer in pool.map(lambda guest: posts(invite, guest), [somebody() for _ in range(50)])
        ]
    assert sorted(set(answers)) == [200, 410]
    assert answers.count(200) == 1


def test_following_every_link_and_posting_every_form_uses_nothing_up(alice: Agent, bot: Agent):
    invite = making.create(alice, bot, "one")
    page = f"/join/{invite.token}"
    crawler = Client()
    for look in (crawler.get, crawler.head, crawler.post):
        assert look(page).status_code == 200
    for form in ({"id": somebody(), "invite": invite.token}, {"encoding": "json"}):
        assert crawler.post(page, form).status_code == 200
        assert crawler.post(page, f"id={somebody()}", content_type="text/plain").status_code == 200
    assert used_at(bot, invite) == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"[]", 400),
        (b"{" * 900, 400),
        (b'{"id": "%s"}' % GUEST.encode(), 400),
        (b'{"id": "%s", "invite": "another"}' % GUEST.encode(), 400),
        (b'{"id": 5, "invite": "TOKEN"}', 400),
        (b'{"id": "@x.ed25519", "invite": "TOKEN"}', 422),
        (b'{"id": "\\u0000", "invite": "TOKEN"}', 422),
        (b'{"id": "%s", "invite": "TOKEN", "more": "%s"}' % (GUEST.encode(), b"x" * 1000), 400),
    ],
)
def test_an_invalid_claim_is_refused_before_the_bot_is_asked(alice: Agent, body: bytes, status: int):
    bot = bot_in(State.ALIVE, alice)
    Progress.objects.filter(bot=bot).update(port=9)
    keys = KeyPair.generate()
    invite = Invite.objects.create(
        bot=bot, name="x", seed=keys.secret[:32], code_id=keys.id, offered_at=timezone.now()
    )
    body = body.replace(b"TOKEN", invite.token.encode())
    answer = Client().post(f"/join/{invite.token}", body, content_type="application/json")
    assert (answer.status_code, answer.json()["status"]) == (status, "failed")


def test_a_bot_that_does_not_answer_says_so_and_when_to_come_back(alice: Agent):
    for number, state in enumerate((State.STOPPED, State.ALIVE)):
        bot = bot_in(state, alice, f"b{state}")
        Progress.objects.filter(bot=bot).update(port=9 + number)
        keys = KeyPair.generate()
        invite = Invite.objects.create(
            bot=bot, name="x", seed=keys.secret[:32], code_id=keys.id, offered_at=timezone.now()
        )
        answer = posts(invite, GUEST)
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")


def test_claims_are_rate_limited_and_unknown_invites_are_not_found(
    alice: Agent, bot: Agent, monkeypatch: Any
):
    invite = making.create(alice, bot, "x")
    nowhere = Client().post("/join/nothing", "{}", content_type="application/json")
    assert (nowhere.status_code, nowhere.json()["status"]) == (404, "failed")
    monkeypatch.setattr(open_to_all, "_looks", Rate(ADDRESS_MISSES))
    answers = [posts(invite, "no id").status_code for _ in range(31)]
    assert answers == [422] * 30 + [429]


def test_a_pub_that_forgot_an_invite_lets_nobody_in_and_nothing_is_lost(alice: Agent, bot: Agent):
    """As on another release, before it is told about its invites."""
    invite = making.create(alice, bot, "x")
    kept_connections.call(bot, "butt.revoke", invite.code_id)
    assert posts(invite, GUEST).status_code == 503
    kept_connections.call(bot, "butt.offer", making.offer_of(invite))
    assert (
        claim(
            Invite.objects.select_related("bot__wanted", "bot__progress", "bot__observed").get(id=invite.id),
            GUEST,
        ).value
        == "let in"
    )
