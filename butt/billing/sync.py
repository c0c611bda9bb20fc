"""One payer, wanted → Stripe → observed. Each step is written down before the next, and what is there already is found
before anything is made: killed anywhere, the next look goes on, and there is one customer and one subscription.
"""

from datetime import datetime

from butt.accounts.models import Account
from butt.billing.interface import BadCard
from butt.billing.models import Payer
from butt.billing.till import Card, Subscription, Till

OWES = frozenset({"incomplete", "past_due", "unpaid"})


def customer_of(payer: Payer, till: Till) -> str:
    """The payer's customer, found or made."""
    if payer.customer or payer.person is None:
        return payer.customer
    if not payer.email:
        # Written first: by it, a customer is found again that was made before we were killed.
        _save(payer, email=Account.objects.get(agent=payer.person).email)
    mark = str(payer.person_id)
    _save(payer, customer=till.customer_of(payer.email, mark) or till.new_customer(payer.email, mark))
    return payer.customer


def sync(payer: Payer, till: Till, now: datetime) -> None:
    """Have Stripe be as it is wanted, and write down how it is. Raises `NoAnswer`."""
    if not payer.customer:
        return
    if payer.person is None:
        till.forget_customer(payer.customer)
        payer.delete()
        return
    card = till.card_of(payer.customer)
    there = till.subscriptions_of(payer.customer)
    for spare in there[1:]:
        till.end_now(spare)
    _observe(payer, card, _as_wanted(payer, till, there[0] if there else None, card, now))


def _as_wanted(
    payer: Payer, till: Till, live: Subscription | None, card: Card | None, now: datetime
) -> Subscription | None:
    if live is None:
        _write_off(payer)
        return _begin(payer, till, card) if payer.pays and payer.quantity and card else None
    if payer.subscription != live.id:
        _save(payer, subscription=live.id, begun=payer.begun + 1)
    if payer.closing or not payer.quantity or (payer.cancels and now >= live.period_end):
        _save(payer, closing=payer.closing or not payer.quantity)
        till.end_now(live)
        _write_off(payer)
        return None
    if live.quantity != payer.quantity:
        live = till.change_quantity(live, payer.quantity)
    if live.ends != payer.cancels:
        live = till.end_with_period(live, ends=payer.cancels)
    if live.status in OWES and card and payer.tried != card.id:
        live = _pay(payer, till, live, card)
    return live


def _begin(payer: Payer, till: Till, card: Card) -> Subscription:
    key = f"butt-{payer.person_id}-{payer.begun}-{payer.quantity}-{card.id}"
    made = till.subscribe(payer.customer, payer.quantity, key)
    # Making it was a try with this card.
    _save(payer, subscription=made.id, begun=payer.begun + 1, tried=card.id)
    return made


def _write_off(payer: Payer) -> None:
    """The subscription is over. Unless we ended it, it does not begin again before somebody pays."""
    if payer.subscription:
        pays = payer.pays and payer.closing
        _save(payer, subscription="", closing=False, pays=pays, status="", paid_quantity=0)


def _pay(payer: Payer, till: Till, live: Subscription, card: Card) -> Subscription:
    """Try what is owed with this card, once."""
    trouble = ""
    try:
        till.pay(payer.customer, live)
    except BadCard as bad:
        trouble = str(bad)
    _save(payer, tried=card.id, trouble=trouble[:300])
    return next((each for each in till.subscriptions_of(payer.customer) if each.id == live.id), live)


def _observe(payer: Payer, card: Card | None, live: Subscription | None) -> None:
    _save(
        payer,
        status=live.status if live else "",
        paid_quantity=live.quantity if live else 0,
        period_end=live.period_end if live else payer.period_end,
        ends=live.ends if live else False,
        trouble="" if live and live.status not in OWES else payer.trouble,
        card=card.id if card else "",
        card_brand=card.brand if card else "",
        card_last4=card.last4 if card else "",
    )


def _save(payer: Payer, **fields: object) -> None:
    for name, value in fields.items():
        setattr(payer, name, value)
    payer.save(update_fields=list(fields))
