"""E-mails about what is theirs, to people of whom each gets one of their own."""

import logging
from collections.abc import Callable, Iterable
from smtplib import SMTPRecipientsRefused
from typing import TypeVar

from django.core.mail import send_mail

log = logging.getLogger("butt.accounts")

FAILED_IN_A_ROW = 3
"""After so many mail does not work; fewer may be because of an address."""
FOR_GOOD = 5

T = TypeVar("T")


def write_to(addresses: Iterable[str], subject: str, text: str) -> bool:
    """False when nobody was reached who may be later: to be tried again.

    As soon as one was reached it is done: nobody is told twice because another's address takes no mail. An address that
    is refused for good is done with, too.
    """
    reached = failed = 0
    for address in addresses:
        try:
            send_mail(subject, text, None, [address])
            reached += 1
        except OSError as error:  # that of smtplib is one, too; its text may hold the address
            if _is_for_good(error):
                log.warning("“%s” was refused for good by whoever takes mail for that address", subject)
                continue
            failed += 1
            log.warning("“%s” could not be sent: %s %s", subject, type(error).__name__, error.strerror or "")
    return bool(reached) or not failed


def tell_each(rows: Iterable[T], tell: Callable[[T], bool]) -> None:
    """Tell of each of `rows`, also after one that failed; but end when mail does not work at all."""
    failed = 0
    for row in rows:
        failed = 0 if tell(row) else failed + 1
        if failed == FAILED_IN_A_ROW:
            return


def _is_for_good(error: OSError) -> bool:
    """SMTP's 5xx is for ever; 4xx, as of a box that is full, may be over the next time."""
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(code // 100 == FOR_GOOD for code, _ in error.recipients.values())
