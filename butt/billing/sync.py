"""One payer: wanted → Stripe → observed. Each step is saved before the next, and what exists already is found before anything
is made. If killed anywhere, the next look continues, and there is one customer and one subscription.

Whoever changes something in Stripe's dashboard means it. So Stripe is told about a wish once, when it is new; a later
difference there was made there, and is taken over. That we are about to tell Stripe is saved first: a call whose answer was
lost may have taken effect, and that change was not made in the dashboard.
"""

import logging
from datetime import datetime

from butt.accounts.models import Account
from butt.billing.calls import NoCustomer
from butt.billing.gateway import StripeGateway
from butt.billing.interface import BadCard, NoCoupon
from butt.billing.models import Payer
from butt.billing.seen import OWES, Card, Subscription

log = logging.getLogger("butt.billing")


def customer_of(payer: Payer, gateway: StripeGateway) -> str:
    """The payer's customer, found or made."""
    if payer.customer or payer.person is None:
        return payer.customer
    if not payer.email:
        # Saved first: it finds a customer again that was made before we were killed.
        _save(payer, email=Account.objects.get(agent=payer.person).email)
    mark = str(payer.person_id)
    found = gateway.customer_of(payer.email, mark) or gateway.new_customer(
        payer.email, mark, payer.generation
    )
    _save(payer, customer=found)
    return payer.customer


def lose(payer: Payer) -> None:
    """Stripe no longer knows the customer. The next one is made when a card is entered."""
    _save(
        payer,
        customer="",
        email="",
        generation=payer.generation + 1,
        subscription="",
        begun=payer.begun + 1,
        told=0,
        told_rooms=0,
        closing=False,
        tried="",
        trouble="",
        ended_there="lost" if payer.subscription else payer.ended_there,
    )


def sync(payer: Payer, gateway: StripeGateway, now: datetime) -> None:
    """Make Stripe match what is wanted, and save what is there. Raises `NoAnswer`."""
    if not payer.customer:
        return
    if payer.person is None:
        gateway.forget_customer(payer.customer)
        payer.delete()
        return
    try:
        seen = gateway.look(payer.customer, str(payer.person_id), payer.subscription)
        _tell_email(payer, gateway)
        subscriptions = seen.subscriptions
        for spare in subscriptions[1:]:
            gateway.end_now(spare)
        live = _as_wanted(payer, gateway, subscriptions[0] if subscriptions else None, seen.card)
        _owed(payer, gateway, live)
    except NoCustomer:
        lose(payer)
        seen, live = None, None
    _observe(payer, seen.card if seen else None, live, now)


def finish(payer: Payer, gateway: StripeGateway) -> int:
    """End everything at Stripe for good; returns how many subscriptions there were."""
    try:
        subscriptions = gateway.look(payer.customer, str(payer.person_id), payer.subscription).subscriptions
    except NoCustomer:
        subscriptions = []
    for each in subscriptions:
        gateway.end_now(each)
    _save(
        payer,
        subscription="",
        status="",
        pays=False,
        cancels=False,
        wishes=False,
        told=0,
        told_rooms=0,
        due_since=None,
        stopped_at=None,
    )
    return len(subscriptions)


def _tell_email(payer: Payer, gateway: StripeGateway) -> None:
    address = Account.objects.filter(agent=payer.person).values_list("email", flat=True).first()
    if address and address != payer.email:
        _save(payer, email="")
        gateway.tell_email(payer.customer, address)
        _save(payer, email=address)


def _as_wanted(
    payer: Payer, gateway: StripeGateway, live: Subscription | None, card: Card | None
) -> Subscription | None:
    if live is None:
        _write_off(payer, gateway)
        return _begin(payer, gateway, card) if payer.pays and payer.quantity and card else None
    if payer.subscription != live.id:
        _save(
            payer,
            subscription=live.id,
            begun=payer.begun + 1,
            told=live.quantity,
            told_rooms=live.rooms,
            ended_there="",
        )
    if not payer.wishes and payer.cancels != live.ends:
        # Do not overwrite what the person has asked for since this look began.
        Payer.objects.filter(id=payer.id, wishes=False).update(cancels=live.ends)
        payer.refresh_from_db(fields=["cancels", "wishes"])
    if payer.closing or not payer.quantity or (payer.cancels and live.status in OWES):
        begins_anew = payer.closing and payer.quantity and payer.pays
        _end(payer, gateway, live)
        return _begin(payer, gateway, card) if begins_anew and card else None
    if live.status == "incomplete" and payer.is_news:
        # Stripe does not let it be changed before its first payment: another one takes its place.
        _save(payer, closing=True)
        _end(payer, gateway, live)
        return _begin(payer, gateway, card) if card else None
    live = _told(payer, gateway, live)
    if live.status in OWES and card and payer.tried != card.id:
        live = _pay(payer, gateway, live, card)
    return live


