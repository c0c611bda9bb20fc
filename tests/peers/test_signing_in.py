"""Sign in with Scuttlebutt, through a bot's real pub: to an account, and as a member of the bot.

Mallory wants to be signed in as Alice.
"""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from html import unescape
from threading import Event
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.utils import timezone

from butt.accounts import leaving, owners, ssb_ids
from butt.accounts.models import Account, SignOut, SsbId
from butt.accounts.personal import personal_data
from butt.agents.models import Agent, JournalEntry, RoomMode, Wanted
from butt.invites.models import Invite, InviteUse
from butt.limits.networks import network_of
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_SSB_SIGN_INS
from butt.peers import aliases
from butt.peers.following import Relation, relate
from butt.public.pages import challenges
from scuttlekit import Address, KeyPair, RemoteError, connect, parse_uri
from scuttlekit.http_auth import new_challenge, solve
from tests.accounts.test_factors import code_of, with_app
from tests.peers.test_aliases import asks, registers, tell
from tests.people import PASSWORD, account
from tests.pub.pubs import Pub

PHONE, MALLORY = KeyPair(b"alice's phone, as she has it now!"[:32]), KeyPair(b"m" * 32)


@pytest.fixture(autouse=True)
def _nobody_has_begun_yet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(challenges, "_begun", Rate(ADDRESS_SSB_SIGN_INS))


@pytest.fixture
def mine(alice: Agent) -> Account:
    EmailAddress.objects.filter(user=alice.account).update(verified=True)
    return alice.account


@pytest.fixture
def known(mine: Account, bot: Agent) -> Account:
    """Alice's account, to which her phone can sign in."""
    ssb_ids.add(mine, bot, PHONE.id)
    return mine


def shown(answer: Any) -> str:
    """The link that a page shows for an app."""
    return unescape(re.search(r'id="confirm" href="([^"]+)"', answer.content.decode())[1])


def begins(bot: Agent, path: str = "/login", **form: str) -> tuple[Client, str]:
    """A browser in which somebody begins to sign in, and what it shows."""
    client = Client()
    answer = client.post(path, {"bot": bot.name, **form}, follow=True)
    assert answer.status_code == 200, answer.content.decode()
    return client, shown(answer)


def confirms(pub: Pub, uri: str, keys: KeyPair = PHONE, **odd: str) -> bool:
    """As an app does that opens the link."""
    asked = parse_uri(uri).query
    sc, cc = asked["sc"], new_challenge()
    solution = solve(odd.pop("signer", keys), asked["sid"], odd.pop("sc", sc), cc)
    return asks(pub, keys, "httpAuth.sendSolution", sc, cc, odd.pop("solution", solution))


def is_in(client: Client) -> bool:
    return client.get("/account").status_code == 200


def test_an_added_id_can_sign_in_to_the_account(mine: Account, bot: Agent, real_pub: Pub):
    client = Client()
    client.post("/start", {"email": mine.email, "password": PASSWORD})
    client.post("/account/again", {"password": PASSWORD})
    uri = shown(client.post("/account/ssb/new", {"bot": bot.name}, follow=True))
    assert parse_uri(uri).query["multiserverAddress"] == real_pub.address
    assert b"has not confirmed yet" in client.post("/login/app").content
    assert confirms(real_pub, uri)
    assert client.post("/login/app")["Location"] == "/account/ssb"
    assert PHONE.id in client.get("/account/ssb").content.decode()
    assert PHONE.id in mail.outbox[-1].body
    assert JournalEntry.objects.filter(what="add an SSB id", detail={"feed": PHONE.id}).exists()
    assert personal_data(mine)["ssbIds"][0]["ssb_id"] == PHONE.id

    browser, uri = begins(bot)
    assert not is_in(browser)
    assert confirms(real_pub, uri)
    assert browser.post("/login/app")["Location"] == "/bots"
    assert is_in(browser)
    assert UserSession.objects.filter(user=mine).count() == 2
    assert SsbId.objects.get().last_used_at is not None

    client.post(f"/account/ssb/{SsbId.objects.get().id}/remove")
    assert not SsbId.objects.exists()
    assert "can no longer sign in to your account" in mail.outbox[-1].body
    assert Client().post("/login", {"bot": bot.name}).status_code == 422


