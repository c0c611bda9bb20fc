"""The payment pages, each tried by everybody. A path that is not in the table fails.

Alice pays, and Carol shares her bot; Bob pays for nothing; Olga is an operator. Nobody sees what another
person pays.
"""

import re
import uuid
from datetime import timedelta

import pytest
from django.db import transaction
from django.test import Client
from django.urls import get_resolver
from django.utils import timezone

from butt.accounts import owners
from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.bots import bots_of
from butt.agents.models import Agent
from butt.agents.states import State
from butt.billing import subscriptions
from butt.billing.leases import LEASE
from butt.billing.models import Payer
from butt.billing.subscriptions import Subscriptions
from tests.billing.stripes import GOOD, StandIn, payer_of
from tests.people import account, bot_in
from tests.public.test_authorisation import rows

pytestmark = pytest.mark.django_db

PAGES = """
                                 nobody  other  co-owner  owner  operator
GET  /billing                    start   200    200       200    200
GET  /billing/card               start   200    200       200    200
POST /billing/card               start   422    422       422    422
GET  /billing/address            start   200    200       200    200
POST /billing/address            start   422    422       422    422
POST /billing/pay                start   302    302       302    302
GET  /billing/cancel             start   302    302       200    302
POST /billing/cancel             start   302    302       302    302
POST /billing/resume             start   302    302       302    302
GET  /billing/invoices/{number}  start   404    404       200    404
POST /stripe/webhook             400     400    400       400    400
"""


@pytest.fixture
def house(everywhere: Subscriptions) -> Subscriptions:
    return everywhere


@pytest.fixture
def people() -> dict[str, Account]:
    names = {"other": "bob", "co-owner": "carol", "owner": "alice", "operator": "olga"}
    made = {who: account(f"{name}-{uuid.uuid4().hex[:12]}") for who, name in names.items()}
    Account.objects.filter(id=made["operator"].id).update(is_staff=True, is_superuser=True)
    return made


@pytest.fixture
def invoice(house: Subscriptions, stand_in: StandIn, people: dict[str, Account]) -> str:
    """What Alice was asked about a bot that she shares."""
    alice, carol = people["owner"], people["co-owner"]
    stand_in.enters(GOOD, alice.agent, house)
    bot = bot_in(State.ALIVE, alice.agent)
    owners.accept(carol.agent, owners.key_of(owners.invite(alice.agent, bot, carol.email)))
    house.round(timezone.now())
    (only,) = house.invoices(alice.agent)
    return only.id


def browser_of(who: Account) -> Client:
    client = Client()
    client.force_login(who)
    return client


def test_each_payment_page_answers_everybody_as_in_the_table(people: dict[str, Account], invoice: str):
    columns = ["nobody", "other", "co-owner", "owner", "operator"]
    wrong = []
    for method, path, told in rows(PAGES):
        for who, answer in zip(columns, told, strict=True):
            client = browser_of(people[who]) if who in people else Client()
            with transaction.atomic():
                said = client.generic(method, path.format(number=invoice))
                transaction.set_rollback(True)
            led_to_start = said.status_code == 302 and said["Location"].startswith("/start")
            seen = "start" if led_to_start else str(said.status_code)
            if seen != answer:
                wrong.append(f"{method} {path}: {who} gets {seen}, not {answer}")
            if who != "owner" and re.search(invoice + "|•••• 4242", said.content.decode().replace(path, "")):
                wrong.append(f"{method} {path}: {who} sees what Alice pays")
    assert not wrong, "\n".join(wrong)


def test_every_payment_path_is_in_the_table():
    there = {
        "/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        for pattern in get_resolver("butt.public.urls").url_patterns
        if str(pattern.pattern).startswith(("billing", "stripe"))
    }
    assert there == {path for _, path, _ in rows(PAGES)}


def test_a_request_from_another_site_changes_nothing(people: dict[str, Account], invoice: str):
    alice = people["owner"]
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    for path in ("pay", "cancel", "resume", "card"):
        assert client.post(f"/billing/{path}").status_code == 403
    assert not payer_of(alice.agent).cancels


def test_no_way_to_make_a_bot_works_without_a_card(house: Subscriptions, people: dict[str, Account]):
    bob = people["other"]
    assert browser_of(bob).post("/newbie", {"name": "Bob", "bot": "bobs"}).status_code == 422
    assert (
        browser_of(bob)
        .post("/bots/new", {"bot": "bobs", "setup": ""})["Location"]
        .startswith("/billing/card")
    )
    program = Client(headers={"Authorization": f"Bearer {issue_token(bob)}"})
    for more, status in (({}, 402), ({"paid": True}, 422), ({"pays": True}, 422)):
        answer = program.post("/agents", {"type": "bot", "name": "bobs", **more}, "application/json")
        assert answer.status_code == status
    assert not Agent.objects.filter(type=Agent.Type.BOT).exists()


