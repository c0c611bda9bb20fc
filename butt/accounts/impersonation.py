"""An operator viewing a person's pages: for a stated reason, for a quarter of an hour, and recorded in the
journal.
"""

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from butt.accounts.models import Account, Impersonation
from butt.agents import journal
from butt.agents.models import Agent

LASTS = timedelta(minutes=15)


class NoReason(Exception):
    """A reason is required."""


def begin(operator: Account, person: Agent, reason: str) -> Impersonation:
    """Raises `NoReason`."""
    reason = " ".join(reason.split())[:300]
    if not reason:
        raise NoReason
    with transaction.atomic():
        look = Impersonation.objects.create(
            operator=operator, person=person, reason=reason, until=timezone.now() + LASTS
        )
        journal.note(person, operator.agent, "look", reason=reason)
    return look


def current(operator: Account, look_id: int) -> Impersonation | None:
    """The impersonation, while it lasts and its operator still is one."""
    if not (operator.is_staff and operator.is_active):
        return None
    looks = Impersonation.objects.filter(id=look_id, operator=operator, until__gt=timezone.now())
    return looks.select_related("person").first()


def end(operator: Account, look_id: int) -> None:
    now = timezone.now()
    Impersonation.objects.filter(id=look_id, operator=operator, until__gt=now).update(until=now)
