"""Sessions that are over go, and with them where they came from."""

from datetime import datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db.models import Exists, OuterRef, QuerySet

MOST_ROWS = 500


def prune_sessions(now: datetime) -> bool:
    """One step: remove some of what is over. Whether there may be more to do."""
    session = Session.objects.filter(session_key=OuterRef("session_key"))
    # allauth removes what it noted of one when its person looks at their sessions, which few ever do.
    over = Session.objects.filter(expire_date__lt=now), UserSession.objects.filter(~Exists(session))
    return any(_prune(rows) for rows in over)


def _prune(rows: QuerySet[Any]) -> bool:
    keys = list(rows.order_by("pk").values_list("pk", flat=True)[:MOST_ROWS])
    rows.filter(pk__in=keys).delete()
    return len(keys) == MOST_ROWS
