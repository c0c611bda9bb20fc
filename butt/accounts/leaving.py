"""People who delete their account: their bots leave with them, and then nothing of them stays.

The day is written first. Everything else follows from it and can be repeated: if killed anywhere, the next
round continues.
"""

import logging
from datetime import datetime, timedelta
from functools import cache
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone

from butt.accounts.models import AccessToken, Account
from butt.accounts.owners import leave, owners_of
from butt.agents import actions
from butt.agents.bots import bots_of
from butt.agents.models import Agent, Role, Wanted
from butt.agents.states import Action
from butt.agents.view import View
from butt.configuration import configuration

log = logging.getLogger("butt.accounts")

MOST_AT_ONCE = 20


def go(account: Account) -> None:
    """Delete the account: bots leave at once, tokens and sessions end, and the rest is removed when the grace
    period ends.
    """
    with transaction.atomic():
        if account.leaves_at is None:
            account.leaves_at = timezone.now() + timedelta(days=configuration().keep_days)
            account.save(update_fields=["leaves_at"])
        _let_bots_go(account.agent)
        AccessToken.objects.filter(account=account).delete()
        sessions = UserSession.objects.filter(user=account)
        Session.objects.filter(session_key__in=sessions.values("session_key")).delete()
        sessions.delete()


def stay(account: Account) -> None:
    """Undo the deletion; each bot can be restored on its own page."""
    Account.objects.filter(id=account.id).update(leaves_at=None)


def finish(now: datetime) -> None:
    """Remove people whose grace period is over, once their bots are gone. A chore."""
    # In random order, so that those who cannot be removed yet do not always come first.
    over = Account.objects.filter(leaves_at__lte=now).select_related("agent").order_by("?")
    for account in over[:MOST_AT_ONCE]:
        try:
            _finish(account, now)
        except ProtectedError as error:
            _say_what_holds(account.agent_id, tuple(sorted(str(each) for each in error.protected_objects)))


def _finish(account: Account, now: datetime) -> None:
    with transaction.atomic():
        if not Account.objects.select_for_update().filter(id=account.id, leaves_at__lte=now).exists():
            return
        _let_bots_go(account.agent)
        Wanted.objects.filter(bot__in=bots_of(account.agent), gone_at__gt=now).update(gone_at=now)
        if bots_of(account.agent).exists():
            return
        EmailAddress.objects.filter(user=account).delete()
        account.delete()
        Agent.objects.filter(id=account.agent_id).delete()
    log.info("a person is gone")


@cache
def _say_what_holds(person: UUID, machines: tuple[str, ...]) -> None:
    """Once per process, as it is tried every few seconds."""
    remove = ", ".join(f"`butt machine remove {machine}`" for machine in machines)
    log.error("person %s cannot be removed before their own machine is; for an operator: %s", person, remove)


def _let_bots_go(person: Agent) -> None:
    """Shared bots stay with the others; those that are only theirs leave."""
    for bot in bots_of(person):
        if bot.role == Role.MODERATOR or owners_of(bot).count() > 1:
            leave(person, bot)
        elif View(bot).may(Action.DELETE):
            actions.delete(person, bot)
