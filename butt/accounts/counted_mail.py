"""Django's email backends, which also count what was sent and what failed."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends import console, smtp

from butt.beats.counting import count


class _Counted:
    """Mixed in before one of Django's backends."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        try:
            sent = int(super().send_messages(messages) or 0)  # type: ignore[misc]
        except OSError:  # includes smtplib's errors
            count("mail", "failed", by=len(messages))
            raise
        count("mail", "sent", by=sent)
        return sent


class SmtpMail(_Counted, smtp.EmailBackend):
    """Through a mail server."""


class ConsoleMail(_Counted, console.EmailBackend):
    """To the output of the process that sends it."""