def _told(payer: Payer, gateway: StripeGateway, live: Subscription) -> Subscription:
    """Tell Stripe what is new: the number of bots, whether it ends, a coupon."""
    if payer.is_news:
        _save(payer, told=None)
        live = gateway.change_quantity(live, payer.quantity, payer.rooms)
        _save(payer, told=payer.quantity, told_rooms=payer.rooms)
    if payer.wishes:
        if live.ends != payer.cancels:
            live = gateway.end_with_period(live, ends=payer.cancels)
        # What the person has asked for since then is left to the next look.
        Payer.objects.filter(id=payer.id, cancels=payer.cancels).update(wishes=False)
        payer.refresh_from_db(fields=["cancels", "wishes"])
    if payer.coupon and live.status != "incomplete":
        try:
            gateway.gifts.give(live.id, payer.coupon)
        except NoCoupon as gone:
            log.warning("%s: %s", payer, gone)
        _save(payer, coupon="")
    return live


def _begin(payer: Payer, gateway: StripeGateway, card: Card) -> Subscription | None:
    mark = str(payer.person_id)
    try:
        made = gateway.subscribe(
            *(payer.customer, mark, payer.quantity, payer.begun, card.id),
            rooms=payer.rooms,
            coupon=payer.coupon,
        )
    except NoCoupon as gone:
        log.warning("%s: %s", payer, gone)
        _save(payer, coupon="")
        return _begin(payer, gateway, card)
    except BadCard as bad:
        _save(payer, trouble=str(bad)[:300])
        return None
    # Making it was an attempt with this card.
    _save(
        payer,
        subscription=made.id,
        begun=payer.begun + 1,
        tried=card.id,
        told=payer.quantity,
        told_rooms=payer.rooms,
        cancels=False,
        wishes=False,
        coupon="",
        ended_there="",
        trouble="",
    )
    return made


def _end(payer: Payer, gateway: StripeGateway, live: Subscription) -> None:
    _save(payer, closing=payer.closing or not payer.quantity)
    gateway.end_now(live)
    _write_off(payer, gateway)


def _write_off(payer: Payer, gateway: StripeGateway) -> None:
    """The subscription has ended. Unless we ended it, it does not start again before somebody pays."""
    if not payer.subscription:
        return
    reason = ""
    if not payer.closing:
        over = gateway.subscription(payer.subscription)
        reason = over.reason if over else ""
    gateway.settling.settle(payer.customer, payer.subscription, by_us=payer.closing)
    _save(
        payer,
        subscription="",
        pays=payer.pays and payer.closing,
        closing=False,
        told=0,
        told_rooms=0,
        wishes=False,
        ended_there=reason[:32],
    )


def _pay(payer: Payer, gateway: StripeGateway, live: Subscription, card: Card) -> Subscription:
    """Try once to collect what is owed with this card."""
    trouble = ""
    try:
        gateway.invoices.pay(live)
    except BadCard as bad:
        trouble = str(bad)
    _save(payer, tried=card.id, trouble=trouble[:300])
    return gateway.subscription(live.id) or live


def _owed(payer: Payer, gateway: StripeGateway, live: Subscription | None) -> None:
    """Save why something is due, if it is."""
    if live is None or live.status not in OWES:
        _save(payer, confirms=False, trouble="" if live else payer.trouble)
        return
    debt = gateway.invoices.debt(live)
    _save(
        payer,
        confirms=bool(debt and debt.secret),
        trouble=(debt.trouble if debt and debt.trouble else payer.trouble)[:300],
    )


def _observe(payer: Payer, card: Card | None, live: Subscription | None, now: datetime) -> None:
    is_paid = bool(live and live.status in {"active", "trialing"})
    _save(
        payer,
        status=live.status if live else "",
        paid_quantity=live.quantity if live else 0,
        paid_rooms=live.rooms if live else 0,
        period_end=live.period_end if live else payer.period_end,
        ends=live.ends if live else False,
        unit=live.unit if live else payer.unit,
        room_unit=live.room_unit if live else payer.room_unit,
        currency=live.currency if live else payer.currency,
        paused=live.paused if live else False,
        paid_at=payer.paid_at or (now if is_paid else None),
        card=card.id if card else "",
        card_brand=card.brand if card else "",
        card_last4=card.last4 if card else "",
        card_expires=card.expires if card else None,
    )


def _save(payer: Payer, **fields: object) -> None:
    """Only what changed: a look that finds nothing new writes nothing."""
    changed = {name: value for name, value in fields.items() if getattr(payer, name) != value}
    for name, value in changed.items():
        setattr(payer, name, value)
    if changed:
        payer.save(update_fields=list(changed))
