"""The pages of invites: whom they are shown to, what they say, what they cost, and what a crawler gets."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from butt.accounts.tokens import issue_token
from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.invites.book import entries
from butt.invites.models import Invite, InviteUse
from butt.limits.rates import Rate
from butt.limits.table import ADDRESS_JOINS, ADDRESS_MISSES
from butt.public.pages import open_to_all
from scuttlekit import KeyPair
from tests.people import account, bot_in, ssb_id

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nobody_has_looked_yet(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(open_to_all, "_looks", Rate(ADDRESS_JOINS))
    monkeypatch.setattr(open_to_all, "_misses", Rate(ADDRESS_MISSES))


def invite(bot: Agent, name: str, **more: Any) -> Invite:
    keys = KeyPair.generate()
    more = {"offered_at": timezone.now(), "created_at": timezone.now(), **more}
    return Invite.objects.create(bot=bot, name=name, seed=keys.secret[:32], code_id=keys.id, **more)


def uses(invite: Invite, *guests: str) -> None:
    for number, name in enumerate(guests):
        InviteUse.objects.create(
            invite=invite, sequence=number + 1, ssb_id=ssb_id(number), name=name, at=timezone.now()
        )


def words(html: bytes) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html.decode()))


def code_of(invite: Invite) -> str:
    return next(entry.code for entry in entries(invite.bot) if entry.invite == invite)


class TestTheListOfABot:
    def test_used_and_unused_invites_are_listed_as_drawn(self, alice: Client, bot: Agent):
        uses(invite(bot, "alice"), "Alice A.")
        uses(invite(bot, "bob"), "")
        invite(bot, "carol")
        page = words(alice.get("/bots/my/invites").content)
        assert re.search(
            r"\bused bob: @AAAAAAAA… .* alice: Alice A. @AAAAAAAA… .* unused carol: http://127.0.0.1:8000/join/",
            page,
        )

    def test_each_guest_is_shown_with_what_arrived_from_them(self, alice: Client, bot: Agent):
        came = invite(bot, "a", uses=3)
        uses(came, "Here", "Fresh", "Silent")
        rows = came.used.order_by("sequence")
        seen_at = timezone.now() - timedelta(days=1)
        rows.filter(name="Here").update(messages=12, seen_at=seen_at)
        rows.filter(name="Silent").update(at=timezone.now() - timedelta(minutes=61))
        page = words(alice.get("/bots/my/invites").content)
        assert f"12 messages, last seen {seen_at.day} " in page
        assert re.search(r"Fresh .{1,40} joined; none of their messages have arrived yet", page)
        assert re.search(
            r"Silent .{1,40} joined, but none of their messages ever arrived.*no use is counted", page
        )
        Invite.objects.filter(id=came.id).update(uses=9, revoked_at=timezone.now())
        assert "Make them a new invite" in words(alice.get("/bots/my/invites").content)

    def test_invites_that_are_over_say_why_and_show_no_code(self, alice: Client, bot: Agent):
        gone = [
            invite(bot, "dan", revoked_at=timezone.now()),
            invite(bot, "eve", expires_at=timezone.now() - timedelta(seconds=1)),
        ]
        html = alice.get("/bots/my/invites").content
        assert re.search(r"eve: #expired .*dan: #revoked", words(html))
        assert b"revoke</button>" not in html
        assert not any(one.token.encode() in html for one in gone)

    def test_an_invite_that_the_pub_does_not_know_is_never_shown(self, alice: Client, bot: Agent):
        draft = invite(bot, "draft", offered_at=None)
        assert "draft" not in words(alice.get("/bots/my/invites").content)
        assert Client().get(f"/join/{draft.token}").status_code == 404
        assert alice.post(f"/bots/my/invites/{draft.id}/revoke").status_code == 404

    def test_strangers_names_are_escaped(self, alice: Client, bot: Agent):
        uses(invite(bot, "<b>me</b>"), "<script>alert(1)</script>")
        html = alice.get("/bots/my/invites").content
        assert b"<script>alert" not in html
        assert b"<b>me</b>" not in html

    @pytest.mark.parametrize("count", [1, 60])
    def test_the_number_of_queries_does_not_grow_with_the_invites(
        self, alice: Client, bot: Agent, count: int, django_assert_num_queries: Any
    ):
        for number in range(count):
            uses(invite(bot, f"n{number}", uses=5), "a", "b")
        with django_assert_num_queries(6):
            assert alice.get("/bots/my/invites").status_code == 200

    def test_an_invalid_form_says_so_and_keeps_its_values(self, alice: Client, bot: Agent):
        for field, value in (
            ("name", " "),
            ("uses", "1001"),
            ("uses", "many"),
            ("uses", "٣"),
            ("expires", "9999"),
        ):
            form = {"name": "Bob", "uses": "2", "expires": "7", field: value}
            answer = alice.post("/bots/my/invites/new", form)
            assert answer.status_code == 422
            assert f'id="{field}-error"' in answer.content.decode()
        assert not Invite.objects.exists()

    def test_a_bot_that_is_not_alive_says_so(self, alice: Client):
        bot_in(State.STOPPED, Agent.objects.get(account__email="alice@example.org"), "off")
        answer = alice.post("/bots/off/invites/new", {"name": "Bob", "uses": "1"})
        assert "off is #stopped. You can make invites only while it is #alive." in words(answer.content)


def test_anothers_invites_are_not_found(bot: Agent):
    bob = Client()
    known = account("bob")
    bob.force_login(known)
    hers = invite(bot, "carol")
    for path in ("/bots/my/invites", "/bots/my/invites/new"):
        assert bob.get(path).status_code == 404
    for path in ("/bots/my/invites/new", f"/bots/my/invites/{hers.id}/revoke", "/bots/my/listing"):
        assert bob.post(path, {"name": "x", "uses": "1"}).status_code == 404
    api = Client(headers={"Authorization": f"Bearer {issue_token(known)}"})
    path = f"/agents/{bot.id}/invites"
    assert api.get(path).status_code == 404
    assert api.post(path, {"name": "x"}, content_type="application/json").status_code == 404
    assert api.delete(f"{path}/{hers.id}").status_code == 404
    his = bot_in(State.ALIVE, known.agent, "his")
    assert api.delete(f"/agents/{his.id}/invites/{hers.id}").json()["error"]["message"] == (
        "There is no such invite of this bot."
    )
    hers.refresh_from_db()
    assert hers.revoked_at is None


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "bad_request", "name"),
        ({"name": ""}, "bad_name", "name"),
        ({"name": "x", "uses": 0}, "bad_uses", "uses"),
        ({"name": "x", "uses": "y"}, "bad_request", "uses"),
        ({"name": "x", "expiresAt": "2001-01-01T00:00:00Z"}, "bad_expiry", "expiresAt"),
        ({"name": "x", "expiresAt": "2031-01-01T00:00:00"}, "bad_request", "expiresAt"),
    ],
)
def test_the_api_names_the_invalid_field(bot: Agent, body: Any, code: str, field: str):
    from butt.accounts.models import Account

    token = issue_token(Account.objects.get())
    api = Client(headers={"Authorization": f"Bearer {token}"})
    answer = api.post(f"/agents/{bot.id}/invites", body, content_type="application/json")
    assert answer.status_code == 422
    assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == (code, field)


class TestTheWayIn:
    def test_a_code_shows_only_after_a_click_and_nothing_is_used_up(self, bot: Agent):
        made = invite(bot, "Bob from the harbour")
        anybody = Client(enforce_csrf_checks=True)
        for look in (anybody.get, anybody.head):
            answer = look(f"/join/{made.token}")
            assert answer.status_code == 200
            assert code_of(made) not in answer.content.decode()
            assert answer["X-Robots-Tag"] == "noindex, nofollow"
            assert "no-store" in answer["Cache-Control"]
        answer = anybody.post(f"/join/{made.token}")
        html = answer.content.decode()
        assert code_of(made) in html
        assert "harbour" not in html
        assert made.note not in html
        assert not answer.cookies
        assert "Disallow: /join/" in anybody.get("/robots.txt").content.decode()

    def test_an_invite_that_is_over_says_so_and_shows_no_code(self, bot: Agent):
        spent = invite(bot, "a")
        uses(spent, "Bob")
        over = {
            "This invite has been used.": spent,
            "This invite was revoked.": invite(bot, "b", revoked_at=timezone.now()),
            "This invite has expired.": invite(bot, "c", expires_at=timezone.now()),
        }
        for message, one in over.items():
            for look in (Client().get, Client().post):
                answer = look(f"/join/{one.token}")
                assert answer.status_code == 410
                assert message in words(answer.content)
                assert code_of(one) not in answer.content.decode()

    def test_an_unknown_invite_and_one_of_a_deleted_bot_are_not_found(self, bot: Agent):
        made = invite(bot, "a")
        assert Client().get("/join/nothing").status_code == 404
        Wanted.objects.filter(bot=bot).update(gone_at=timezone.now())
        assert Client().get(f"/join/{made.token}").status_code == 404

    def test_guessing_invites_is_limited_and_guests_are_not(self, bot: Agent):
        made = invite(bot, "a")
        answers = [Client().get(f"/join/{n}", REMOTE_ADDR=f"2001:db8::{n}").status_code for n in range(31)]
        assert answers == [404] * 30 + [429]
        refused = Client().post("/join/x", REMOTE_ADDR="2001:db8::99")
        assert 0 < int(refused["Retry-After"]) <= 60
        for address in ("2001:db8::99", "2001:db8:1::1", "127.0.0.1"):
            assert Client().get(f"/join/{made.token}", REMOTE_ADDR=address).status_code == 200
        assert Client().get("/join/x", REMOTE_ADDR="2001:db8:1::1").status_code == 404


class TestTheOpenPageOfABot:
    def test_the_profile_shows_the_bot_until_its_owner_hides_it(self, alice: Client, bot: Agent):
        Agent.objects.filter(id=bot.id).update(description="Ours <b>all</b>.")
        html = Client().get("/@my").content.decode()
        assert "my.localhost" in html
        assert bot.progress.ssb_id.replace("+", "&#x2B;") in html or bot.progress.ssb_id in html
        assert "net:127.0.0.1:" in html
        assert "Ours &lt;b&gt;all&lt;/b&gt;." in html
        alice.post("/bots/my/listing", {"public": "no"})
        assert Client().get("/@my").status_code == 404
        alice.post("/bots/my/listing", {"public": "yes"})
        assert Client().get("/@MY").status_code == 200

    def test_the_description_is_set_beside_the_invites(self, alice: Client, bot: Agent):
        alice.post("/bots/my/listing", {"description": "  Ours.\r\nCome in! "})
        assert "Ours.<br>Come in!" in Client().get("/@my").content.decode()
        assert "Ours.\nCome in!</textarea>" in alice.get("/bots/my/invites").content.decode()

    @pytest.mark.parametrize(
        ("typed", "why"),
        [("x" * 2001, "at most 2000 characters"), ("Long\x1b", "invisible characters")],
    )
    def test_a_refused_description_stays_in_its_field(self, alice: Client, bot: Agent, typed: str, why: str):
        alice.post("/bots/my/listing", {"description": "Ours."})
        carol = invite(bot, "carol")
        refused = alice.post("/bots/my/listing", {"description": typed})
        html = refused.content.decode()
        assert refused.status_code == 422
        assert f">{typed}</textarea>" in html
        assert 'aria-invalid="true"' in html
        assert re.search(f'id="description-error" role="alert">[^<]*{why}', html)
        assert carol.token in html
        assert "data-live" not in html, "a page that fetches itself anew would lose what was typed"
        assert "Ours." in Client().get("/@my").content.decode(), "a page that is shown stays so"

    def test_signing_in_on_the_way_leads_to_the_invites(self, alice: Client, bot: Agent):
        assert alice.get("/bots/my/listing")["Location"] == "/bots/my/invites"

    def test_an_unknown_or_deleted_bot_is_not_found(self, bot: Agent):
        assert Client().get("/@none").status_code == 404
        Wanted.objects.filter(bot=bot).update(gone_at=timezone.now())
        assert Client().get("/@my").status_code == 404


def test_an_alive_bot_offers_an_invite_first(alice: Client, bot: Agent):
    html = alice.get("/bots/my").content.decode()
    assert re.findall(r'id="ask-(\w+)"', html)[:3] == ["invite", "restart", "stop"]
