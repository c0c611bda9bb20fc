"""Sessions as Django keeps them in the database, read by a prepared query at each request."""

from datetime import UTC, datetime
from typing import cast

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

from butt.agents.prepared import PreparedModels

_kept = PreparedModels(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now),
    "no key",
    datetime(2000, 1, 1, tzinfo=UTC),
)


class SessionStore(db.SessionStore):
    def _get_session_from_db(self) -> Session | None:
        session = cast("Session | None", _kept.first(self.session_key or "", timezone.now()))
        if session is None:
            self._session_key = None
        return session
