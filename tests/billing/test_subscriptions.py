"""What people pay, compared with what the stand-in reports."""

import uuid
from datetime import timedelta

import pytest
import stripe
from django.utils import timezone

from butt.agents.actions import create_bot, delete
from butt.agents.models import Agent, Observed, Wanted
from butt.agents.states import State
from butt.billing.gateway import StripeGateway
from butt.billing.interface import BadCard, NoAnswer, PaymentDue, PaymentStatus
from butt.billing.models import Payer
from butt.billing.seen import Card, Customer, card_of
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.stripes import ALWAYS, GOOD, SECURE, StandIn, payer_of, quantity_of
from tests.outbox.sent import sent
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Agent:
    """A person whom the stand-in does not know from another test."""
    return person(f"alice-{uuid.uuid4().hex[:12]}")


def test_the_first_bot_needs_a_card(house: Subscriptions, stand_in: StandIn, alice: Agent):
    with pytest.raises(PaymentDue, match="/billing"):
        house.check_may_add(alice)
    stand_in.enters(GOOD, alice, house)
    house.check_may_add(alice)
    assert payer_of(alice).card_last4 == "4242"


def test_a_card_counts_once_from_whichever_tab_and_however_often_sent(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    here = stand_in.confirms(GOOD, alice, house)
    there = house.card_form(alice).secret.partition("_secret_")[0]
    assert there != here, "a later look at the page began anew"
    for _ in range(2):
        house.keep_card(alice, here)
        assert payer_of(alice).card_last4 == "4242"
    assert len(stand_in.all("payment_methods", customer=payer_of(alice).customer, type="card")) == 1
    with pytest.raises(BadCard):
        house.keep_card(alice, there)


def test_a_card_that_another_person_entered_is_refused(house: Subscriptions, stand_in: StandIn, alice: Agent):
    bobs = stand_in.confirms(GOOD, person(f"bob-{uuid.uuid4().hex[:12]}"), house)
    house.card_form(alice)
    with pytest.raises(BadCard, match="somebody else"):
        house.keep_card(alice, bobs)
    for nonsense in ("", "seti_nothing"):
        with pytest.raises((BadCard, NoAnswer)):
            house.keep_card(alice, nonsense)
    assert payer_of(alice).card == ""


def test_nobody_pays_for_a_bot_that_was_never_alive(house: Subscriptions, stand_in: StandIn, alice: Agent):
    stand_in.enters(GOOD, alice, house)
    bot = create_bot(alice, "my")
    house.round(timezone.now())
    assert stand_in.subscriptions_of(alice) == []
    Observed.objects.filter(bot=bot).update(launch=1, alive=True)
    house.round(timezone.now())
    (subscription,) = stand_in.subscriptions_of(alice)
    assert (subscription["status"], quantity_of(subscription)) == ("active", 1)
    assert subscription["items"]["data"][0]["price"]["unit_amount"] == 500


def test_the_quantity_follows_the_bots(house: Subscriptions, stand_in: StandIn, alice: Agent):
    stand_in.enters(GOOD, alice, house)
    first, second = bot_in(State.ALIVE, alice, "first"), bot_in(State.ALIVE, alice, "second")
    house.round(timezone.now())
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [2]
    delete(alice, first)
    house.round(timezone.now())
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [1]
    delete(alice, second)
    house.round(timezone.now())
    assert stand_in.subscriptions_of(alice) == []
    assert payer_of(alice).pays, "the card stays good for the next bot"
    bot_in(State.ALIVE, alice, "third")
    house.round(timezone.now())
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [1]
    assert payer_of(alice).due_since is None
    assert sent() == []


def test_a_failed_payment_leads_to_unpaid_and_paying_leads_back(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    stand_in.enters(GOOD, alice, house)
    bot = bot_in(State.ALIVE, alice)
    now = timezone.now()
    house.round(now)
    stand_in.charge_fails(alice, house)

    now += timedelta(days=1)
    house.round(now)
    notice = house.notice(alice)
    assert notice
    assert (notice.status, notice.by) == (PaymentStatus.DUE, now + timedelta(days=7))
    assert Wanted.objects.get(bot=bot).paid
    with pytest.raises(PaymentDue):
        house.check_may_add(alice)

    for _ in range(3):
        house.round(now)
    house.round(now + timedelta(days=5))
    house.round(now + timedelta(days=6))
    assert [letter.subject.split(" on ")[0] for letter in sent()] == [
        "Your payment failed",
        "Your bots stop",
    ]

    now += timedelta(days=7)
    house.round(now)
    assert not Wanted.objects.get(bot=bot).paid
    assert Wanted.objects.get(bot=bot).run, "what its owner wants stays"

    stand_in.enters(GOOD, alice, house)
    house.round(now + timedelta(minutes=1))
    assert [each["status"] for each in stand_in.subscriptions_of(alice)] == ["active"]
    assert Wanted.objects.get(bot=bot).paid
    assert house.notice(alice) is None
    assert [letter.subject for letter in sent()][-2:] == [
        "Your bots have stopped",
        "Your bots are running again",
    ]


def test_bots_that_are_never_paid_again_are_deleted(house: Subscriptions, stand_in: StandIn, alice: Agent):
    stand_in.enters(GOOD, alice, house)
    bot = bot_in(State.ALIVE, alice)
    now = timezone.now()
    house.round(now)
    stand_in.charge_fails(alice, house)
    for days in (1, 8, 30, 36):
        house.round(now + timedelta(days=days))
        assert Wanted.objects.get(bot=bot).gone_at is None
    house.round(now + timedelta(days=39))
    assert Wanted.objects.get(bot=bot).gone_at is not None
    house.round(now + timedelta(days=40))
    assert stand_in.subscriptions_of(alice) == []
    assert sent()[-1].subject == "Your bots were deleted"
    assert len({letter.subject for letter in sent()}) == len(sent())


def test_after_cancelling_bots_run_to_the_end_of_the_period_and_it_can_be_undone(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    stand_in.enters(GOOD, alice, house)
    bot = bot_in(State.ALIVE, alice)
    now = timezone.now()
    house.round(now)
    house.cancel(alice)
    assert stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]
    with pytest.raises(PaymentDue, match="undo that first"):
        house.check_may_add(alice)
    house.resume(alice)
    assert not stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]

    house.cancel(alice)
    house.round(now + timedelta(days=27))
    assert Wanted.objects.get(bot=bot).paid
    now += timedelta(days=32)
    stand_in.month_passes(alice, house)
    house.round(now)
    assert not Wanted.objects.get(bot=bot).paid
    assert stand_in.subscriptions_of(alice) == []
    assert sent()[-1].subject == "Your bots have stopped, as you asked"

    house.pay_now(alice)
    house.round(now)
    assert Wanted.objects.get(bot=bot).paid
    assert [each["status"] for each in stand_in.subscriptions_of(alice)] == ["active"]


def test_a_payment_that_needs_confirming_is_due_until_confirmed(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    stand_in.enters(ALWAYS, alice, house)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    notice = house.notice(alice)
    assert notice
    assert notice.why == "confirm"
    assert sent()[-1].subject == "Please confirm your payment"
    form = house.to_confirm(alice)
    assert form
    stand_in.authenticate(form.secret)
    house.pay_now(alice)
    assert house.notice(alice) is None
    assert house.to_confirm(alice) is None


def test_a_card_confirmed_at_entry_needs_no_further_confirming(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    stand_in.enters(SECURE, alice, house)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    assert house.notice(alice) is None
    stand_in.month_passes(alice, house)
    house.round(timezone.now() + timedelta(days=31))
    assert house.notice(alice) is None
    assert [each["status"] for each in stand_in.all("invoices", customer=payer_of(alice).customer)] == [
        "paid",
        "paid",
    ]
    assert sent() == []


def test_a_deleted_person_pays_nothing_more(
    house: Subscriptions, stand_in: StandIn, clock: str, alice: Agent
):
    stand_in.enters(GOOD, alice, house)
    bot = bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    customer = payer_of(alice).customer
    bot.delete()
    alice.account.delete()
    alice.delete()
    house.round(timezone.now() + timedelta(hours=1))
    assert customer not in [each["id"] for each in stand_in.all("customers", test_clock=clock)]


class Odd(StripeGateway):
    """About this customer the stand-in answers something unexpected."""

    customer = ""

    def look(self, customer: str, mark: str, known: str = "") -> Customer:
        if customer == self.customer:
            raise KeyError("card")
        return super().look(customer, mark, known)


def test_an_unexpected_answer_about_one_payer_delays_nobody_else(
    house: Subscriptions, stand_in: StandIn, settings_with: Configuration, clock: str, alice: Agent
):
    bob = person(f"bob-{uuid.uuid4().hex[:12]}")
    for who in (alice, bob):
        stand_in.enters(GOOD, who, house)
        bot_in(State.ALIVE, who, f"b{uuid.uuid4().hex[:10]}")
    gateway = Odd(settings_with, clock=clock)
    gateway.customer = payer_of(alice).customer
    Payer.objects.filter(person=alice).update(look_at=timezone.now() - timedelta(hours=1))
    odd = Subscriptions(gateway, settings_with)
    for seconds in (0, 1, 2):
        odd.round(timezone.now() + timedelta(seconds=seconds))
    assert payer_of(bob).status == "active"
    assert (payer_of(alice).status, payer_of(alice).failures) == ("", 1)
    for minutes in (1, 2):
        house.round(timezone.now() + timedelta(minutes=minutes))
    assert payer_of(alice).status == "active"


def test_people_can_pay_by_other_means_than_a_card():
    link = stripe.PaymentMethod.construct_from({"id": "pm_1", "type": "link", "link": {"email": "a"}}, "key")
    assert card_of(link) == Card("pm_1", "link", "")
