"""A year on a test clock: whatever people do, and whatever is lost on the way, they pay for the days that their bots had."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from butt.agents.models import Agent, Wanted
from butt.agents.states import State
from butt.agents.wishes import delete, restore
from butt.billing.models import Event, EventLook, Payer
from butt.billing.subscriptions import Subscriptions
from butt.billing.till import Till
from butt.configuration import Configuration
from tests.billing.stripes import EMPTY, GOOD, StandIn, payer_of, quantity_of
from tests.people import bot_in, person
from tests.scuttlekit.peers import FUZZ

PRICE, MOST_BOTS, GRACE = 500, 4, timedelta(days=7)
BEGAN = datetime(2027, 1, 31, 12, tzinfo=UTC)
DEEDS = ["a bot more", "a bot less", "a bot back", "nothing", "an answer is lost", "events come"]
TROUBLE = [*DEEDS, "the bank refuses", "another card", "ended", "taken back", "ended there"]


class Year:
    """Alice, her bots and her bank; time goes on by test clock alone."""

    def __init__(self, stand_in: StandIn, settings_with: Configuration) -> None:
        for rows in (Payer, Event, EventLook):
            rows.objects.all().delete()
        Agent.objects.filter(type=Agent.Type.BOT).delete()
        stand_in.steer("calm")
        stand_in.new_events()
        self.stand_in, self.now = stand_in, BEGAN
        self.clock = stand_in.new_clock(BEGAN)
        till = Till(settings_with, clock=self.clock)
        self.house = Subscriptions(till, settings_with, lambda: self.now)
        self.alice = person(f"alice-{uuid.uuid4().hex[:12]}")
        self.made = self.changes = 0
        self.cost = 0.0
        stand_in.enters(GOOD, self.alice, self.house)

    def bots(self, *, gone: bool) -> list[Agent]:
        return list(Agent.objects.filter(type=Agent.Type.BOT, wanted__gone_at__isnull=not gone))

    def live(self) -> list[Any]:
        return self.stand_in.subscriptions_of(self.alice)

    def does(self, deed: str) -> None:
        stay, gone = self.bots(gone=False), self.bots(gone=True)
        if deed == "a bot more" and len(stay) < MOST_BOTS:
            self.made += 1
            bot_in(State.ALIVE, self.alice, f"bot{self.made}")
        elif deed == "a bot less" and stay:
            delete(self.alice, stay[0])
        elif deed == "a bot back" and gone:
            restore(self.alice, gone[0])
        elif deed == "an answer is lost":
            rule = {"method": "POST", "path": "/v1/subscriptions", "do": "drop_after", "times": 2}
            self.stand_in.steer("faults", rules=[rule])
        elif deed == "events come":
            self.stand_in.tell(self.house)
        elif deed == "the bank refuses":
            self.becomes(EMPTY)
        elif deed == "another card":
            self.becomes(None)
            self.stand_in.enters(GOOD, self.alice, self.house)
            self.house.pay_now(self.alice)
        elif deed == "ended":
            self.house.cancel(self.alice)
        elif deed == "taken back":
            self.house.resume(self.alice)
        elif deed == "ended there":
            for each in self.live():
                self.stand_in.v1.subscriptions.cancel(each["id"])

    def becomes(self, number: str | None) -> None:
        if payer_of(self.alice).card:
            self.stand_in.card_becomes(payer_of(self.alice).customer, number)

    def settles(self) -> None:
        """The worker looks until nothing is left to do; what was lost is tried again."""
        for minutes in (0, 11, 22):
            self.house.round(self.now + timedelta(minutes=minutes))

    def passes(self, days: float) -> None:
        before = self._period()
        until = self.now + timedelta(days=days)
        self.stand_in.steer("advance", clock=self.clock, to=int(until.timestamp()))
        began, self.now = self.now.timestamp(), until
        if before is None:
            return
        quantity, start, end = before
        self.cost += quantity * PRICE * (min(end, until.timestamp()) - began) / (end - start)
        if until.timestamp() > end and (after := self._period()):
            self.cost += quantity * PRICE * (until.timestamp() - end) / (after[2] - after[1])

    def _period(self) -> tuple[int, int, int] | None:
        for each in self.live():
            item = each["items"]["data"][0]
            return quantity_of(each), item["current_period_start"], item["current_period_end"]
        return None

    def paid(self) -> int:
        customer = payer_of(self.alice).customer
        invoices = self.stand_in.all("invoices", customer=customer)
        self.changes = sum(len(each["lines"]["data"]) for each in invoices)
        return (
            sum(each["amount_paid"] for each in invoices)
            + self.stand_in.v1.customers.retrieve(customer).balance
        )


def deeds(of: list[str]) -> Any:
    return st.lists(
        st.tuples(st.sampled_from(of), st.sampled_from([0, 0.3, 4, 13, 20])), min_size=30, max_size=36
    )


# Three years take seconds, and are the same each time. `FUZZ=20` draws twenty times as many, other ones each time: with
# `--timeout 0`.
QUICK = settings(
    max_examples=3 * FUZZ, derandomize=FUZZ == 1, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.django_db
@QUICK
@given(year=deeds(DEEDS))
def test_with_a_good_card_money_is_bot_days(stand_in: StandIn, settings_with: Configuration, year: Any):
    alice = Year(stand_in, settings_with)
    for deed, days in year:
        alice.does(deed)
        alice.settles()
        assert sum(map(quantity_of, alice.live())) == len(alice.bots(gone=False))
        alice.passes(days)
        assert len(alice.live()) <= 1
        assert payer_of(alice.alice).due_since is None
    for bot in alice.bots(gone=False):
        delete(alice.alice, bot)
    alice.settles()
    assert alice.live() == []
    assert abs(alice.paid() - alice.cost) <= 1 + alice.changes, "each line of an invoice is rounded to a cent"


@pytest.mark.django_db
@QUICK
@given(year=deeds(TROUBLE))
def test_nobody_with_a_good_card_is_stopped_and_nobody_without_one_runs_beyond_the_days_of_grace(
    stand_in: StandIn, settings_with: Configuration, year: Any
):
    alice = Year(stand_in, settings_with)
    owed_since = None
    for deed, days in year:
        alice.does(deed)
        alice.stand_in.tell(alice.house)
        alice.settles()
        live, stay = alice.live(), alice.bots(gone=False)
        assert len(live) <= 1
        assert len(stand_in.customers_of(alice.alice, test_clock=alice.clock)) <= 1
        is_paid = bool(live) and live[0]["status"] == "active"
        runs = {each.paid for each in Wanted.objects.filter(bot__in=stay)}
        owed_since = None if is_paid or not stay else owed_since or alice.now
        if is_paid:
            assert runs <= {True}
            assert quantity_of(live[0]) == len(stay)
        elif owed_since and alice.now > owed_since + GRACE + timedelta(hours=1):
            assert runs <= {False}
        alice.passes(days)
