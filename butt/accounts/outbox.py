"""The outbox: e-mails that are due for rows, none of which is sent twice.

A row has a mark for each of its e-mails: when it was sent. The mark is set before sending, so a process that
is killed in between leaves an e-mail unsent rather than sent twice. It is cleared if nobody could be reached,
to be tried again.
"""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from django.db.models import Model, QuerySet

from butt.accounts.mailing import tell_each, write_to
from butt.accounts.models import Account

MOST_AT_ONCE = 20

Row = TypeVar("Row", bound=Model)


def send_due(
    due: QuerySet[Row],
    mark: str,
    now: datetime,
    *,
    people: Callable[[Row], QuerySet[Account]],
    words: Callable[[Row], tuple[str, str]],
    unchanged: str = "pk",
) -> None:
    """Send the e-mail of each due row, at most `MOST_AT_ONCE`, to those of `people` whose account is open.

    `words` gives its subject and text. `mark` names the row's field for when the e-mail was sent, which is
    None in due rows. A row whose field `unchanged` has changed in the meantime is left for the next time.
    """

    def tell(row: Row) -> bool:
        """Returns False if it should be tried again."""
        same = due.model._default_manager.filter(**{"pk": row.pk, unchanged: getattr(row, unchanged)})  # noqa: SLF001
        if not same.filter(**{mark: None}).update(**{mark: now}):
            return True
        addresses = people(row).filter(is_active=True).values_list("email", flat=True)
        done = write_to(addresses, *words(row))
        if not done:
            same.update(**{mark: None})
        return done

    # In random order, so that those that cannot be sent do not always come first.
    tell_each(due.order_by("?")[:MOST_AT_ONCE], tell)
