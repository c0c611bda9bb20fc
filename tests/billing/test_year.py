"""A year on a test clock: whatever people do, and whatever is lost on the way, they pay for the days that their bots had."""

import random
import uuid
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models.signals import post_save, pre_save
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from butt.agents.actions import Refused, delete, restore
from butt.agents.models import Agent, Belongs, Wanted
from butt.agents.states import State
from butt.billing import takeover
from butt.billing.gateway import StripeGateway
from butt.billing.models import Event, EventLook, Payer
from butt.billing.payers import bots_paid_by
from butt.billing.subscriptions import Subscriptions
from butt.configuration import Configuration
from tests.billing.killer import Killed, Killer
from tests.billing.stripes import ALWAYS, EMPTY, GOOD, SECURE, StandIn, payer_of, quantity_of
from tests.fuzzing import FUZZ
from tests.people import bot_in, person

PRICE = 28 * 29 * 30 * 31 * 5
"""A tenth of a day of a bot is a whole number of cents in every month, so nothing is ever rounded."""

MOST_BOTS, GRACE = 4, timedelta(days=7)
BEGAN = datetime(2027, 1, 31, 12, tzinfo=UTC)
DEEDS = [
    "a bot more",
    "a bot less",
    "a bot back",
    "shared",
    "given up",
    "bob agrees",
    "nothing",
    "an answer is lost",
    "events come",
    "events come badly",
    "events are lost",
    "another card",
    "a card that asks once",
    "the bank asks",
    "quantity there",
    "price there",
]
TROUBLE = [
    *DEEDS,
    "the bank refuses",
    "confirmed",
    "ended",
    "taken back",
    "ended there",
    "to end there",
    "coupon there",
    "paused there",
    "goes on there",
    "disputed",
    "paid back there",
    "customer deleted there",
]
"""What is done “there” is done in Stripe's dashboard."""


@dataclass(frozen=True)
class Edit:
    """What an operator set at Stripe. It holds for this subscription; the quantity, as long as there are so
    many bots.
    """

    subscription: str
    bots: int
    quantity: int
    unit: int


