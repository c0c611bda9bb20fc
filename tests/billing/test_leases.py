"""Who works on a payer: one worker alone, for as long as it takes, and not for long after it is killed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from butt.billing.calls import PATIENCE
from butt.billing.gateway import StripeGateway
from butt.billing.interface import Busy
from butt.billing.leases import LEASE, leased, renew
from butt.billing.models import Payer
from tests.billing.stripes import StandIn
from tests.people import person

pytestmark = pytest.mark.django_db


@pytest.fixture
def payer() -> Payer:
    return Payer.objects.create(person=person("alice"))


def test_each_call_begins_with_enough_time_on_the_lease(payer: Payer, gateway: StripeGateway):
    with leased(payer) as mine:
        until = mine.held_until
        customer = gateway.new_customer("alice@example.org", str(payer.person_id))
        until_then = Payer.objects.get().held_until
        gateway.look(customer, str(payer.person_id))
        assert until < until_then < Payer.objects.get().held_until
    assert timedelta(seconds=2 * PATIENCE) < LEASE
    assert Payer.objects.get().held_until is None


def test_a_worker_whose_lease_expired_makes_no_more_calls(
    payer: Payer, gateway: StripeGateway, stand_in: StandIn, clock: str
):
    with leased(payer):
        Payer.objects.update(held_until=timezone.now() + LEASE)
        with pytest.raises(Busy):
            gateway.new_customer("alice@example.org", str(payer.person_id))
    assert stand_in.customers_marked(str(payer.person_id), test_clock=clock) == []
    assert Payer.objects.get().held_until is not None, "what another holds is not let go of"


def test_a_lease_that_is_renewed_while_another_worker_looks_at_it_is_not_taken(payer: Payer):
    def renewed_first(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        """The other worker read the clock before the lease was renewed, and reads the row only after."""
        if sql.startswith("SELECT"):
            renew()
        return execute(sql, *rest)

    other = Payer.objects.get()
    with leased(payer):
        with connection.execute_wrapper(renewed_first), pytest.raises(Busy), leased(other):
            pass
        renew()


def test_calls_without_a_lease_are_allowed(gateway: StripeGateway):
    assert gateway.customer_of("alice@example.org", "nobody") == ""