def test_a_card_form_does_not_wait_for_whoever_works_on_the_payer(
    house: Subscriptions, people: dict[str, Account]
):
    bob = people["other"]
    assert house.card_form(bob.agent).secret, "Stripe knows the customer from here on"
    Payer.objects.update(held_until=timezone.now() + LEASE)
    assert 'data-secret="seti_' in browser_of(bob).get("/billing/card").content.decode()


def test_a_page_without_an_answer_of_stripe_says_so_and_can_ask_again(
    house: Subscriptions, stand_in: StandIn, people: dict[str, Account]
):
    # The client tries each call twice.
    stand_in.steer("faults", rules=[{"path": "setup_intents", "do": "503", "times": 2}])
    client = browser_of(people["other"])
    shown = client.get("/newbie")
    assert (shown.status_code, 'data-secret=""' in shown.content.decode()) == (200, True)
    assert "Stripe does not answer." in shown.content.decode()
    assert (
        shown.headers["Content-Security-Policy"] == client.get("/newbie").headers["Content-Security-Policy"]
    )
    assert 'data-secret="seti_' in client.get("/newbie").content.decode()


def test_an_entered_card_is_kept_while_another_process_works_on_the_payer(
    house: Subscriptions,
    stand_in: StandIn,
    people: dict[str, Account],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(subscriptions, "PATIENCE", 0.1)
    bob = people["other"]
    setup = stand_in.confirms(GOOD, bob.agent, house)
    for path, form in (("/newbie", {"name": "Bob", "bot": "bobs"}), ("/billing/card", {})):
        Payer.objects.update(held_until=timezone.now() + LEASE)
        shown = browser_of(bob).post(path, {**form, "setup": setup}).content.decode()
        assert f'value="{setup}" data-again' in shown
        assert "We are checking your payment right now." in shown
        assert "another process still had the lease" in caplog.text
        caplog.clear()
        Payer.objects.update(held_until=None)
    assert browser_of(bob).post("/newbie", {"name": "Bob", "bot": "bobs", "setup": setup})["Location"]


def test_clicking_yes_twice_makes_one_bot(
    house: Subscriptions, stand_in: StandIn, people: dict[str, Account]
):
    bob = people["other"]
    form = {"name": "Bob", "bot": "Bobs ", "setup": stand_in.confirms(GOOD, bob.agent, house)}
    client = browser_of(bob)
    assert client.post("/newbie", form)["Location"] == "/bots/bobs"
    assert client.post("/bots/new", form)["Location"] == "/bots/bobs"
    assert Agent.objects.filter(type=Agent.Type.BOT).count() == 1
    assert Payer.objects.get(person=bob.agent).pays
    taken = browser_of(people["owner"])
    stand_in.enters(GOOD, people["owner"].agent, house)
    assert "taken" in taken.post("/newbie", form | {"setup": ""}).content.decode()


def test_people_who_share_a_bot_see_who_pays(house: Subscriptions, people: dict[str, Account], invoice: str):
    bot = Agent.objects.get(type=Agent.Type.BOT)
    key = owners.key_of(owners.invite(people["owner"].agent, bot, people["other"].email))
    assert (
        "If they stop, we ask you. You pay nothing unless you agree."
        in browser_of(people["other"]).get(f"/share/{key}").content.decode()
    )
    page = browser_of(people["co-owner"]).get("/bots/my/people").content.decode()
    assert page.count('<span class="hint">pays</span>') == 1
    assert page.index(">Alice") < page.index(">pays<") < page.index(">Carol")


def test_a_payer_with_a_debt_cannot_leave_it_to_others(
    house: Subscriptions, stand_in: StandIn, people: dict[str, Account], invoice: str
):
    alice, carol = people["owner"], people["co-owner"]
    stand_in.charge_fails(alice.agent, house)
    house.round(timezone.now() + timedelta(days=1))
    for who, still_theirs in ((alice, True), (carol, False)):
        browser_of(who).post("/bots/my/people/leave")
        assert bots_of(who.agent).exists() is still_theirs


def test_the_card_page_redirects_only_to_our_own_pages(
    house: Subscriptions, stand_in: StandIn, people: dict[str, Account]
):
    client = browser_of(people["other"])
    for elsewhere in ("https://example.com/", "//example.com", "/\\example.com", "javascript:alert(1)"):
        setup = stand_in.confirms(GOOD, people["other"].agent, house)
        assert client.post("/billing/card", {"setup": setup, "next": elsewhere})["Location"] == "/billing"
