"""Who is at work on a payer: alone, for as long as it takes, and not for long when they are killed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from butt.billing.calls import PATIENCE
from butt.billing.holds import HOLD, held
from butt.billing.interface import Busy
from butt.billing.models import Payer
from butt.billing.till import Till
from tests.billing.stripes import StandIn
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def payer() -> Payer:
    return Payer.objects.create(person=person("alice"))


def test_each_call_begins_with_time_enough_for_it(payer: Payer, till: Till):
    with held(payer) as mine:
        until = mine.held_until
        customer = till.new_customer("alice@example.org", str(payer.person_id))
        until_then = Payer.objects.get().held_until
        till.look(customer, str(payer.person_id))
        assert until < until_then < Payer.objects.get().held_until
    assert timedelta(seconds=2 * PATIENCE) < HOLD
    assert Payer.objects.get().held_until is None


def test_whose_hold_is_over_says_nothing_more_to_stripe(
    payer: Payer, till: Till, stand_in: StandIn, clock: str
):
    with held(payer):
        Payer.objects.update(held_until=timezone.now() + HOLD)
        with pytest.raises(Busy):
            till.new_customer("alice@example.org", str(payer.person_id))
    assert stand_in.customers_marked(str(payer.person_id), test_clock=clock) == []
    assert Payer.objects.get().held_until is not None, "what another holds is not let go of"


def test_who_holds_nobody_may_call_as_they_like(till: Till):
    assert till.customer_of("alice@example.org", "nobody") == ""
