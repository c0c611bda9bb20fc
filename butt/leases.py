"""Leases: rows that several workers share without a queue, each worked on by one of them at a time.

A row has a moment, such as when it is due. A worker claims the row by moving that moment ahead, to the end of its lease.
Only one worker can do so, as the update asks for the moment that was read. Should the worker be killed, its lease ends by
itself. A worker that is done says when to come back, or gives the row free.
"""

from datetime import datetime, timedelta

from django.db.models import Model, Q


def due(field: str, now: datetime, furthest: timedelta) -> Q:
    """Rows whose moment in `field` has come, or lies further ahead than anybody puts it.

    The latter were put off by a clock that was ahead and is right again, like one that is set when the network comes up:
    what was to wait for a minute would wait for a day.
    """
    return Q(**{f"{field}__lte": now}) | Q(**{f"{field}__gt": now + furthest})


def free(field: str, before: datetime) -> Q:
    """Rows that nobody has claimed, or whose lease in `field` ended before this moment."""
    return Q(**{field: None}) | Q(**{f"{field}__lt": before})


def claim(row: Model, field: str, until: datetime | None, **still: object) -> bool:
    """Move the row's moment from what was read to `until`. False when somebody else has moved it since.

    `still` is what else must be so of the row now. Use it to claim a row, to renew a lease, and to give the row free (None).
    """
    same = type(row)._default_manager.filter(**{**still, "pk": row.pk, field: getattr(row, field)})  # noqa: SLF001
    if not same.update(**{field: until}):
        return False
    setattr(row, field, until)
    return True


def come_back(row: Model, field: str, at: datetime) -> None:
    """End a lease: the row is due at `at`, unless somebody asked for it in the meantime. Then it is due at once."""
    claim(row, field, at)
