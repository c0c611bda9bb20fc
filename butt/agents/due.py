"""What is due, and is found by a moment in its row that whoever puts it off moves."""

from datetime import datetime, timedelta

from django.db.models import Q


def due(field: str, now: datetime, furthest: timedelta) -> Q:
    """Rows whose moment in `field` has come, or lies further ahead than anybody puts it.

    The latter were put off by a clock that was ahead and is right again, as one that is set when the network comes: what
    was to wait for a minute would wait for a day.
    """
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + furthest})
