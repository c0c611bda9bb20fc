"""E-mails about what is theirs, to people of whom each gets one of their own."""

import logging
from collections.abc import Iterable

from django.core.mail import send_mail

log = logging.getLogger("butt.accounts")


def write_to(addresses: Iterable[str], subject: str, text: str) -> bool:
    """False when mail does not work now, and so nobody was reached: to be tried again.

    As soon as one was reached it is done: nobody is told twice because another's address takes no mail.
    """
    reached = failed = 0
    for address in addresses:
        try:
            send_mail(subject, text, None, [address])
            reached += 1
        except OSError as error:  # that of smtplib is one, too; its text may hold the address
            failed += 1
            log.warning("“%s” could not be sent: %s %s", subject, type(error).__name__, error.strerror or "")
    return bool(reached) or not failed
