"""Becoming the payer of a bot takes agreement to the amount. Nobody is charged without it."""

import uuid
from datetime import timedelta
from importlib import import_module

import pytest
from django.apps import apps
from django.test import Client
from django.utils import timezone

from butt.accounts import leaving, owners
from butt.accounts.models import Account
from butt.accounts.tokens import issue_token
from butt.agents.actions import Refused, delete, restore
from butt.agents.bots import bots_of
from butt.agents.models import Agent, Belongs, Observed, Progress, Wanted
from butt.agents.states import State
from butt.billing import takeover
from butt.billing.interface import PaymentDue, Price
from butt.billing.models import PayerWanted
from butt.billing.payers import payer_of
from butt.billing.subscriptions import Subscriptions
from butt.operating import bots as operating_on_bots
from butt.operating import people as operating_on_people
from tests.billing.stripes import GOOD, StandIn, quantity_of
from tests.outbox.sent import sent
from tests.people import account, bot_in

pytestmark = pytest.mark.django_db
FIVE = Price(500, "usd")
WHY = "They asked us to."


@pytest.fixture
def alice() -> Account:
    return account(f"alice-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def bob() -> Account:
    return account(f"bob-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def bot(house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account) -> Agent:
    """Alive, shared by both, and paid for by Alice. Bob has a card of his own."""
    for who in (alice, bob):
        stand_in.enters(GOOD, who.agent, house)
    bot = bot_in(State.ALIVE, alice.agent)
    owners.accept(bob.agent, owners.key_of(owners.invite(alice.agent, bot, bob.email)))
    house.round(timezone.now())
    sent().clear()
    return bot


def bots_charged(stand_in: StandIn, who: Account) -> int:
    return sum(map(quantity_of, stand_in.subscriptions_of(who.agent)))


def subjects(to: Account) -> list[str]:
    return [each.subject for each in sent() if each.to == [to.email]]


def may_run(bot: Agent) -> bool:
    return Wanted.objects.get(bot=bot).paid


def test_a_payer_who_leaves_pays_until_another_agrees(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    assert not takeover.leave(house, alice.agent, bot)
    for days in (0, 0, 30):
        house.round(timezone.now() + timedelta(days=days))
    assert (bots_charged(stand_in, alice), bots_charged(stand_in, bob)) == (1, 0)
    assert may_run(bot)
    assert subjects(bob) == ["Will you pay for my.localhost?"], "once"
    assert "5.00 USD a month" in sent()[0].body
    assert "/bots/my/people" in sent()[0].body
    with pytest.raises(Refused, match="Somebody already pays"):
        takeover.agree(house, alice.agent, bot, FIVE)
    with pytest.raises(Refused, match=r"5\.00 USD a month now"):
        takeover.agree(house, bob.agent, bot, Price(499, "usd"))
    takeover.agree(house, bob.agent, bot, FIVE)
    house.round(timezone.now())
    assert (bots_charged(stand_in, alice), bots_charged(stand_in, bob)) == (0, 1)
    assert list(bots_of(alice.agent)) == [], "she left, as she asked"
    assert subjects(alice) == ["You left my.localhost"]
    assert takeover.question_of(bot) is None


def test_a_payer_who_stays_after_all_pays_on(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    takeover.leave(house, alice.agent, bot)
    takeover.stay(alice.agent, bot)
    with pytest.raises(Refused, match="Somebody already pays"):
        takeover.agree(house, bob.agent, bot, FIVE)
    house.round(timezone.now())
    assert bots_charged(stand_in, alice) == 1


def test_changing_ones_mind_does_not_mail_the_others_each_time(
    house: Subscriptions, alice: Account, bob: Account, bot: Agent
):
    for _ in range(3):
        takeover.leave(house, alice.agent, bot)
        house.round(timezone.now())
        takeover.stay(alice.agent, bot)
    assert len(subjects(bob)) == 1


def test_the_others_are_also_asked_about_a_bot_that_was_never_alive(
    house: Subscriptions, alice: Account, bob: Account, bot: Agent
):
    Observed.objects.filter(bot=bot).update(launch=0, alive=False)
    takeover.leave(house, alice.agent, bot)
    house.round(timezone.now())
    assert subjects(bob) == ["Will you pay for my.localhost?"]


def test_a_person_who_does_not_pay_leaves_at_once(
    house: Subscriptions, alice: Account, bob: Account, bot: Agent
):
    assert takeover.leave(house, bob.agent, bot)
    assert payer_of(bot) == alice.agent_id


def test_without_an_answer_the_bot_stops_after_the_days_of_grace_and_nobody_is_charged(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    leaving.go(alice)
    now = timezone.now()
    for days, runs in ((0, True), (5, True), (6.9, True), (7.1, False), (20, False), (35, False)):
        house.round(now + timedelta(days=days))
        assert may_run(bot) is runs, days
        assert bots_charged(stand_in, bob) == 0
    # One that is restored gets no new days.
    delete(bob.agent, bot)
    house.round(now + timedelta(days=35.1))
    restore(bob.agent, bot)
    house.round(now + timedelta(days=35.2))
    assert not may_run(bot)
    house.round(now + timedelta(days=38))
    assert Wanted.objects.get(bot=bot).gone_at is not None
    assert [subject.split(" on ")[0] for subject in subjects(bob)] == [
        "Will you pay for my.localhost?",
        "my.localhost stops",
        "my.localhost has stopped",
        "my.localhost will be deleted",
        "my.localhost was deleted",
    ]
    assert "Nothing is charged unless you agree" in sent()[0].body


def test_a_stopped_bot_runs_again_once_somebody_agrees(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    leaving.go(alice)
    now = timezone.now()
    for days in (0, 8):
        house.round(now + timedelta(days=days))
    assert not may_run(bot)
    takeover.agree(house, bob.agent, bot, FIVE)
    house.round(now + timedelta(days=8, minutes=1))
    assert may_run(bot)
    assert bots_charged(stand_in, bob) == 1


def test_agreeing_needs_a_card(house: Subscriptions, alice: Account, bob: Account, bot: Agent):
    carol = account(f"carol-{uuid.uuid4().hex[:12]}")
    Belongs.objects.create(source_agent=bot, target_agent=carol.agent)
    leaving.go(alice)
    house.round(timezone.now())
    with pytest.raises(PaymentDue, match="A card is needed"):
        takeover.agree(house, carol.agent, bot, FIVE)
    takeover.agree(house, bob.agent, bot, FIVE)
    with pytest.raises(Refused, match="Somebody already pays"):
        takeover.agree(house, carol.agent, bot, FIVE)


def test_an_unpaid_bot_gets_no_new_days_of_grace_by_losing_its_payer(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    stand_in.charge_fails(alice.agent, house)
    now = timezone.now()
    for days in (0, 8):
        house.round(now + timedelta(days=days))
    assert not may_run(bot)
    operating_on_bots.hand_over("an operator", bot, WHY, bob.email)
    for days in (9, 10):
        house.round(now + timedelta(days=days))
        assert not may_run(bot)
    assert bots_charged(stand_in, bob) == 0


def test_nobody_pays_for_a_bot_that_operators_stopped(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    now = timezone.now()
    other = bot_in(State.ALIVE, bob.agent, "bobs")
    house.round(now)
    operating_on_bots.block("an operator", other, WHY)
    house.round(now)
    assert bots_charged(stand_in, bob) == 0
    operating_on_bots.unblock("an operator", other, WHY)
    operating_on_people.suspend("an operator", bob, WHY)
    for days in (1, 40):
        house.round(now + timedelta(days=days))
    assert bots_charged(stand_in, bob) == 0
    assert Wanted.objects.get(bot=other).gone_at is None
    operating_on_people.reinstate("an operator", Account.objects.get(id=bob.id), WHY)
    house.round(now + timedelta(days=41))
    assert bots_charged(stand_in, bob) == 1


def test_a_suspended_payer_pays_nothing_until_they_are_reinstated(
    house: Subscriptions, stand_in: StandIn, alice: Account, bob: Account, bot: Agent
):
    now = timezone.now()
    operating_on_people.suspend("an operator", alice, WHY)
    house.round(now)
    assert (bots_charged(stand_in, alice), bots_charged(stand_in, bob)) == (0, 0)
    assert subjects(bob) == ["Will you pay for my.localhost?"]
    operating_on_people.reinstate("an operator", Account.objects.get(id=alice.id), WHY)
    house.round(now + timedelta(days=1))
    assert (bots_charged(stand_in, alice), PayerWanted.objects.count()) == (1, 0)


def test_payers_from_before_agreements_keep_paying(alice: Account, bob: Account, bot: Agent):
    Belongs.objects.update(pays=False)
    import_module("butt.agents.migrations.0009_who_pays").first_pays(apps, None)
    assert payer_of(bot) == alice.agent_id
    assert Belongs.objects.filter(pays=True).count() == 1


def test_the_pages_and_the_api_ask_and_accept_the_agreement(
    everywhere: Subscriptions, stand_in: StandIn, alice: Account, bob: Account
):
    stand_in.enters(GOOD, alice.agent, everywhere)
    bot = bot_in(State.ALIVE, alice.agent)
    owners.accept(bob.agent, owners.key_of(owners.invite(alice.agent, bot, bob.email)))
    everywhere.round(timezone.now())
    hers, his = Client(), Client()
    hers.force_login(alice)
    his.force_login(bob)
    token = {"HTTP_AUTHORIZATION": f"Bearer {issue_token(bob)}"}
    path = f"/agents/{bot.id}/payer"
    assert his.get(path, **token).json()["payer"] == str(alice.agent_id)

    assert hers.post("/bots/my/people/leave")["Location"] == "/bots/my/people"
    assert "You leave as soon as" in hers.get("/bots/my/people").content.decode()
    page = his.get("/bots/my/people").content.decode()
    assert "wants to leave" in page
    assert "$5.00</b> a month" in page
    assert "/billing/card?next=/bots/my/people" in page, "he has no card yet"
    assert "the person who pays for it wants to leave" in his.get("/bots").content.decode()
    assert "whoever pays" not in page, "it asks already"
    assert his.put(path, {"amount": 500, "currency": "usd"}, "application/json", **token).status_code == 402

    Progress.objects.filter(bot=bot).update(state=State.UNPAID)
    Wanted.objects.filter(bot=bot).update(paid=False)
    assert '<a class="bracket main" href="/bots/my/people">who pays' in his.get("/bots/my").content.decode()

    stand_in.enters(GOOD, bob.agent, everywhere)
    said = his.put(path, {"amount": 100, "currency": "usd"}, "application/json", **token)
    assert (said.status_code, said.json()["error"]["code"]) == (409, "price_changed")
    assert "yes, I pay" in his.get("/bots/my/people").content.decode()
    his.post("/bots/my/people/pay", {"amount": "500", "currency": "usd"})
    told = his.get(path, **token).json()
    assert (told["payer"], told["wanted"]) == (str(bob.agent_id), None)
    assert list(bots_of(alice.agent)) == []
