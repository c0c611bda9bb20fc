"""Coupons that operators give in the console."""

import uuid
from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from butt.accounts.models import Account
from butt.agents.models import Agent
from butt.agents.states import State
from butt.billing.interface import FREE_MONTH, NoCoupon
from butt.billing.subscriptions import Subscriptions
from tests.billing.stripes import GOOD, StandIn, payer_of
from tests.people import account, bot_in, person

pytestmark = pytest.mark.django_db


@pytest.fixture
def alice(house: Subscriptions, stand_in: StandIn) -> Agent:
    alice = person(f"alice-{uuid.uuid4().hex[:12]}")
    stand_in.enters(GOOD, alice, house)
    return alice


def totals(stand_in: StandIn, who: Agent) -> list[int]:
    """The totals of their invoices, the earliest first."""
    return [each["total"] for each in stand_in.all("invoices", customer=payer_of(who).customer)[::-1]]


def test_a_free_month_for_a_new_payer_is_their_first(house: Subscriptions, stand_in: StandIn, alice: Agent):
    house.give(payer_of(alice), FREE_MONTH)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    house.round(timezone.now() + timedelta(days=8))
    stand_in.month_passes(alice, house)
    assert totals(stand_in, alice) == [0, 500]
    assert payer_of(alice).coupon == ""


def test_a_free_month_for_a_payer_is_their_next_and_keeps_other_coupons(
    house: Subscriptions, stand_in: StandIn, alice: Agent
):
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    (there,) = stand_in.subscriptions_of(alice)
    other = stand_in.v1.coupons.create({"amount_off": 100, "currency": "usd", "duration": "forever"})
    stand_in.v1.subscriptions.update(there["id"], {"discounts": [{"coupon": other.id}]})
    for _ in range(2):
        house.give(payer_of(alice), FREE_MONTH)
        house.round(timezone.now())
    for _ in range(2):
        stand_in.month_passes(alice, house)
    assert totals(stand_in, alice) == [500, 0, 400], "given twice before it was used, it counts once"


def test_a_coupon_that_vanished_blocks_nothing(house: Subscriptions, stand_in: StandIn, alice: Agent):
    coupon = stand_in.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
    house.give(payer_of(alice), coupon)
    stand_in.v1.coupons.delete(coupon)
    bot_in(State.ALIVE, alice)
    house.round(timezone.now())
    assert totals(stand_in, alice) == [500]
    assert payer_of(alice).coupon == ""


def test_an_unknown_coupon_is_refused(house: Subscriptions, alice: Agent):
    with pytest.raises(NoCoupon, match="Make it in Stripe's dashboard"):
        house.give(payer_of(alice), "nothing")


def test_an_operator_gives_a_coupon_in_the_console(everywhere: Subscriptions, stand_in: StandIn):
    olga, bob = account(f"olga-{uuid.uuid4().hex[:12]}"), person(f"bob-{uuid.uuid4().hex[:12]}")
    Account.objects.filter(id=olga.id).update(is_staff=True, is_superuser=True)
    stand_in.enters(GOOD, bob, everywhere)
    client = Client()
    client.force_login(olga)
    page = reverse("admin:billing_payer_change", args=[payer_of(bob).id])
    assert "Stripe has no coupon" in client.post(page, {"coupon": "nothing"}).content.decode()
    assert payer_of(bob).coupon == ""
    assert client.post(page, {"coupon": FREE_MONTH}).status_code == 302
    assert payer_of(bob).coupon == FREE_MONTH
