"""Removes expired sessions, along with the record of where they came from."""

from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet

MOST_ROWS = 500


def prune_sessions(now: datetime) -> bool:
    """One step: remove some expired rows. Returns whether there may be more to do."""
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    # allauth removes its record of a session only when the person looks at their sessions, which few ever do.
    over = Session.objects.filter(expire_date__lt=now), UserSession.objects.filter(~Exists(session))
    return any(_prune(rows) for rows in over)


def _prune(rows: QuerySet[Any]) -> bool:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_ROWS])
    rows.filter(pk__in=keys).delete()
    return len(keys) == MOST_ROWS
