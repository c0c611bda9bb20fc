"""Whatever happens at Stripe and here, in whatever order, and however often events are delivered: bots and
money agree in the end."""

import json
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from stripe_standin.webhooks import signature

from butt.agents.actions import delete, restore
from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.billing.gateway import StripeGateway
from butt.billing.interface import Forged
from butt.billing.models import Event, Payer
from butt.billing.subscriptions import AGAIN, Subscriptions
from butt.configuration import Configuration
from tests.billing.stripes import GOOD, StandIn, payer_of, quantity_of
from tests.people import bot_in, person

GOOD_STATUS = {"active", "trialing"}


class Life(RuleBasedStateMachine):
    """One person with a card, bots and a bank; events may be delivered at any time."""

    stand_in: StandIn
    settings: Configuration

    def __init__(self) -> None:
        super().__init__()
        Payer.objects.all().delete()
        Agent.objects.filter(type=Agent.Type.BOT).delete()
        Event.objects.all().delete()
        self.now = timezone.now()
        self.house = Subscriptions(
            StripeGateway(self.settings, clock=self.stand_in.new_clock()), self.settings
        )
        self.stand_in.new_events()
        self.kept: list[Any] = []
        self.alice = person(f"alice-{uuid.uuid4().hex[:12]}")
        self.told: set[str] = set()
        self.names = 0
        self.stand_in.enters(GOOD, self.alice, self.house)

    def bots(self, *, gone: bool) -> list[Agent]:
        return list(Agent.objects.filter(type=Agent.Type.BOT, wanted__gone_at__isnull=not gone))

    def live(self) -> list[Any]:
        return self.stand_in.subscriptions_of(self.alice)

    # What people do

    @rule()
    def a_bot_comes_alive(self) -> None:
        if self.names < 4:
            self.names += 1
            bot_in(State.ALIVE, self.alice, f"bot{self.names}")

    @rule()
    def a_bot_is_deleted(self) -> None:
        for bot in self.bots(gone=False)[:1]:
            delete(self.alice, bot)

    @rule()
    def a_bot_is_restored(self) -> None:
        for bot in self.bots(gone=True)[:1]:
            restore(self.alice, bot)

    @rule()
    def a_card_is_entered(self) -> None:
        self.stand_in.enters(GOOD, self.alice, self.house)

    @rule()
    def ends_it(self) -> None:
        self.house.cancel(self.alice)

    @rule()
    def goes_on(self) -> None:
        self.house.resume(self.alice)

    @rule()
    def pays_now(self) -> None:
        self.house.pay_now(self.alice)

    # What happens at Stripe

    @precondition(lambda self: any(each["status"] == "active" for each in self.live()))
    @rule()
    def a_charge_fails(self) -> None:
        (subscription,) = self.live()
        self.stand_in.refuses(subscription)

    @rule()
    def a_later_charge_succeeds(self) -> None:
        for subscription in self.live():
            self.stand_in.pays(subscription)

    @rule()
    def it_is_ended_there(self) -> None:
        for subscription in self.live():
            self.stand_in.v1.subscriptions.cancel(subscription["id"])

    # What is delivered and looked at

    @rule(data=st.data())
    def some_events_are_told(self, data: st.DataObject) -> None:
        self.kept += self.stand_in.new_events()
        chosen = data.draw(st.lists(st.sampled_from(self.kept), max_size=4)) if self.kept else []
        for event in chosen:
            payload = json.dumps(event, default=str).encode()
            self.house.take_event(payload, signature(payload, self.settings.webhook_secret()))
            self.told.add(event["id"])
        kept = {event.id for event in Event.objects.all()}
        assert {event["id"] for event in chosen} <= kept <= self.told, "each counts once"

    @rule(days=st.sampled_from([0.0, 0.1, 3.0, 10.0]))
    def time_passes(self, days: float) -> None:
        self.now += timedelta(days=days)

    @rule()
    def the_worker_looks(self) -> None:
        self.house.round(self.now)

    def teardown(self) -> None:
        for _ in range(3):
            self.now += AGAIN
            self.house.round(self.now)
        live, stay, payer = self.live(), self.bots(gone=False), payer_of(self.alice)
        assert len(live) <= 1
        assert len(self.stand_in.customers_of(self.alice, test_clock=self.house._gateway._clock)) == 1
        if live:
            assert quantity_of(live[0]) == len(stay) == payer.paid_quantity
            assert (payer.status, payer.ends) == (live[0]["status"], live[0]["cancel_at_period_end"])
        is_paid = bool(live) and live[0]["status"] in GOOD_STATUS
        if is_paid:
            assert payer.due_since is None
        elif stay:
            assert payer.due_since is not None
        may_run = payer.stopped_at is None
        assert may_run or not is_paid
        assert {wanted.paid for wanted in Wanted.objects.all()} <= {may_run}


@pytest.mark.django_db
def test_bots_and_money_agree_in_the_end(stand_in: StandIn, settings_with: Configuration):
    Life.stand_in, Life.settings = stand_in, settings_with
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=15,
            stateful_step_count=15,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_an_unsigned_event_is_refused(house: Subscriptions, settings_with: Configuration):
    payload = json.dumps({"id": "evt_1", "object": "event", "type": "customer.updated"}).encode()
    for said in (
        "",
        "t=1,v1=00",
        signature(payload, "another"),
        signature(b"{}", settings_with.webhook_secret()),
    ):
        with pytest.raises(Forged):
            house.take_event(payload, said)
