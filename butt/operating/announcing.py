"""Telling everybody something by email, for example that the service will be away: each person once, in batches."""

import logging
import uuid
from datetime import datetime

from django.db import transaction

from butt.accounts.mailing import write_to
from butt.accounts.models import Account
from butt.agents import journal
from butt.agents.models import Agent
from butt.operating import NotDone
from butt.operating.models import Announcement

log = logging.getLogger("butt.operating")

AT_ONCE = 50
"""Emails sent in one step, so that other chores get their turn."""

LONGEST_SUBJECT, LONGEST_TEXT = 120, 5000
EVERYBODY = uuid.UUID(int=0)
"""Stands for the person in journal entries about announcements."""


def announce(actor: Agent | str, subject: str, text: str) -> Announcement:
    """Send this to everybody with an open account, starting within seconds. Raises `NotDone`."""
    subject, text = " ".join(subject.split()), text.strip()
    if not (subject and text):
        raise NotDone("Give a subject and a text.")
    if len(subject) > LONGEST_SUBJECT or len(text) > LONGEST_TEXT:
        raise NotDone(f"A subject has at most {LONGEST_SUBJECT} characters, and a text {LONGEST_TEXT}.")
    if Announcement.objects.filter(subject=subject, text=text, done_at=None).exists():
        raise NotDone("This announcement is already being sent.")
    with transaction.atomic():
        made = Announcement.objects.create(subject=subject, text=text)
        journal.note_on(EVERYBODY, "everybody", actor, "announced", subject=subject)
    return made


def tell_everybody(now: datetime) -> bool:
    """One step: tell some people who have not been told. Returns whether there may be more to do.

    Progress is written after each email: if it is killed in between, one person gets it twice and nobody
    misses it. People who came after the announcement are not told.
    """
    letter = Announcement.objects.filter(done_at=None).order_by("id").first()
    if letter is None:
        return False
    people = Account.objects.filter(id__gt=letter.told_up_to, is_active=True, created_at__lte=letter.made_at)
    for account in people.order_by("id")[:AT_ONCE]:
        if not write_to([account.email], letter.subject, f"{letter.text}\n"):
            log.warning("“%s” waits, as mail cannot be sent now", letter.subject)
            return False
        Announcement.objects.filter(id=letter.id).update(told_up_to=account.id)
        letter.told_up_to = account.id
    if not people.filter(id__gt=letter.told_up_to).exists():
        Announcement.objects.filter(id=letter.id).update(done_at=now)
        log.info("“%s” went to everybody", letter.subject)
    return True