def test_adding_an_id_needs_the_password_and_a_verified_address(alice: Agent, bot: Agent):
    client = Client()
    client.force_login(alice.account)
    assert client.post("/account/ssb/new", {"bot": bot.name})["Location"].startswith("/account/again")
    client.post("/account/again", {"password": PASSWORD})
    answer = client.post("/account/ssb/new", {"bot": bot.name})
    assert (answer.status_code, b"Verify your email" in answer.content) == (409, True)


def test_mallory_gains_nothing_from_a_link_that_alice_did_not_start(
    known: Account, bot: Agent, real_pub: Pub
):
    """Not another browser, another person's solution, one for another challenge, or a used one."""
    browser, uri = begins(bot)
    mallorys, other_uri = begins(bot)
    assert confirms(real_pub, uri)
    assert mallorys.post("/login/app").status_code == 409, "her own challenge is not solved"
    assert Client().post("/login/app").status_code == 410, "she has no challenge"
    assert not confirms(real_pub, other_uri, MALLORY, signer=PHONE), "she sends what Alice signed"
    assert not confirms(real_pub, other_uri, PHONE, sc=parse_uri(uri).query["sc"]), "another challenge"
    assert not confirms(real_pub, uri, MALLORY), "somebody was faster"
    assert not is_in(mallorys)
    assert browser.post("/login/app").status_code == 302
    assert is_in(browser)
    browser.logout()
    assert browser.post("/login/app").status_code == 410, "it was used"


def test_two_people_sign_in_to_their_own_accounts(known: Account, bot: Agent, real_pub: Pub):
    account("bob")
    browser, uri = begins(bot)
    strangers, strange_uri = begins(bot)
    assert confirms(real_pub, strange_uri, MALLORY)
    assert confirms(real_pub, uri)
    assert strangers.post("/login/app").status_code == 403, "hers opens no account"
    assert browser.post("/login/app").status_code == 302
    assert browser.get("/account").context["user"] == known


def test_a_planted_session_is_not_the_one_that_is_signed_in(known: Account, bot: Agent, real_pub: Pub):
    browser, uri = begins(bot)
    planted = browser.cookies["butt"].value
    confirms(real_pub, uri)
    browser.post("/login/app")
    mallorys = Client()
    mallorys.cookies["butt"] = planted
    assert is_in(browser)
    assert not is_in(mallorys)


def test_a_sign_in_expires_and_ends_with_the_pub(known: Account, bot: Agent, real_pub: Pub):
    browser, uri = begins(bot)
    session = browser.session
    session["ssb_sign_in"] = {**session["ssb_sign_in"], "until": 0}
    session.save()
    confirms(real_pub, uri)
    assert browser.post("/login/app").status_code == 410
    browser, uri = begins(bot)
    confirms(real_pub, uri)
    real_pub.stop()
    real_pub.start()
    assert browser.post("/login/app").status_code == 410, "a pub that began again has forgotten it"


def test_a_second_factor_is_asked_for(real_pub: Pub, alice: Agent, bot: Agent):
    made, secret, _ = with_app("alice2")
    owners.accept(made.agent, owners.key_of(owners.invite(alice, bot, made.email)))
    owners.leave(alice, bot)
    ssb_ids.add(made, bot, PHONE.id)
    browser, uri = begins(bot)
    confirms(real_pub, uri)
    assert browser.post("/login/app")["Location"] == "/start/code"
    assert not is_in(browser)
    Authenticator.objects.filter(type="totp").update(last_used_at=None)
    browser.post("/start/code", {"code": code_of(secret, 1)})
    assert is_in(browser)


def test_a_suspended_person_cannot_sign_in(known: Account, bot: Agent, real_pub: Pub):
    browser, uri = begins(bot)
    Account.objects.filter(id=known.id).update(is_active=False)
    confirms(real_pub, uri)
    assert browser.post("/login/app")["Location"] == "/account/inactive"
    assert not is_in(browser)