class Year:
    """Alice and her bots, some of which she shares with Bob. Time passes by test clock alone."""

    def __init__(self, stand_in: StandIn, settings_with: Configuration) -> None:
        for rows in (Payer, Event, EventLook):
            rows.objects.all().delete()
        Agent.objects.filter(type=Agent.Type.BOT).delete()
        stand_in.steer("calm")
        stand_in.new_events()
        self.stand_in, self.now = stand_in, BEGAN
        self.clock = stand_in.new_clock(BEGAN)
        self.settings = settings_with.model_copy(update={"price": PRICE})
        self.house = self.worker()
        self.alice, self.bob = (person(f"{name}-{uuid.uuid4().hex[:12]}") for name in ("alice", "bob"))
        self.people = (self.alice, self.bob)
        self.made, self.cost, self.dice = 0, 0.0, random.Random(7)
        self.edits: dict[Agent, Edit] = {}
        for who in self.people:
            stand_in.enters(GOOD, who, self.house)

    def worker(self, killer: Killer | None = None) -> Subscriptions:
        gateway = StripeGateway(self.settings, killer or (lambda: None), self.clock)
        return Subscriptions(gateway, self.settings, lambda: self.now)

    def bots(self, *, gone: bool) -> list[Agent]:
        of = Agent.objects.filter(type=Agent.Type.BOT, belongs_to__target_agent=self.alice)
        return list(of.filter(wanted__gone_at__isnull=not gone))

    def staying(self, who: Agent) -> list[Agent]:
        return [bot for bot in bots_paid_by(who) if bot.wanted.gone_at is None]

    def live(self, who: Agent) -> list[Any]:
        return self.stand_in.subscriptions_of(who)

    def expected(self, who: Agent) -> tuple[int, int]:
        """The quantity and unit price at Stripe, as people and operators last wanted them."""
        stay, edit, live = len(self.staying(who)), self.edits.get(who), self.live(who)
        if edit is None or not live or live[0]["id"] != edit.subscription:
            self.edits.pop(who, None)
            return stay, PRICE
        if stay != edit.bots:
            self.edits[who] = replace(edit, bots=stay, quantity=stay)
        return self.edits[who].quantity, edit.unit

    def edited(self, **change: Any) -> None:
        """Alice's item is changed in the dashboard."""
        self.settles()
        for each in self.active_there():
            quantity, unit = self.expected(self.alice)
            edit = replace(Edit(each["id"], len(self.staying(self.alice)), quantity, unit), **change)
            recurring: Any = {"interval": "month"}
            price = {
                "unit_amount": edit.unit,
                "currency": "usd",
                "product": "butt-bot",
                "recurring": recurring,
            }
            item: Any = {
                "id": each["items"]["data"][0]["id"],
                "quantity": edit.quantity,
                "price": self.stand_in.v1.prices.create(price).id,  # type: ignore[arg-type]
            }
            self.stand_in.v1.subscriptions.update(each["id"], {"items": [item]})
            self.edits[self.alice] = edit

    def active_there(self) -> list[Any]:
        self.stand_in.steer("calm")
        return [each for each in self.live(self.alice) if each["status"] == "active"]

    def does(self, deed: str) -> None:
        getattr(self, "_" + deed.replace(" ", "_"))()

    def _nothing(self) -> None: ...

    def _a_bot_more(self) -> None:
        if len(self.bots(gone=False)) < MOST_BOTS:
            self.made += 1
            bot_in(State.ALIVE, self.alice, f"bot{self.made}")

    def _a_bot_less(self) -> None:
        for bot in self.bots(gone=False)[:1]:
            delete(self.alice, bot)

    def _a_bot_back(self) -> None:
        for bot in self.bots(gone=True)[:1]:
            restore(self.alice, bot)

    def _shared(self) -> None:
        for bot in self.bots(gone=False)[:1]:
            Belongs.objects.get_or_create(source_agent=bot, target_agent=self.bob)

    def _given_up(self) -> None:
        """Alice asks Bob to pay for the bot, if he shares it and she owes nothing. She pays until he agrees."""
        for bot in self.bots(gone=False)[:1]:
            with suppress(Refused):
                takeover.leave(self.house, self.alice, bot)

    def _bob_agrees(self) -> None:
        for asked in takeover.questions_to(self.bob):
            with suppress(Refused):
                price = self.house.price(self.bob, asked.bot.service)
                takeover.agree(self.house, self.bob, asked.bot, price)

    def _an_answer_is_lost(self) -> None:
        self.stand_in.steer("calm")
        rule = {"method": "POST", "path": "/v1/", "do": "drop_after", "times": 2}
        self.stand_in.steer("faults", rules=[rule])

    def _events_come(self) -> None:
        self.stand_in.tell(self.house)

    def _events_come_badly(self) -> None:
        events = self.stand_in.new_events() * 2
        self.dice.shuffle(events)
        self.stand_in.tell(self.house, events)

    def _events_are_lost(self) -> None:
        self.stand_in.new_events()

    def _the_bank_refuses(self) -> None:
        self.becomes(EMPTY)

    def _the_bank_asks(self) -> None:
        self.becomes(ALWAYS)

    def _another_card(self) -> None:
        self.enters(GOOD)

    def _a_card_that_asks_once(self) -> None:
        self.enters(SECURE)

    def _confirmed(self) -> None:
        """Alice confirms at her bank."""
        self.stand_in.steer("calm")
        if form := self.house.to_confirm(self.alice):
            self.stand_in.authenticate(form.secret)
            self.house.pay_now(self.alice)

    def _ended(self) -> None:
        self.house.cancel(self.alice)

    def _taken_back(self) -> None:
        self.house.resume(self.alice)

    def _ended_there(self) -> None:
        for each in self.live(self.alice):
            self.stand_in.v1.subscriptions.cancel(each["id"])

    def _to_end_there(self) -> None:
        for each in self.active_there():
            self.stand_in.v1.subscriptions.update(each["id"], {"cancel_at_period_end": True})

    def _quantity_there(self) -> None:
        self.edited(quantity=len(self.staying(self.alice)) + 1)

    def _price_there(self) -> None:
        self.edited(unit=2 * PRICE)

    def _coupon_there(self) -> None:
        for each in self.active_there():
            coupon = self.stand_in.v1.coupons.create({"percent_off": 50, "duration": "once"}).id
            self.stand_in.v1.subscriptions.update(each["id"], {"discounts": [{"coupon": coupon}]})

    def _paused_there(self) -> None:
        for each in self.active_there():
            self.stand_in.v1.subscriptions.update(each["id"], {"pause_collection": {"behavior": "void"}})

    def _goes_on_there(self) -> None:
        for each in self.active_there():
            self.stand_in.v1.subscriptions.update(each["id"], {"pause_collection": ""})

    def _disputed(self) -> None:
        for charge in self.charges():
            self.stand_in.steer("dispute", charge=charge["id"])

    def _paid_back_there(self) -> None:
        for charge in self.charges():
            self.stand_in.v1.refunds.create({"charge": charge["id"]})

    def charges(self) -> list[Any]:
        """Alice's latest paid invoice, if there is one."""
        self.stand_in.steer("calm")
        customer = payer_of(self.alice).customer
        found = self.stand_in.all("charges", customer=customer) if customer else []
        paid = [each for each in found if each["paid"] and not (each["refunded"] or each["disputed"])]
        return paid[:1]

    def _customer_deleted_there(self) -> None:
        self.stand_in.steer("calm")
        for each in self.stand_in.customers_of(self.alice, test_clock=self.clock):
            self.stand_in.v1.customers.delete(each["id"])

    def enters(self, number: str) -> None:
        self.stand_in.steer("calm")
        self.becomes(None)
        self.stand_in.enters(number, self.alice, self.house)
        self.house.pay_now(self.alice)

    def becomes(self, number: str | None) -> None:
        self.stand_in.steer("calm")
        if payer_of(self.alice).card and self.stand_in.customers_of(self.alice, test_clock=self.clock):
            self.stand_in.card_becomes(payer_of(self.alice).customer, number)

    def settles(self, killed_at: int | None = None) -> None:
        """The worker runs until nothing is left to do; lost calls are repeated."""
        if killed_at is not None:
            self.dies(Killer(killed_at))
        for minutes in (0, 11, 22):
            self.house.round(self.now + timedelta(minutes=minutes))

    def dies(self, killer: Killer) -> None:
        for signal in (pre_save, post_save):
            signal.connect(killer, Payer)
        try:
            with suppress(Killed):
                self.worker(killer).round(self.now)
        finally:
            for signal in (pre_save, post_save):
                signal.disconnect(killer, Payer)
        # It did not release its lease, which expires.
        Payer.objects.update(held_until=None)

    def passes(self, days: float) -> None:
        before = [(self.expected(who), self._period(who)) for who in self.people]
        began, self.now = self.now.timestamp(), self.now + timedelta(days=days)
        until = self.now.timestamp()
        self.stand_in.steer("advance", clock=self.clock, to=int(until))
        for who, ((quantity, unit), period) in zip(self.people, before, strict=True):
            if period is None:
                continue
            start, end = period
            self.cost += quantity * unit * (min(end, until) - began) / (end - start)
            if until > end and (after := self._period(who)):
                self.cost += quantity * unit * (until - end) / (after[1] - after[0])

    def _period(self, who: Agent) -> tuple[int, int] | None:
        for each in self.live(who):
            item = each["items"]["data"][0]
            return item["current_period_start"], item["current_period_end"]
        return None

    def paid(self) -> int:
        total = 0
        for who in self.people:
            customer = payer_of(who).customer
            total += sum(each["amount_paid"] for each in self.stand_in.all("invoices", customer=customer))
            total += self.stand_in.v1.customers.retrieve(customer).balance
        return total


