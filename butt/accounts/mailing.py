"""E-mails to people about what is theirs, each person in a separate e-mail."""

import logging
from collections.abc import Callable, Iterable
from smtplib import SMTPRecipientsRefused
from typing import TypeVar

from django.core.mail import send_mail

log = logging.getLogger("butt.accounts")

FAILED_IN_A_ROW = 3
"""After this many, mail is taken not to work; fewer failures may be due to single addresses."""
FOR_GOOD = 5

T = TypeVar("T")


def write_to(addresses: Iterable[str], subject: str, text: str) -> bool:
    """Returns False if nobody was reached but somebody may be later, so it should be tried again.

    It is done as soon as one person was reached: nobody is told twice because another's address fails. An
    address that is refused permanently is not tried again either.
    """
    reached = failed = 0
    for address in addresses:
        try:
            send_mail(subject, text, None, [address])
            reached += 1
        except OSError as error:  # includes smtplib's errors; its text may contain the address
            if _is_for_good(error):
                log.warning("“%s” was refused for good by whoever takes mail for that address", subject)
                continue
            failed += 1
            log.warning("“%s” could not be sent: %s %s", subject, type(error).__name__, error.strerror or "")
    return bool(reached) or not failed


def tell_each(rows: Iterable[T], tell: Callable[[T], bool]) -> None:
    """Tell of each of `rows`, even after one that failed, but stop when mail does not work at all."""
    failed = 0
    for row in rows:
        failed = 0 if tell(row) else failed + 1
        if failed == FAILED_IN_A_ROW:
            return


def _is_for_good(error: OSError) -> bool:
    """SMTP's 5xx is permanent; 4xx, such as a full mailbox, may be over next time."""
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(code // 100 == FOR_GOOD for code, _ in error.recipients.values())
