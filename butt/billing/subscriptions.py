"""Paying monthly through Stripe, or its local stand-in."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeVar

from django.db import InterfaceError, OperationalError
from django.utils import timezone

from butt.agents.effective_state import why_held
from butt.agents.models import Agent
from butt.billing import letters, takeover
from butt.billing.address import InvoiceAddress, checked
from butt.billing.calls import NoCustomer
from butt.billing.card_form import form_of
from butt.billing.counting import count
from butt.billing.due import judge, notice
from butt.billing.events import Events
from butt.billing.gateway import StripeGateway
from butt.billing.interface import BadCard, Bill, Busy, CardForm, Invoice, NoAnswer, Notice, PaymentDue, Price
from butt.billing.leases import LEASE, leased
from butt.billing.models import Payer
from butt.billing.money import shown
from butt.billing.payers import ROOM, bots_paid_by, let_leave, let_run
from butt.billing.seen import OWES
from butt.billing.sync import customer_of, finish, lose, sync
from butt.configuration import Configuration, configuration
from butt.leases import due
from scuttlekit.backoff import backoff

log = logging.getLogger("butt.billing")

T = TypeVar("T")

AGAIN = timedelta(days=7)
"""How soon each payer is checked without being asked to."""

TROUBLED = timedelta(hours=6)
"""How soon a payer who owes something is checked again."""

FIRST_BACK_OFF, LONGEST_BACK_OFF = timedelta(seconds=3), timedelta(minutes=10)
MOST_AT_ONCE = 20
PATIENCE = 4.0
"""How many seconds a page waits while the worker checks the same payer."""


class Subscriptions:
    takes_money = True

    def __init__(
        self,
        gateway: StripeGateway | None = None,
        settings: Configuration | None = None,
        now: Callable[[], datetime] = timezone.now,
    ) -> None:
        """`now` is the time that people act at; on a test clock, that clock's time."""
        self._now = now
        self._settings = settings or configuration()
        self._gateway = gateway or StripeGateway(self._settings)
        self._events = Events(self._gateway)
        self.is_pretended = self._settings.is_pretended

    def refusal(self) -> str:
        return ""

    def end_all(self) -> int:
        """End all subscriptions at once, for good; returns how many there were. Raises `NoAnswer`."""
        ended = 0
        for payer in Payer.objects.exclude(customer=""):
            with leased(payer, LEASE.total_seconds()):
                ended += finish(payer, self._gateway)
        return ended

    def give(self, payer: Payer, coupon: str) -> None:
        """Give a payer a coupon with their next invoice. Raises `NoCoupon`, `NoAnswer`."""
        if coupon:
            self._gateway.gifts.check(coupon)
        Payer.objects.filter(id=payer.id).update(coupon=coupon, look_at=self._now())

    # What pages and the API ask

    def check_may_add(self, person: Agent) -> None:
        payer = _payer(person)
        where = f"{self._settings.public_url}/billing"
        if payer.due_since:
            raise PaymentDue(f"A payment is due first: {where}")
        if self._has_a_free_one_left(person):
            return
        if payer.cancels:
            raise PaymentDue(f"You cancelled your payment. To add a bot, undo that first: {where}")
        if not (payer.pays and payer.card):
            raise PaymentDue(f"A card is needed first: {where}")
        if payer.paid_at is None and self._has_one_to_pay_for(person):
            raise PaymentDue(
                "You can have one more bot when your first payment has come through. That is moments after your first bot is "
                f"alive: {where}"
            )

    def price(self, person: Agent, service: str) -> Price:
        payer = _payer(person)
        currency = payer.currency or self._settings.currency
        if self._has_a_free_one_left(person):
            return Price(0, currency)
        if service == ROOM and self._settings.rooms_cost_their_own:
            return Price(payer.room_unit or self._settings.room_price, currency)
        return Price(payer.unit or self._settings.price, currency)

    def needs_card(self, person: Agent) -> bool:
        payer = _payer(person)
        return not (payer.pays and payer.card) and not self._has_a_free_one_left(person)

    def notice(self, person: Agent) -> Notice | None:
        payer = Payer.objects.filter(person=person).first()
        return notice(payer) if payer else None

    def bill(self, person: Agent) -> Bill:
        payer = _payer(person)
        card = f"{payer.card_brand} •••• {payer.card_last4}" if payer.card_last4 else payer.card_brand
        goes_on = bool(payer.subscription) and not payer.cancels
        return Bill(
            quantity=payer.quantity,
            free=self._settings.free_bots,
            unit=payer.unit or self._settings.price,
            currency=payer.currency or self._settings.currency,
            card=card,
            status=payer.status,
            next_at=payer.period_end if payer.subscription else None,
            pays=payer.pays,
            cancels=payer.cancels and bool(payer.subscription),
            notice=notice(payer),
            may_end=goes_on,
            paused=payer.paused,
            rooms=payer.rooms,
            room_unit=payer.room_unit or self._settings.price_of(ROOM),
        )

    def invoices(self, person: Agent) -> list[Invoice]:
        payer = _payer(person)
        try:
            return self._gateway.invoices.of(payer.customer) if payer.customer else []
        except NoCustomer:
            self._ring(payer)
            return []

    def upcoming(self, person: Agent) -> Invoice | None:
        payer = _payer(person)
        return self._gateway.invoices.upcoming(payer.subscription) if payer.subscription else None

    def card_form(self, person: Agent) -> CardForm:
        """With a new setup for each view of the page: each is for entering one card, and there may be two tabs."""
        secret = trouble = ""
        try:
            secret = self._with_customer(person, self._gateway.new_setup)
        except NoAnswer as no:
            trouble = str(no)
        return form_of(self._gateway.key, self._settings, secret, trouble)

    def _with_customer(self, person: Agent, call: Callable[[str], T]) -> T:
        """What `call` returns for the person's customer, who is made if there is none.

        Only making one needs the lease: a page that shows or changes what is at Stripe alone does not wait for the worker.
        """
        payer, lost = _payer(person), ""
        if payer.customer:
            try:
                return call(payer.customer)
            except NoCustomer:
                lost = payer.customer
        with leased(payer, PATIENCE):
            if lost and payer.customer == lost:
                lose(payer)
            return call(customer_of(payer, self._gateway))

    def keep_card(self, person: Agent, setup: str) -> None:
        with leased(_payer(person), PATIENCE) as payer:
            # It need not be the last one begun: there may be two tabs, or two clicks. The gateway checks whose it is.
            if not setup or not payer.customer:
                raise BadCard("The card was not confirmed. Please enter it again.")
            try:
                card = self._gateway.charge_with_card_of(setup, payer.customer)
            except NoCustomer:
                lose(payer)
                raise BadCard("The card was not saved. Please enter it again.") from None
            payer.card, payer.card_brand, payer.card_last4 = card.id, card.brand, card.last4
            payer.card_expires = card.expires
            payer.pays, payer.tried = True, ""
            # An end that has come no longer counts after a new start; one that is still to come stays.
            payer.cancels = payer.cancels and bool(payer.subscription)
            payer.look_at = self._now()
            payer.save(
                update_fields=[
                    "card",
                    "card_brand",
                    "card_last4",
                    "card_expires",
                    "pays",
                    "tried",
                    "cancels",
                    "look_at",
                ]
            )

    def to_confirm(self, person: Agent) -> CardForm | None:
        payer = _payer(person)
        live = self._gateway.subscription(payer.subscription) if payer.subscription else None
        debt = self._gateway.invoices.debt(live) if live and live.status in OWES else None
        return form_of(self._gateway.key, self._settings, debt.secret) if debt and debt.secret else None

    def pay_now(self, person: Agent) -> None:
        payer = _payer(person)
        Payer.objects.filter(id=payer.id).update(tried="", pays=bool(payer.card), look_at=self._now())
        if not payer.subscription:
            Payer.objects.filter(id=payer.id).update(cancels=False)
        self._look(payer, self._now(), PATIENCE)

    def address(self, person: Agent) -> InvoiceAddress:
        payer = _payer(person)
        try:
            return self._gateway.addresses.of(payer.customer) if payer.customer else InvoiceAddress()
        except NoCustomer:
            self._ring(payer)
            return InvoiceAddress()

    def tell_address(self, person: Agent, address: InvoiceAddress) -> None:
        address = checked(address)
        self._with_customer(person, lambda customer: self._gateway.addresses.tell(customer, address))

    def cancel(self, person: Agent) -> None:
        self._write(person, cancels=True, wishes=True)

    def resume(self, person: Agent) -> None:
        self._write(person, cancels=False, wishes=True)

    def take_event(self, payload: bytes, signature: str) -> None:
        self._events.take(self._gateway.event_in(payload, signature))

    # What the worker does

    def round(self, now: datetime) -> bool:
        """First count the bots, then handle each payer whose time has come, then set which bots may run."""
        some_have_no_payer = count(
            now, self._settings.free_bots, rooms_apart=self._settings.rooms_cost_their_own
        )
        self._events.look(now)
        ready = list(Payer.objects.filter(due("look_at", now, AGAIN)).order_by("look_at")[:MOST_AT_ONCE])
        for payer in ready:
            self._look(payer, now)
        stopped = takeover.look(self, now, some_have_no_payer=some_have_no_payer)
        changed = let_run(Payer.objects.exclude(stopped_at=None), stopped)
        return bool(ready) or changed

    def _look(self, payer: Payer, now: datetime, patience: float = 0) -> None:
        try:
            with leased(payer, patience):
                if payer.person_id is None and not payer.customer:
                    payer.delete()
                    return
                rung = payer.look_at
                sync(payer, self._gateway, now)
                if payer.pk is None:
                    return
                self._follow(payer, now)
        except Busy:
            return
        except NoAnswer as trouble:
            log.warning("%s waits: %s", payer, trouble)
            _put_off(payer, now)
        except NoCustomer:
            lose(payer)
        except BadCard as bad:
            Payer.objects.filter(id=payer.id).update(trouble=str(bad)[:300], look_at=now + LONGEST_BACK_OFF)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            log.exception("%s waits after an unexpected error", payer)
            _put_off(payer, now)
        else:
            again = TROUBLED if payer.due_since else AGAIN
            Payer.objects.filter(id=payer.id, look_at=rung).update(look_at=now + again, failures=0)

    def _follow(self, payer: Payer, now: datetime) -> None:
        """Apply the consequences to the bots; letters go last, so that none says something untrue."""
        verdict = judge(payer, now)
        payer.due_since, payer.stopped_at = verdict.due_since, verdict.stopped_at
        payer.save(update_fields=["due_since", "stopped_at"])
        if verdict.leaves and payer.person:
            for bot in bots_paid_by(payer.person):
                self._let_leave(bot, now)
        for kind, since in verdict.letters:
            letters.tell(payer, kind, since, now)
        if payer.has_open and payer.is_paid:
            self._tell_of_open(payer, now)

    def _tell_of_open(self, payer: Payer, now: datetime) -> None:
        """An unpaid invoice besides a paid subscription stops nothing; its payer is told once."""
        for each in self._gateway.invoices.open_of(payer.customer):
            amount = shown(each.amount, each.currency)
            letters.tell(payer, "open", each.at, now, each.id, amount=amount, link=each.url)
        Payer.objects.filter(id=payer.id).update(has_open=False)

    def _let_leave(self, bot: Agent, now: datetime) -> None:
        """A bot that is restored without paying is kept for the same time again."""
        wanted = bot.wanted
        asked = wanted.asked_at + timedelta(days=self._settings.unpaid_keep_days)
        if wanted.gone_at is None and not wanted.paid and now >= asked and not why_held(wanted):
            let_leave(bot)

    def _has_a_free_one_left(self, person: Agent) -> bool:
        """Counts as the bill does: a bot that is shared with the person takes no free place, because somebody else pays for it."""
        free = self._settings.free_bots
        return free > 0 and sum(bot.wanted.gone_at is None for bot in bots_paid_by(person)) < free

    def _ring(self, payer: Payer) -> None:
        Payer.objects.filter(id=payer.id).update(look_at=self._now())

    def _has_one_to_pay_for(self, person: Agent) -> bool:
        staying = sum(bot.wanted.gone_at is None for bot in bots_paid_by(person))
        return staying > self._settings.free_bots

    def _write(self, person: Agent, **fields: object) -> None:
        payer = _payer(person)
        Payer.objects.filter(id=payer.id).update(**fields, look_at=self._now())
        self._look(payer, self._now(), PATIENCE)


def _put_off(payer: Payer, now: datetime) -> None:
    """The others are not to wait behind it."""
    wait = backoff(payer.failures, FIRST_BACK_OFF, LONGEST_BACK_OFF)
    Payer.objects.filter(id=payer.id).update(look_at=now + wait, failures=payer.failures + 1)


def _payer(person: Agent) -> Payer:
    return Payer.objects.get_or_create(person=person)[0]
