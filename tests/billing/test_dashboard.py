"""What an operator, a bank or Stripe itself does there without asking us: it is adopted, reported truthfully
and never undone.
"""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
import stripe
from django.utils import timezone

from butt.accounts.models import Account
from butt.agents.actions import delete, restore
from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.billing.free import Free
from butt.billing.gateway import StripeGateway
from butt.billing.interface import PaymentDue
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.stripes import EMPTY, GOOD, StandIn, payer_of, quantity_of
from tests.outbox.sent import sent
from tests.people import bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice() -> Agent:
    return person(f"alice-{uuid.uuid4().hex[:12]}")


@pytest.fixture
def bot(house: Subscriptions, stand_in: StandIn, alice: Agent) -> Agent:
    """Alive, and paid for."""
    stand_in.enters(GOOD, alice, house)
    bot = bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    return bot


def looked_at(house: Subscriptions, stand_in: StandIn, days: float = 0) -> None:
    stand_in.tell(house)
    house.round(timezone.now() + timedelta(days=days, seconds=1))


def test_a_cancellation_there_stays_until_the_person_undoes_it(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    (there,) = stand_in.subscriptions_of(alice)
    stand_in.v1.subscriptions.update(there["id"], {"cancel_at_period_end": True})
    looked_at(house, stand_in)
    assert stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]
    assert house.bill(alice).cancels
    house.resume(alice)
    assert not stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]
    later = there["items"]["data"][0]["current_period_end"] + 86_400
    stand_in.v1.subscriptions.update(there["id"], {"cancel_at": later})
    looked_at(house, stand_in)
    assert stand_in.subscriptions_of(alice)[0]["cancel_at"] == later
    house.cancel(alice)
    house.resume(alice)
    assert stand_in.subscriptions_of(alice)[0]["cancel_at"] is None


