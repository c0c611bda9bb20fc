"""Emails to people about what is theirs, each person in a separate email."""

import logging
from collections.abc import Iterable
from smtplib import SMTPRecipientsRefused

from django.core.mail import EmailMessage

log = logging.getLogger("butt.accounts")

FOR_GOOD = 5


def write_to(addresses: Iterable[str], subject: str, text: str, message_id: str = "") -> bool:
    """Returns False if nobody was reached but somebody may be later, so it should be tried again.

    It is done as soon as one person was reached: nobody is told twice because another's address fails. An
    address that is refused permanently is not tried again either. Give `message_id`, in angle brackets, if the
    same email may be sent again.
    """
    headers = {"Message-ID": message_id} if message_id else {}
    reached = failed = 0
    for address in addresses:
        try:
            EmailMessage(subject, text, None, [address], headers=headers).send()
            reached += 1
        except OSError as error:  # includes smtplib's errors; its text may contain the address
            if _is_for_good(error):
                log.warning("“%s” was permanently rejected by the mail server for that address", subject)
                continue
            failed += 1
            log.warning("“%s” could not be sent: %s %s", subject, type(error).__name__, error.strerror or "")
    return bool(reached) or not failed


def _is_for_good(error: OSError) -> bool:
    """SMTP's 5xx is permanent; 4xx, such as a full mailbox, may be over next time."""
    if not isinstance(error, SMTPRecipientsRefused):
        return False
    return all(code // 100 == FOR_GOOD for code, _ in error.recipients.values())
