"""Who pays for which bots: the person a bot belonged to first, from the day it was alive for the first time."""

import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from django.db.models import OuterRef, QuerySet, Subquery, UUIDField

from butt.agents import journal
from butt.agents.bell import ring
from butt.agents.bots import bots
from butt.agents.models import Agent, Belongs, Wanted
from butt.billing.models import Payer

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


class Paid(TypedDict):
    payer_id: uuid.UUID | None


@dataclass
class Share:
    """What a person has: bots that lived and are to stay, and those that lived and leave."""

    stay: int = 0
    leave: int = 0


def _with_payer() -> "QuerySet[WithAnnotations[Agent, Paid]]":
    first = Belongs.objects.filter(source_agent=OuterRef("pk")).order_by("created_at", "id")
    return bots().annotate(payer_id=Subquery(first.values("target_agent_id")[:1], output_field=UUIDField()))


def bots_paid_by(person: Agent) -> list[Agent]:
    return list(_with_payer().filter(payer_id=person.id).order_by("name"))


def shares() -> Mapping[uuid.UUID, Share]:
    """By person. Nobody pays for a bot that was never alive."""
    found: dict[uuid.UUID, Share] = defaultdict(Share)
    rows = _with_payer().filter(observed__launch__gt=0).values_list("payer_id", "wanted__gone_at")
    for person, gone_at in rows:
        if person is not None and gone_at is None:
            found[person].stay += 1
        elif person is not None:
            found[person].leave += 1
    return found


def let_run(people: QuerySet[Payer] | None) -> bool:
    """Write into `Wanted.paid` that the bots of these payers may not run, and all others may; whether that was new.

    With None, all bots may run.
    """
    stopped = set() if people is None else set(people.values_list("person_id", flat=True)) - {None}
    owned = _with_payer()
    stop = (
        list(owned.filter(payer_id__in=stopped, wanted__paid=True, observed__launch__gt=0)) if stopped else []
    )
    let = list(owned.filter(wanted__paid=False).exclude(payer_id__in=stopped))
    for bot, paid in [*((bot, False) for bot in stop), *((bot, True) for bot in let)]:
        if Wanted.objects.filter(bot=bot, paid=not paid).update(paid=paid):
            journal.note(bot, "billing", "paid" if paid else "unpaid")
        ring(bot.id)
    return bool(stop or let)


def payment_data(person: Agent) -> dict[str, object] | None:
    """What is kept of a person's payment, for themself; None where there is none."""
    fields = (
        "email",
        "customer",
        "subscription",
        "status",
        "card_brand",
        "card_last4",
        "period_end",
        "due_since",
    )
    found: dict[str, object] | None = Payer.objects.filter(person=person).values(*fields).first()
    return found
