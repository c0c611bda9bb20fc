"""What went out by email."""

from datetime import datetime

from django.core import mail
from django.core.mail import EmailMessage
from django.db.models import Max
from django.utils import timezone

from butt.outbox.models import OutboxMessage
from butt.outbox.sending import send_due


def sent(now: datetime | None = None) -> list[EmailMessage]:
    """Everything sent so far, after sending what is due by `now`, or everything that waits."""
    last = OutboxMessage.objects.aggregate(last=Max("due_at"))["last"]
    send_due(now or last or timezone.now())
    return mail.outbox
