"""Who pays for a bot when its payer goes. The people who share it are asked, and nobody pays without agreeing to the amount.

A payer who wants to leave pays until somebody else agrees. If the payer is gone already, because they deleted their account or
an operator closed it, the bot keeps running for the days of grace, and then stops until somebody agrees.
"""

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from butt.accounts import owners
from butt.accounts.models import Account
from butt.agents import journal
from butt.agents.actions import Refused
from butt.agents.bots import ownerships
from butt.agents.effective_state import why_held
from butt.agents.models import Agent, Belongs, Role
from butt.agents.wake import wake_steward
from butt.billing import letters
from butt.billing.debts import check_leaves_no_debt
from butt.billing.interface import Billing, Price
from butt.billing.models import Payer, PayerWanted
from butt.billing.money import shown
from butt.billing.payers import PayerAnnotated, let_leave, payer_of, with_payer
from butt.configuration import configuration
from butt.outbox.models import OutboxMessage

REMIND_BEFORE = timedelta(days=3)

ASKED_AGAIN = timedelta(days=1)


def questions_to(person: Agent) -> list[PayerWanted]:
    """Those of the person's bots that need another payer. One query."""
    asked = PayerWanted.objects.filter(
        bot__belongs_to__in=ownerships().filter(target_agent=person), bot__wanted__gone_at=None
    )
    return list(asked.exclude(leaver=person).select_related("bot", "leaver").order_by("bot__name"))


def question_of(bot: Agent) -> PayerWanted | None:
    return PayerWanted.objects.filter(bot=bot).select_related("bot", "leaver").first()


def leave(billing: Billing, person: Agent, bot: Agent) -> bool:
    """Give up one's share; False if the person pays for the bot, and the others were asked to pay first.

    Raises `Refused`: `payment_due`, `last_owner`.
    """
    check_leaves_no_debt(billing, person, bot)
    if not billing.takes_money or payer_of(bot) != person.id:
        owners.leave(person, bot)
        return True
    if owners.owners_of(bot).count() <= 1:
        raise Refused("last_owner", "You are its last owner. You can delete it instead.")
    _, is_new = PayerWanted.objects.get_or_create(
        bot=bot, defaults={"leaver": person, "since": _asked_in_the_last_day(bot) or timezone.now()}
    )
    if is_new:
        journal.note(bot, person, "ask who pays")
    return False


def _asked_in_the_last_day(bot: Agent) -> datetime | None:
    """When the others were asked by mail, if that is not long ago: whoever changes their mind does not have them asked again."""
    asked = OutboxMessage.objects.filter(event="payer-asked", about__startswith=f"{bot.id} ")
    moments = (
        datetime.fromisoformat(each.partition(" ")[2]) for each in asked.values_list("about", flat=True)
    )
    return max((at for at in moments if at > timezone.now() - ASKED_AGAIN), default=None)


def stay(person: Agent, bot: Agent) -> None:
    """Undo a `leave` that waits for somebody's agreement."""
    if PayerWanted.objects.filter(bot=bot, leaver=person).delete()[0]:
        journal.note(bot, person, "stay")


def set_role(billing: Billing, owner: Agent, bot: Agent, person_id: uuid.UUID, role: str) -> None:
    """Make somebody who shares `bot` an owner or a moderator. The payer stays an owner, so that they can stop paying.

    Raises what `owners.set_role` does, and `Refused` `pays`.
    """

    def check(role: Role) -> None:
        if role is Role.MODERATOR and billing.takes_money and payer_of(bot) == person_id:
            raise Refused(
                "pays", f"The person who pays for {bot.name} stays an owner until another owner pays."
            )

    owners.set_role(owner, bot, person_id, role, check)


def agree(billing: Billing, person: Agent, bot: Agent, price: Price) -> None:
    """Pay for the bot from now on, at this price per month: the one that the person was shown.

    Raises `Refused`: `not_asked`, `price_changed`; `PaymentDue` if a card is needed or a payment is due first.
    """
    now = billing.price(person, bot.service)
    if price != now:
        raise Refused("price_changed", f"The price is {shown(now.amount, now.currency)} a month now.")
    with transaction.atomic():
        Agent.objects.select_for_update().get(id=bot.id)
        asked = question_of(bot)
        if asked is None or asked.leaver_id == person.id:
            raise Refused("not_asked", f"Somebody already pays for {bot.name}. Nobody else has to.")
        billing.check_may_add(person)
        Belongs.objects.filter(source_agent=bot).update(pays=False)
        if not ownerships().filter(source_agent=bot, target_agent=person).update(pays=True):
            raise Refused("not_asked", f"{bot.name} is no longer yours.")
        journal.note(bot, person, "agree to pay", amount=price.amount, currency=price.currency)
        asked.delete()
        if asked.leaver:
            owners.leave(asked.leaver, bot)
            if payer := Payer.objects.filter(person=asked.leaver).first():
                letters.tell(payer, "payer-found", asked.since, timezone.now(), bot, bot=bot.full_name)
    wake_steward(bot.id)


