"""Who pays for which bots: of the people who share a bot, the first who agreed to, from the day the bot was first alive.

Whoever makes a bot agrees by making it; anybody else is asked (`butt.billing.takeover`). A person whose account is closed pays
for nothing, and nobody pays for a bot that operators stopped.
"""

import logging
import uuid
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from django.db.models import OuterRef, Q, QuerySet, Subquery, UUIDField

from butt.agents import actions, journal
from butt.agents.actions import Refused
from butt.agents.bots import bots
from butt.agents.models import Agent, Belongs, Wanted
from butt.agents.wake import wake_steward
from butt.billing.models import Payer

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


log = logging.getLogger("butt.billing")

ROOM = "room"
"""The service that may cost a different amount."""


class Paid(TypedDict):
    payer_id: uuid.UUID | None


if TYPE_CHECKING:
    PayerAnnotated = WithAnnotations[Agent, Paid]
else:
    PayerAnnotated = Agent


@dataclass
class BotCounts:
    """How many bots a person has that were ever alive: those that stay, and those that leave or are held by operators.

    `rooms` are those of the service `room` that stay and are paid for.
    """

    stay: int = 0
    rooms: int = 0
    leave: int = 0


def with_payer() -> "QuerySet[PayerAnnotated]":
    """All bots, each with its payer's id as `payer_id`."""
    agreed = Belongs.objects.filter(
        source_agent=OuterRef("pk"), pays=True, target_agent__account__is_active=True
    )
    first = agreed.order_by("created_at", "id")
    return bots().annotate(payer_id=Subquery(first.values("target_agent_id")[:1], output_field=UUIDField()))


def payer_of(bot: Agent) -> uuid.UUID | None:
    """The person who pays for this bot."""
    return with_payer().get(id=bot.id).payer_id


def bots_paid_by(person: Agent) -> list[Agent]:
    return list(with_payer().filter(payer_id=person.id).order_by("name"))


def shares(free: int) -> dict[uuid.UUID | None, BotCounts]:
    """By person; None has the bots without a payer. Nobody pays for a bot that was never alive, nor for one that operators keep
    from running. The `free` oldest of those that stay cost nothing, so each further one costs its own price.
    """
    found: dict[uuid.UUID | None, BotCounts] = defaultdict(BotCounts)
    is_held = Q(wanted__suspended=True) | ~Q(wanted__blocked="")
    lived = with_payer().filter(observed__launch__gt=0).annotate(is_held=Q(is_held))
    columns = lived.order_by("created_at", "id").values_list(
        "payer_id", "wanted__gone_at", "is_held", "service"
    )
    for person, gone_at, held, service in columns:
        if gone_at is None and not held:
            found[person].stay += 1
            found[person].rooms += service == ROOM and found[person].stay > free
        else:
            found[person].leave += 1
    return found


def let_run(people: QuerySet[Payer] | None, without_payer: Collection[uuid.UUID] = ()) -> bool:
    """Write into `Wanted.paid` that the bots of these payers, and these bots, may not run, and all others may; whether anything
    changed.

    With None, all bots may run.
    """
    stopped = set() if people is None else set(people.values_list("person_id", flat=True)) - {None}
    owned = with_payer()
    held = Q(payer_id__in=stopped) | Q(id__in=without_payer)
    stop = (
        list(owned.filter(held, wanted__paid=True, observed__launch__gt=0))
        if stopped or without_payer
        else []
    )
    # For a bot without a payer `payer_id` is NULL, and SQL cannot tell whether NULL is in a list.
    let = [
        bot
        for bot in owned.filter(wanted__paid=False)
        if bot.payer_id not in stopped and bot.id not in without_payer
    ]
    for bot, paid in [*((bot, False) for bot in stop), *((bot, True) for bot in let)]:
        if Wanted.objects.filter(bot=bot, paid=not paid).update(paid=paid):
            journal.note(bot, "billing", "paid" if paid else "unpaid")
        wake_steward(bot.id)
    return bool(stop or let)


def let_leave(bot: Agent) -> bool:
    """Delete a bot that nobody has paid for long enough; whether it leaves."""
    try:
        actions.delete("billing", bot)
    except Refused as no:
        log.warning("cannot delete %s, which is unpaid: %s", bot.name, no)
        return False
    return True


def payment_data(person: Agent) -> dict[str, object] | None:
    """What is stored about a person's payment, for that person; None if nothing is."""
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