def test_quantity_price_coupon_and_pause_set_there_stay(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    (there,) = stand_in.subscriptions_of(alice)
    item = there["items"]["data"][0]
    cheap = stand_in.v1.prices.create(
        {
            "product": "butt-bot",
            "currency": "usd",
            "unit_amount": 300,
            "recurring": {"interval": "month"},
        }
    ).id
    coupon = stand_in.v1.coupons.create(
        {"percent_off": 100, "duration": "repeating", "duration_in_months": 1}
    ).id
    stand_in.v1.subscriptions.update(
        there["id"],
        {
            "items": [{"id": item["id"], "price": cheap, "quantity": 2}],
            "discounts": [{"coupon": coupon}],
            "pause_collection": {"behavior": "void"},
        },
    )
    looked_at(house, stand_in)
    looked_at(house, stand_in, days=8)
    (after,) = stand_in.subscriptions_of(alice)
    assert (quantity_of(after), after["items"]["data"][0]["price"]["id"]) == (2, cheap)
    assert after["discounts"]
    assert after["pause_collection"]["behavior"] == "void"
    bill = house.bill(alice)
    assert (bill.unit, bill.paused, bill.notice) == (300, True, None)
    bot_in(State.ALIVE, alice, "second")
    bot_in(State.ALIVE, alice, "third")
    looked_at(house, stand_in)
    (after,) = stand_in.subscriptions_of(alice)
    assert (quantity_of(after), after["items"]["data"][0]["price"]["id"]) == (3, cheap), "that was a new wish"


def test_subscriptions_that_are_not_ours_are_left_alone(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    price = stand_in.subscriptions_of(alice)[0]["items"]["data"][0]["price"]["id"]
    theirs = stand_in.v1.subscriptions.create(
        {
            "customer": payer_of(alice).customer,
            "items": [{"price": price, "quantity": 7}],
            "off_session": True,
        }
    ).id
    looked_at(house, stand_in)
    delete(alice, bot)
    looked_at(house, stand_in)
    (left,) = stand_in.subscriptions_of(alice)
    assert (left["id"], quantity_of(left)) == (theirs, 7)


def test_deleting_and_restoring_the_last_bot_costs_only_its_running_time(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    customer = payer_of(alice).customer
    delete(alice, bot)
    looked_at(house, stand_in)
    assert stand_in.v1.customers.retrieve(customer).balance == -500, "it ran for no time"
    restore(alice, bot)
    looked_at(house, stand_in)
    paid = sum(each["amount_paid"] for each in stand_in.all("invoices", customer=customer))
    assert (paid, stand_in.v1.customers.retrieve(customer).balance) == (500, 0)
    assert [each["status"] for each in stand_in.subscriptions_of(alice)] == ["active"]


def test_pending_items_of_a_subscription_ended_there_are_settled(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    customer = payer_of(alice).customer
    second = bot_in(State.ALIVE, alice, "second")
    looked_at(house, stand_in)
    (there,) = stand_in.subscriptions_of(alice)
    delete(alice, second)
    looked_at(house, stand_in)
    stand_in.v1.subscriptions.cancel(there["id"], {"prorate": True})
    looked_at(house, stand_in)
    assert stand_in.all("invoice_items", customer=customer, pending=True) == []
    assert stand_in.v1.customers.retrieve(customer).balance == -500, "one bot was paid and had no time"
    assert sent()[-1].subject == "Your subscription has ended"


@pytest.mark.parametrize("is_gone", [True, False])
def test_a_deleted_customer_is_made_again_and_nobody_is_free_or_locked_out(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent, *, is_gone: bool
):
    before = payer_of(alice).customer
    if is_gone:
        stand_in.v1.customers.delete(before)
    else:
        type(payer_of(alice)).objects.update(customer="cus_ofOtherKeys")
    looked_at(house, stand_in, days=8)
    assert sent()[-1].subject == "Please enter a card"
    assert payer_of(alice).due_since
    assert house.needs_card(alice)
    stand_in.enters(GOOD, alice, house)
    house.round(timezone.now() + timedelta(days=9))
    assert (payer_of(alice).customer != before) is is_gone, "one that there is, is found by its mark"
    assert (payer_of(alice).status, payer_of(alice).due_since) == ("active", None)
    assert Wanted.objects.get(bot=bot).paid


def test_without_a_new_card_bots_stop_after_the_days_of_grace(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    stand_in.v1.customers.delete(payer_of(alice).customer)
    looked_at(house, stand_in)
    house.round(timezone.now() + timedelta(days=8))
    assert not Wanted.objects.get(bot=bot).paid


def test_a_lost_event_is_found_within_two_days(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    now = timezone.now()
    house.round(now)
    (there,) = stand_in.subscriptions_of(alice)
    stand_in.v1.subscriptions.update(there["id"], {"cancel_at_period_end": True})
    for hours in range(0, 60, 3):
        house.round(now + timedelta(hours=hours))
    assert house.bill(alice).cancels


def test_stripes_rate_limit_is_waited_out(house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent):
    stand_in.steer("faults", rules=[{"path": "/v1/", "do": "429", "times": 2}])
    house.cancel(alice)
    assert stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]


def test_a_changed_email_address_reaches_stripe(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    for address in ("алиса@пример.рф", "a" * 60 + "@" + "b" * 60 + ".example.org"):
        Account.objects.filter(agent=alice).update(email=address)
        house.round(timezone.now() + timedelta(minutes=1))
        assert stand_in.v1.customers.retrieve(payer_of(alice).customer).email == address
    bob = person(f"bob-{uuid.uuid4().hex[:12]}")
    Account.objects.filter(agent=bob).update(email="боб" * 16 + "@пример.рф")  # noqa: RUF001
    stand_in.enters(GOOD, bob, house)
    assert payer_of(bob).card_last4 == "4242"


def test_a_dispute_cancels_at_the_end_of_the_period_and_a_refund_is_mailed(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    charge = stand_in.all("charges", customer=payer_of(alice).customer)[0]["id"]
    stand_in.steer("dispute", charge=charge)
    looked_at(house, stand_in)
    assert stand_in.subscriptions_of(alice)[0]["cancel_at_period_end"]
    assert sent()[-1].subject == "You disputed a payment"
    stand_in.v1.refunds.create({"charge": charge, "amount": 200})
    looked_at(house, stand_in)
    assert "2.00 USD" in sent()[-1].body


def test_a_refunded_and_ended_subscription_is_mailed_once_each_and_has_days_of_grace(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    charge = stand_in.all("charges", customer=payer_of(alice).customer)[0]["id"]
    (there,) = stand_in.subscriptions_of(alice)
    stand_in.v1.subscriptions.cancel(there["id"])
    stand_in.v1.refunds.create({"charge": charge})
    looked_at(house, stand_in)
    assert {each.subject for each in sent()} == {"We refunded a payment", "Your subscription has ended"}
    assert Wanted.objects.get(bot=bot).paid
    looked_at(house, stand_in, days=8)
    assert not Wanted.objects.get(bot=bot).paid
    assert stand_in.subscriptions_of(alice) == [], "nobody is charged again who was paid back"
    assert stand_in.v1.customers.retrieve(payer_of(alice).customer).balance == 0


def test_an_extra_open_invoice_is_mailed_once_with_its_link(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    """The invoice is like one made in the dashboard. Alice's bots keep running."""
    customer = payer_of(alice).customer
    second = bot_in(State.ALIVE, alice, "second")
    looked_at(house, stand_in)
    (there,) = stand_in.subscriptions_of(alice)
    stand_in.card_becomes(customer, EMPTY)
    by_hand = stand_in.v1.invoices.create({"customer": customer, "subscription": there["id"]})
    with pytest.raises(stripe.CardError):
        stand_in.v1.invoices.pay(by_hand.id)
    for days in (0, 8):
        looked_at(house, stand_in, days)
    assert (payer_of(alice).status, house.notice(alice)) == ("active", None)
    letter = sent()[-1]
    assert [each.subject for each in sent()] == ["An invoice is unpaid"]
    assert "An invoice of 5.00 USD was not paid" in letter.body
    (open_,) = [each for each in house.invoices(alice) if each.status == "open"]
    assert open_.url
    assert open_.url in letter.body
    assert Wanted.objects.get(bot=second).paid


@pytest.mark.parametrize(
    ("reason", "subject"), [(None, "Your subscription has ended"), (EMPTY, "Your payment failed")]
)
def test_the_mail_says_truthfully_how_a_subscription_ended(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent, reason: str | None, subject: str
):
    """An operator ended it, or Stripe did after the last attempt. We learn of either only afterwards."""
    (there,) = stand_in.subscriptions_of(alice)
    if reason is None:
        stand_in.v1.subscriptions.cancel(there["id"])
    else:
        stand_in.card_becomes(there["customer"], reason)
        until = there["items"]["data"][0]["current_period_end"] + 20 * 86_400
        stand_in.steer("advance", clock=there["test_clock"], to=until)
        assert stand_in.subscriptions_of(alice) == []
    looked_at(house, stand_in)
    assert [each.subject for each in sent()] == [subject]
    notice = house.notice(alice)
    assert notice
    assert notice.why == ("failed" if reason else "ended-there")


def test_an_expiring_card_is_mailed_once(house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent):
    method = payer_of(alice).card
    now = datetime.now(UTC)
    stand_in.v1.payment_methods.update(method, {"card": {"exp_month": now.month, "exp_year": now.year}})
    for days in (8, 9, 16):
        house.round(timezone.now() + timedelta(days=days))
    expires_first = payer_of(alice).card_expires <= payer_of(alice).period_end.date()
    assert [each.subject for each in sent()] == ["Your card expires soon"] * expires_first


def test_a_card_without_money_gets_one_bot_and_not_twenty(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    stand_in.enters(EMPTY, alice, house)
    house.check_may_add(alice)
    bot_in(State.NEW, alice)
    with pytest.raises(PaymentDue, match="first payment"):
        house.check_may_add(alice)
    Wanted.objects.all().delete()
    Agent.objects.filter(type=Agent.Type.BOT).delete()
    stand_in.enters(GOOD, alice, house)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    house.check_may_add(alice)


def test_an_incomplete_subscription_can_be_paid_changed_and_cancelled(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    stand_in.enters(EMPTY, alice, house)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    assert [each["status"] for each in stand_in.subscriptions_of(alice)] == ["incomplete"]
    notice = house.notice(alice)
    assert notice
    assert notice.trouble == "Your bank declined the card. Ask your bank, or use another card."
    bot_in(State.ALIVE, alice, "second")
    house.round(timezone.now())
    assert [quantity_of(each) for each in stand_in.subscriptions_of(alice)] == [2]
    stand_in.enters(GOOD, alice, house)
    house.pay_now(alice)
    assert [(each["status"], quantity_of(each)) for each in stand_in.subscriptions_of(alice)] == [
        ("active", 2)
    ]


def test_cancelling_while_a_payment_is_due_ends_it_now_and_charges_nothing(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    stand_in.charge_fails(alice, house)
    house.round(timezone.now())
    assert payer_of(alice).due_since
    house.cancel(alice)
    assert stand_in.subscriptions_of(alice) == []
    open_ = stand_in.all("invoices", customer=payer_of(alice).customer, status="open")
    assert open_ == []
    house.round(timezone.now())
    assert not Wanted.objects.get(bot=bot).paid


def test_free_billing_refuses_to_start_while_there_are_subscriptions(
    house: Subscriptions, stand_in: StandIn, alice: Agent, bot: Agent
):
    assert "end-subscriptions" in Free().refusal()
    assert house.end_all() == 1
    assert stand_in.subscriptions_of(alice) == []
    assert Free().refusal() == ""


def test_a_tax_rate_and_a_currency_are_on_the_invoice(
    stand_in: StandIn, clock: str, alice: Agent, settings_with
):
    settings = Configuration(
        **{
            **settings_with.model_dump(include={"billing", "private_port", "home"}),
            "tax": "15%",
            "currency": "jpy",
        }
    )
    house = Subscriptions(StripeGateway(settings, clock=clock), settings)
    stand_in.enters(GOOD, alice, house)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    (invoice,) = house.invoices(alice)
    assert (invoice.amount, invoice.tax, invoice.currency) == (575, 75, "jpy")
    coming = house.upcoming(alice)
    assert coming
    assert coming.amount == 575


def test_the_stand_in_refuses_what_stripe_would(stand_in: StandIn):
    with pytest.raises(stripe.InvalidRequestError):
        stand_in.v1.customers.create({"nonsense": 1})  # type: ignore[typeddict-unknown-key]