def look(billing: Billing, now: datetime, *, some_have_no_payer: bool) -> set[uuid.UUID]:
    """Check all bots that need a payer once; returns those that must not run.

    Finding the bots without a payer reads all bots, so it is skipped while it is known that there are none.
    """
    asked = {each.bot_id: each for each in PayerWanted.objects.select_related("leaver__account")}
    lived = Q(payer_id=None, observed__launch__gt=0)
    some = Q(id__in=asked) | lived if some_have_no_payer else Q(id__in=asked)
    for bot in with_payer().filter(some) if asked or some_have_no_payer else ():
        row = _row(bot, asked.get(bot.id), now)
        if row is None:
            asked.pop(bot.id, None)
            continue
        asked[bot.id] = row
        if not (bot.wanted.gone_at or why_held(bot.wanted)):
            _follow(billing, row, bot, now)
    return {bot for bot, row in asked.items() if row.stopped_at}


def _row(bot: PayerAnnotated, row: PayerWanted | None, now: datetime) -> PayerWanted | None:
    """The present question about this bot. A bot that leaves keeps its question, so being restored gives it no extra days."""
    leaver = row.leaver_id if row else None
    if row and bot.payer_id and (bot.payer_id != leaver or owners.owners_of(bot).count() <= 1):
        row.delete()
        return None
    if bot.payer_id or (row and not leaver and row.told != "payer-asked"):
        return row
    if bot.wanted.gone_at or why_held(bot.wanted):
        return None
    # A bot that is stopped because of a debt stays stopped: losing its payer gives it no extra days.
    new = {"leaver": None, "since": now, "stopped_at": None if bot.wanted.paid else now, "told": ""}
    return PayerWanted.objects.update_or_create(bot=bot, defaults=new)[0]


def _follow(billing: Billing, asked: PayerWanted, bot: Agent, now: datetime) -> None:
    """Apply what follows from how long nobody has agreed; letters go last."""
    if not asked.leaver_id and asked.stopped_at is None and now >= asked.stops_at:
        asked.stopped_at = now
        asked.save(update_fields=["stopped_at"])
    kind = _letter(asked, now)
    if kind == "payer-left" and not let_leave(bot):
        return
    if asked.told != kind:
        with transaction.atomic():
            _tell(billing, asked, kind, now)
            PayerWanted.objects.filter(bot=bot).update(told=kind)


def _letter(asked: PayerWanted, now: datetime) -> str:
    """Which letter its people should have had by now."""
    if asked.leaver_id:
        return "payer-asked"
    leaves_at = asked.leaves_at
    if leaves_at is None:
        return "payer-reminder" if now >= asked.stops_at - REMIND_BEFORE else "payer-wanted"
    if now >= leaves_at:
        return "payer-left"
    return "payer-leaving" if now >= leaves_at - REMIND_BEFORE else "payer-none"


def _tell(billing: Billing, asked: PayerWanted, kind: str, now: datetime) -> None:
    """Everybody who shares the bot, each with the sum that it would cost them."""
    for account in _others(asked):
        price = billing.price(account.agent, asked.bot.service)
        payer, _ = Payer.objects.get_or_create(person=account.agent)
        letters.tell(
            payer,
            kind,
            asked.since,
            now,
            asked.bot,
            bot=asked.bot.full_name,
            price=shown(price.amount, price.currency) if price.amount else "nothing",
            tax="" if configuration().tax == "none" or not price.amount else " plus tax",
            who=asked.leaver.account.email if asked.leaver else "",
            stops=asked.stops_at,
            leaves=asked.leaves_at,
        )


def _others(asked: PayerWanted) -> QuerySet[Account]:
    return owners.owners_of(asked.bot).filter(is_active=True).exclude(agent=asked.leaver_id)