def test_a_bot_with_another_owner_cannot_be_used_to_sign_in(known: Account, bot: Agent, real_pub: Pub):
    carol = account("carol")
    browser, uri = begins(bot)
    owners.accept(carol.agent, owners.key_of(owners.invite(known.agent, bot, carol.email)))
    confirms(real_pub, uri)
    assert browser.post("/login/app").status_code == 403
    with pytest.raises(ssb_ids.NotAdded, match="another owner"):
        ssb_ids.add(known, bot, MALLORY.id)
    assert not ssb_ids.bots_to_prove_over(known)


def test_an_id_belongs_to_one_account_and_an_account_has_few(known: Account, bot: Agent):
    bob = account("bob")
    with pytest.raises(ssb_ids.NotAdded, match="another account"):
        ssb_ids.add(bob, bot, PHONE.id)
    ssb_ids.add(known, bot, PHONE.id)
    for number in range(1, ssb_ids.MOST_IDS):
        ssb_ids.add(known, bot, KeyPair(bytes([number]) * 32).id)
    with pytest.raises(ssb_ids.NotAdded, match="at most"):
        ssb_ids.add(known, bot, MALLORY.id)
    assert ssb_ids.remove(bob, SsbId.objects.get(ssb_id=PHONE.id).id) is None


def test_an_id_is_deleted_with_its_account(known: Account, bot: Agent):
    leaving.go(known)
    Wanted.objects.filter(bot=bot).delete()
    Agent.objects.filter(id=bot.id).delete()
    leaving.finish(timezone.now() + timedelta(days=400))
    assert not Account.objects.filter(id=known.id).exists()
    assert not SsbId.objects.exists()


def test_signing_out_in_the_app_ends_its_sessions(known: Account, bot: Agent, real_pub: Pub):
    by_password = Client()
    by_password.post("/start", {"email": known.email, "password": PASSWORD})
    browser, uri = begins(bot)
    confirms(real_pub, uri)
    browser.post("/login/app")
    now = timezone.now()
    ssb_ids.note_sign_out(bot.id, MALLORY.id, 7, now)
    assert is_in(browser)
    ssb_ids.note_sign_out(bot.id, PHONE.id, 7, now)
    assert not is_in(browser)
    assert is_in(by_password)

    browser, uri = begins(bot)
    confirms(real_pub, uri)
    browser.post("/login/app")
    ssb_ids.note_sign_out(bot.id, PHONE.id, 7, timezone.now())
    assert is_in(browser), "a pub tells of the same one again to whoever listens anew"


def test_a_bots_reports_of_sign_outs_are_bounded(bot: Agent, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ssb_ids, "MOST_SIGN_OUTS", 3)
    for number in range(5):
        ssb_ids.note_sign_out(bot.id, KeyPair(bytes([number]) * 32).id, number, timezone.now())
    assert sorted(SignOut.objects.values_list("told", flat=True)) == [2, 3, 4]


def test_an_app_that_opens_a_page_is_asked_to_confirm(known: Account, bot: Agent, real_pub: Pub):
    """The app's own part is tried with a real one in `tests/clients`; this one is not connected."""
    asked = {"ssb-http-auth": "1", "cid": PHONE.id, "cc": new_challenge()}
    page = Client().get(f"/login?{urlencode(asked)}")
    assert PHONE.id in page.content.decode()
    assert Client().post("/login", asked).status_code == 403
    for odd in ({"cid": "x"}, {"cc": "x"}, {"cc": "A" * 5000}):
        assert Client().get(f"/login?{urlencode({**asked, **odd})}").status_code == 400


