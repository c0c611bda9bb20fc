"""How many bots each person should pay for, and where receipts go: from rows only, without calling Stripe."""

from datetime import datetime

from django.db.models import F

from butt.billing.models import Payer
from butt.billing.payers import BotCounts, shares


def count(now: datetime, free: int, *, rooms_apart: bool) -> bool:
    """Count for everybody who has bots or had some; `free` bots of each person cost nothing. Rooms are counted separately if
    they cost a different amount. Whether there are bots without a payer.
    """
    have = shares(free)
    without = have.pop(None, BotCounts())
    known = list(Payer.objects.all())
    new = have.keys() - {payer.person_id for payer in known}
    known += [Payer.objects.get_or_create(person_id=person_id)[0] for person_id in new]
    for payer in known:
        share = have.get(payer.person_id) if payer.person_id else None
        quantity = max(0, share.stay - free) if share else 0
        rooms = share.rooms if share and rooms_apart else 0
        keeps = bool(share and share.leave and payer.due_since)
        if (payer.quantity, payer.rooms, payer.keeps) != (quantity, rooms, keeps):
            Payer.objects.filter(id=payer.id).update(quantity=quantity, rooms=rooms, keeps=keeps, look_at=now)

    # Stripe sends receipts to the address it knows, so it is told about a changed one.
    changed = Payer.objects.exclude(customer="").filter(failures=0, person__account__isnull=False)
    changed.exclude(email=F("person__account__email")).update(look_at=now)
    return without.stay > 0