def year_of(deeds: list[str], days: list[float]) -> Any:
    """Each step is an action, the moment at which the next worker is killed, and how many days pass."""
    killed_at = st.none() | st.integers(0, 9)
    return st.lists(
        st.tuples(st.sampled_from(deeds), killed_at, st.sampled_from(days)), min_size=30, max_size=36
    )


# Two years take seconds. A failing example is not shrunk, which would take an hour.
QUICK = settings(
    max_examples=2 * FUZZ,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


# Stripe tries for fifteen days: a person whose bank asks confirms before that.
@pytest.mark.django_db
@QUICK
@given(deeds=year_of(DEEDS, [0, 0.3, 4, 13, 14]))
def test_with_a_good_card_people_pay_for_bot_days(
    stand_in: StandIn, settings_with: Configuration, deeds: Any
):
    year = Year(stand_in, settings_with)
    for deed, killed_at, days in deeds:
        year.does(deed)
        year.settles(killed_at)
        year.does("confirmed")
        for who in year.people:
            assert sum(map(quantity_of, year.live(who))) == year.expected(who)[0]
        year.passes(days)
        stand_in.tell(year.house)
        year.settles()
        year.does("confirmed")
        for who in year.people:
            assert len(year.live(who)) <= 1
            assert len(stand_in.customers_of(who, test_clock=year.clock)) == 1
            assert payer_of(who).due_since is None
    for who in year.people:
        for bot in year.staying(who):
            delete(who, bot)
    year.settles()
    assert [year.live(who) for who in year.people] == [[], []]
    assert abs(year.paid() - year.cost) <= 1


@pytest.mark.django_db
@QUICK
@given(deeds=year_of(TROUBLE, [0, 0.3, 4, 13, 20]))
def test_bots_stop_after_the_days_of_grace_exactly_if_the_card_is_bad(
    stand_in: StandIn, settings_with: Configuration, deeds: Any
):
    year = Year(stand_in, settings_with)
    owed_since: dict[Agent, datetime | None] = {}
    for deed, killed_at, days in deeds:
        year.does(deed)
        stand_in.tell(year.house)
        year.settles(killed_at)
        for who in year.people:
            live, stay = year.live(who), year.staying(who)
            assert len(live) <= 1
            assert len(stand_in.customers_of(who, test_clock=year.clock)) <= 1
            is_paid = bool(live) and live[0]["status"] == "active"
            runs = {each.paid for each in Wanted.objects.filter(bot__in=stay)}
            owed_since[who] = None if is_paid or not stay else owed_since.get(who) or year.now
            since = owed_since[who]
            if is_paid:
                assert runs <= {True}
                item = live[0]["items"]["data"][0]
                assert (item["quantity"], item["price"]["unit_amount"]) == year.expected(who)
            elif since and year.now > since + GRACE + timedelta(hours=1):
                assert runs <= {False}
        year.passes(days)