@contextmanager
def connected(pub: Pub, keys: KeyPair, cc: str) -> Iterator[None]:
    """An app that is online, and made the challenge `cc`."""

    async def answers(_peer: Any, sc: str, asked: str) -> str:
        if asked != cc:
            raise RemoteError("the client nonce is unknown or has expired")
        return solve(keys, pub.id, sc, cc)

    loop, ends = asyncio.new_event_loop(), asyncio.Event()
    ready = Event()

    async def lives() -> None:
        handlers = {"httpAuth.requestSolution": answers}
        async with connect(Address("127.0.0.1", pub.config["port"], pub.id), keys, handlers=handlers) as peer:
            await peer.call("manifest")
            ready.set()
            await ends.wait()

    with ThreadPoolExecutor(1) as thread:
        living = thread.submit(loop.run_until_complete, lives())
        assert ready.wait(30)
        try:
            yield
        finally:
            loop.call_soon_threadsafe(ends.set)
            living.result(30)
    loop.close()


def test_a_member_whose_app_opens_the_page_reaches_their_bot(alice: Agent, bot: Agent, real_pub: Pub):
    relate(alice, bot, PHONE.id, Relation.FOLLOWS)
    tell(bot)
    invite = Invite.objects.create(bot=bot, name="friends", seed=b"s" * 32, code_id="@c")
    InviteUse.objects.create(invite=invite, sequence=1, ssb_id=PHONE.id, at=timezone.now())
    cc = new_challenge()
    asked = {"ssb-http-auth": "1", "cid": PHONE.id, "cc": cc}
    with connected(real_pub, PHONE, cc):
        client, mallorys = Client(), Client()
        assert mallorys.post("/login", {**asked, "cc": new_challenge()}).status_code == 403
        answer = client.post("/login", asked)
        assert answer["Location"] == f"/member/{bot.name}", answer.content.decode()
    assert PHONE.id in client.get(f"/member/{bot.name}").content.decode()


def test_starting_too_many_sign_ins_is_refused(known: Account, bot: Agent):
    for _ in range(ADDRESS_SSB_SIGN_INS.most):
        challenges._begun.wait_of(f"address {network_of('127.0.0.1')}")
    answer = Client().post("/login", {"bot": bot.name})
    assert answer.status_code == 429


@pytest.fixture
def member(alice: Agent, bot: Agent, real_pub: Pub) -> Iterator[Client]:
    """A browser in which a member of the bot without an account has signed in."""
    relate(alice, bot, PHONE.id, Relation.FOLLOWS)
    tell(bot)
    client, uri = begins(bot, f"/member/{bot.name}")
    confirms(real_pub, uri)
    assert client.post("/login/app")["Location"] == f"/member/{bot.name}"
    return client


def test_a_member_manages_their_alias_on_the_bots_page(
    alice: Agent, bot: Agent, real_pub: Pub, member: Client
):
    relate(alice, bot, MALLORY.id, Relation.FOLLOWS)
    registers(real_pub, PHONE, "frida")
    registers(real_pub, MALLORY, "mallory")
    assert "frida" in member.get(f"/member/{bot.name}").content.decode()
    member.post(f"/member/{bot.name}/aliases/mallory/revoke")
    member.post(f"/member/{bot.name}/aliases/frida/revoke")
    assert aliases.find(bot, "frida") is None
    assert aliases.find(bot, "mallory") is not None, "it is somebody else's"
    assert JournalEntry.objects.get(what="revoke alias").actor == PHONE.id
    assert not is_in(member), "a member has no account"
    member.post(f"/member/{bot.name}/sign-out")
    assert b"sign in with Scuttlebutt" in member.get(f"/member/{bot.name}").content


def test_a_member_can_sign_out_in_their_app_and_expires(
    bot: Agent, member: Client, monkeypatch: pytest.MonkeyPatch
):
    ssb_ids.note_sign_out(bot.id, PHONE.id, 1, timezone.now())
    assert PHONE.id not in member.get(f"/member/{bot.name}").content.decode()


def test_a_former_member_is_told_and_a_bot_without_aliases_has_no_members_page(
    alice: Agent, bot: Agent, member: Client
):
    relate(alice, bot, PHONE.id, Relation.NONE)
    assert "does not follow you" in member.get(f"/member/{bot.name}").content.decode()
    Wanted.objects.filter(bot=bot).update(room_mode=RoomMode.RESTRICTED)
    assert member.get(f"/member/{bot.name}").status_code == 404
