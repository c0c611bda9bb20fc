"""A mail server that does not take every email."""

from collections.abc import Sequence
from smtplib import SMTPRecipientsRefused

from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.backends.locmem import EmailBackend

ANSWERS = {"bob": (550, b"no such box"), "frank": (452, b"the box is full")}


class PostOffice(EmailBackend):
    """Never takes mail for Bob, and none for Frank now."""

    def send_messages(self, messages: Sequence[EmailMessage]) -> int:
        for message in messages:
            if answer := ANSWERS.get(message.to[0].partition("@")[0]):
                raise SMTPRecipientsRefused({message.to[0]: answer})
        return super().send_messages(messages)


def reached() -> list[str]:
    """To whom emails went."""
    return [to for letter in mail.outbox for to in letter.to]
